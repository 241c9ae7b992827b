import { isMeant } from '#domain';
import type { ProjectionDocument, RebuildDocument, ScopeDocument } from '#projections';
import { durationText, grouped } from './import-words.ts';
import { formatTable, shown } from './output.ts';

const BAR = 10;
const MOST_DIFFERENCES = 20;
const OVER: ReadonlySet<RebuildDocument['stage']> = new Set(['cancelled', 'activated']);

/** Every projection of a tenant, and which of them want a rebuild. */
export function listText(projections: readonly ProjectionDocument[]): string {
  const rows = projections.map((one) => {
    const active = one.generations.find(({ role }) => role === 'active');
    return [
      one.projection,
      one.active_generation,
      versionText(one, active?.version),
      behindText(active?.behind),
      active?.stands_still ?? '',
      one.rebuild ? stageText(one.rebuild) : '',
    ];
  });
  const table = formatTable(
    ['projection', 'generation', 'version', 'behind', 'stands still', 'last rebuild'],
    rows,
  );
  return table + projections.map(dueText).join('');
}

/** One projection of a tenant: its generations, its rebuild, what differs, and what to do next. */
export function showText(status: ProjectionDocument): string {
  const { projection, tenant_id: tenant, generations, rebuild } = status;
  const table = formatTable(
    ['generation', 'role', 'version', 'created', 'behind', 'stands still'],
    generations.map((one) => [
      one.generation,
      one.role,
      one.version,
      one.created_at,
      behindText(one.behind),
      one.stands_still,
    ]),
  );
  return [
    `${shown(projection)} of ${tenant}, logic of version ${status.version}\n\n${table}`,
    rebuild ? `\n${rebuildText(projection, rebuild)}` : '',
    rebuild ? `\n${nextText(status, rebuild)}` : '',
    dueText(status),
  ].join('');
}

/** `facts of acme  folding  [####------]  42 %  5.3 s left  31,200/s  120,000 of 285,000 records` */
export function progressLine(
  { projection, tenant_id: tenant }: ProjectionDocument,
  rebuild: RebuildDocument,
): string {
  const { stage, done, total, rate, eta_seconds: left } = rebuild;
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.floor(share * BAR);
  // A narrow terminal cuts the end off: what matters least stands there.
  return [
    `${shown(projection)} of ${tenant}`,
    stage,
    `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`,
    `${Math.floor(share * 100)} %`,
    ...(left === null ? [] : [`${durationText(left)} left`]),
    ...(rate === null ? [] : [`${grouped(rate)}/s`]),
    `${grouped(done)} of ${grouped(total)} records`,
  ].join('  ');
}

/** The command that does something to this projection, as one would type it. */
export function commandFor(
  { projection, tenant_id: tenant }: ProjectionDocument,
  command: string,
  ...rest: readonly string[]
): string {
  return ['daybook projections', command, projection, ...rest, '--tenant', tenant]
    .map((word, index) => (index === 0 ? word : quoted(word)))
    .join(' ');
}

function behindText(records: string | null | undefined): string {
  return typeof records === 'string' ? grouped(Number(records)) : '';
}

function versionText({ version, rebuild_due: due }: ProjectionDocument, active: number | undefined): string {
  return due && active !== undefined ? `${active}, the code has ${version}` : String(version);
}

/** Nothing while a rebuild is under way, which is what would be offered. */
function dueText(status: ProjectionDocument): string {
  const { projection, rebuild, rebuild_due: due } = status;
  if (!due || (rebuild && !OVER.has(rebuild.stage))) return '';
  return (
    `\n${shown(projection)} was folded by older logic and does not go on by newer. Rebuild it:\n` +
    `  ${commandFor(status, 'rebuild')}\n`
  );
}

function stageText({ generation, stage, done, total }: RebuildDocument): string {
  const share = stage === 'folding' && total > 0 ? ` ${Math.floor((done / total) * 100)} %` : '';
  return `generation ${generation} ${stage}${share}`;
}

