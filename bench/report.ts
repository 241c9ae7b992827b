/** One line of the table: a figure beside the limit measured in the same run and the goals of the design. */
export type Row = {
  readonly path: string;
  readonly figure: string;
  readonly limit: string;
  /** Figure over limit, where both are rates or both are times. */
  readonly ratio?: number;
  readonly goals: readonly Goal[];
  /** How it was measured, or what stood in the way. */
  readonly note?: string;
};

export type Goal = { readonly text: string; readonly reached: boolean };

/** What a benchmark is run with. */
export type BenchOptions = {
  /** Short runs: the figures are rougher. */
  readonly quick: boolean;
  readonly progress: (text: string) => void;
};

export type Bench = (options: BenchOptions) => Promise<readonly Row[]>;

/** The table as Markdown, every goal said to be reached or not. */
export function formatTable(rows: readonly Row[]): string {
  const lines = rows.map(({ path, figure, limit, ratio, goals }) => {
    const verdicts = goals.map(({ text, reached }) => `${text}: ${reached ? 'reached' : 'NOT reached'}`);
    return `| ${path} | ${figure} | ${limit} | ${ratio === undefined ? '-' : ratio.toFixed(2)} | ${verdicts.join('; ')} |`;
  });
  const notes = rows.flatMap(({ path, note }) => (note === undefined ? [] : [`- ${path}: ${note}`]));
  return [
    '| path | figure | limit in the same run | ratio | goal |',
    '|---|---|---|---|---|',
    ...lines,
    '',
    ...notes,
  ].join('\n');
}

/** 123456 as `123.5 k`. */
export function thousands(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value.toFixed(1);
}
