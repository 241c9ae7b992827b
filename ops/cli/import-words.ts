import type { ImportTallied } from './import-tally.ts';

/** How an import stands while it runs. */
export type ImportPace = {
  readonly path: string;
  readonly tallied: ImportTallied;
  /** Rows of this run per second. */
  readonly rate: number;
  /** Of the file, from 0 to 1. */
  readonly share: number;
  /** Undefined as long as nothing can be said. */
  readonly secondsLeft: number | undefined;
};

/** `events.csv  42 %  120,000 rows  31,200/s  5 s left  3 refused` */
export function paceLine({ path, tallied, rate, share, secondsLeft }: ImportPace): string {
  const refused = tallied.conflict + tallied.rejected;
  return [
    path,
    `${Math.floor(share * 100)} %`,
    `${grouped(tallied.rows)} rows`,
    `${grouped(rate)}/s`,
    ...(secondsLeft === undefined ? [] : [`${durationText(secondsLeft)} left`]),
    ...(refused > 0 ? [`${grouped(refused)} refused`] : []),
  ].join('  ');
}

/** The same as one JSON object, for a reader that is no terminal. */
export function paceJson({ path, tallied, rate, share, secondsLeft }: ImportPace): string {
  const { reasons: _reasons, ...counts } = tallied;
  return JSON.stringify({
    file: path,
    ...counts,
    rows_per_second: Math.round(rate),
    percent: Math.floor(share * 100),
    seconds_left: secondsLeft === undefined ? null : Math.round(secondsLeft),
  });
}

/** What became of a file, for a person. */
export function reportText(about: {
  readonly path: string;
  readonly tenant: string;
  readonly tallied: ImportTallied;
  readonly seconds: number;
  readonly dryRun: boolean;
  readonly rejects: string | undefined;
  /** What the numbers of rows count. */
  readonly rowName: 'line' | 'row';
}): string {
  const { path, tenant, tallied, seconds, dryRun, rejects, rowName } = about;
  const { rows, resumed, accepted, duplicate, conflict, rejected, warned, reasons } = tallied;
  const rate = seconds > 0 ? (rows - resumed) / seconds : 0;
  const counts: [string, number, string][] = [
    [
      dryRun ? 'would be accepted' : 'accepted',
      accepted,
      warned > 0 ? `, ${grouped(warned)} with a warning` : '',
    ],
    ...(dryRun
      ? []
      : ([
          ['duplicate', duplicate, ''],
          ['conflict', conflict, ''],
        ] as [string, number, string][])),
    [dryRun ? 'would be rejected' : 'rejected', rejected, ''],
  ];
  const lines = [
    `${path}: ${grouped(rows)} rows in ${durationText(seconds)}, ${grouped(rate)} rows/s`,
    ...(resumed > 0 ? [`  the first ${grouped(resumed)} were imported before`] : []),
    ...counts.map(([name, count, more]) => `  ${name.padEnd(17)} ${grouped(count).padStart(12)}${more}`),
    ...reasons.flatMap((reason) => [
      `    ${grouped(reason.rows)} x ${[reason.code, reason.field].filter(Boolean).join(' ')}`,
      ...reason.examples.map(({ at, message }) => `      ${rowName} ${at}: ${oneLine(message)}`),
    ]),
  ];
  if (!dryRun && conflict + rejected > 0) {
    lines.push(`  They are kept as dead letters: daybook log tail --tenant ${tenant} --dead-letters`);
  }
  if (rejects !== undefined && conflict + rejected > 0) lines.push(`  and listed in ${rejects}`);
  return `${lines.join('\n')}\n`;
}

/** `31,200` */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `5.0 s`, `42 s`, `3 min 20 s` */
export function durationText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.round(seconds / 3600)} h`;
}

/** What a value brought along must not steer the terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