function rebuildText(projection: string, rebuild: RebuildDocument): string {
  const { generation, scope, by, started_at: started, stage, done, total, reason } = rebuild;
  const why = by.reason === '' ? '' : `: ${shown(by.reason)}`;
  const lines = [
    `Rebuild into generation ${generation}, ${stage}${reason ? `: ${shown(reason)}` : ''}\n`,
    `  what      ${scopeText(scope)}\n`,
    `  begun     ${started} by ${shown(by.actor)}${why}\n`,
    `  folded    ${grouped(done)} of ${grouped(total)} records\n`,
  ];
  const { verification } = rebuild;
  if (!verification) return lines.join('');
  const { compared, different, at, differences = [] } = verification;
  const equal = different === 0 ? 'all equal' : `${grouped(different)} different`;
  lines.push(
    `  verified  ${at}, ${grouped(compared)} ${whatIsCompared(projection, compared)} compared, ${equal}\n`,
  );
  if (differences.length > 0 && stage !== 'cancelled') lines.push(`\n${differencesText(rebuild, different)}`);
  return lines.join('');
}

/** What has a name of its own when two generations of it are compared. */
function whatIsCompared(projection: string, count: number): string {
  const one = projection === 'facts' ? 'day' : projection === 'live_views' ? 'collection' : 'document';
  return count === 1 ? one : `${one}s`;
}

function differencesText(rebuild: RebuildDocument, different: number): string {
  const differences = rebuild.verification?.differences ?? [];
  const isAccepted = acceptedBy(rebuild);
  const listed = differences.slice(0, MOST_DIFFERENCES);
  const table = formatTable(
    ['differs', 'active', 'rebuilt', 'for example', 'accepted'],
    listed.map(({ name, active, candidate, examples }) => [
      name,
      active ?? 'nothing',
      candidate ?? 'nothing',
      examples[0] ?? '',
      isAccepted(name) ? 'yes' : '',
    ]),
  );
  const more = different - listed.length;
  return more > 0
    ? `${table}and ${grouped(more)} more; --json has the first 1,000 with all examples\n`
    : table;
}

function nextText(status: ProjectionDocument, rebuild: RebuildDocument): string {
  const step = (what: string, ...command: [string, ...string[]]): string =>
    `${what}\n  ${commandFor(status, ...command)}\n`;
  switch (rebuild.stage) {
    case 'copying':
    case 'folding':
    case 'verifying':
      return `It goes on by itself.\n`;
    case 'ready':
      return step('Let it serve:', 'activate') + step('Or give it up:', 'cancel');
    case 'different':
      return (
        step(
          'Accept what is meant to differ, by name (one that ends in * accepts all that begin so):',
          'accept',
          ...openNames(rebuild),
        ) + step('Or give it up; the active generation was never touched:', 'cancel')
      );
    case 'paused':
    case 'failed':
      return step('Let it go on:', 'resume') + step('Or give it up:', 'cancel');
    case 'cancelled':
      return `Generation ${status.active_generation} serves, as before.\n`;
    case 'activated':
      return previousText(status, step);
  }
}

function previousText(
  { generations, active_generation: active }: ProjectionDocument,
  step: (what: string, ...command: [string, ...string[]]) => string,
): string {
  const previous = generations.filter(({ role }) => role === 'previous').map(({ generation }) => generation);
  const [first] = previous;
  if (first === undefined) return `Generation ${active} serves.\n`;
  const kept = `${previous.length > 1 ? 'generations' : 'generation'} ${previous.join(', ')}`;
  return (
    step(`Generation ${active} serves, and ${kept} may again. Let the one before serve again:`, 'rollback') +
    step('Or let one go:', 'drop', String(first))
  );
}

/**
 * The names somebody still has to look at; of many, one that stands for them. Beyond those that the platform
 * lists there are only all.
 */
function openNames(rebuild: RebuildDocument): readonly string[] {
  const { different = 0, differences = [] } = rebuild.verification ?? {};
  const isAccepted = acceptedBy(rebuild);
  const open = differences.map(({ name }) => name).filter((name) => !isAccepted(name));
  if (different > differences.length) return ['*'];
  return open.length <= 5 ? open : ['NAME'];
}

function acceptedBy({ accepted }: RebuildDocument): (name: string) => boolean {
  return (difference) => accepted.some(({ name }) => isMeant(name, difference));
}

function scopeText(scope: ScopeDocument): string {
  switch (scope.kind) {
    case 'all':
      return 'everything';
    case 'event':
      return `events named ${shown(scope.event)}; the rest is copied`;
    case 'offsets':
      return `offsets ${scope.from_offset} to ${scope.to_offset} of partition ${scope.partition}; the rest is copied`;
    case 'time':
      return `events from ${scope.from} to ${scope.to}; the rest is copied`;
  }
}

function quoted(word: string): string {
  const text = shown(word);
  return /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
