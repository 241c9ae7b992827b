/**
 * Prints the table of speeds: each figure beside its limit, measured in the same run, and beside its goal.
 *
 *   npm run bench                       all rows (about ten minutes)
 *   npm run bench -- --quick            all rows, short runs
 *   npm run bench -- --only ingest,ids  some rows; `ids` (ten million ids) runs only when named
 *
 * Every row runs in a process of its own, one after the other.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { formatTable } from './report.ts';
import type { Bench, Row } from './report.ts';

const ROWS: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  ingest: () => import('./ingest.ts'),
  import: () => import('./import.ts'),
  facts: () => import('./facts.ts'),
  models: () => import('./models.ts'),
  funnel: () => import('./funnel.ts'),
  answers: () => import('./answers.ts'),
  beside: () => import('./beside.ts'),
  visible: () => import('./visible.ts'),
  ids: () => import('./ids.ts'),
};
const BY_DEFAULT = ['ingest', 'import', 'facts', 'models', 'funnel', 'answers', 'beside', 'visible'];
const RESULT = 'BENCH_ROWS ';

const { quick, only, row } = optionsOf(process.argv.slice(2));
if (row === undefined) printAll();
else await printOne(row);

function printAll(): void {
  const [cpu] = cpus();
  console.log(
    `Daybook benchmarks: ${availableParallelism()} cores (${cpu?.model ?? 'unknown'}), ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}${quick ? ', short runs' : ''}`,
  );
  console.log('The load generator, the server and the engine share these cores.\n');
  const rows: Row[] = [];
  for (const name of only ?? BY_DEFAULT) {
    const words = [import.meta.filename, '--row', name, ...(quick ? ['--quick'] : [])];
    const { status, stdout } = spawnSync(process.execPath, words, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 2 ** 20,
      env: { ...process.env, UV_THREADPOOL_SIZE: '32' },
    });
    const line = stdout.split('\n').find((text) => text.startsWith(RESULT));
    if (status === 0 && line !== undefined) rows.push(...(JSON.parse(line.slice(RESULT.length)) as Row[]));
    else rows.push({ path: name, figure: 'failed, see above', limit: '-', goals: [] });
  }
  console.log(formatTable(rows));
}

async function printOne(name: string): Promise<void> {
  const load = ROWS[name];
  if (!load) throw new Error(`no row is called ${name}: ${Object.keys(ROWS).join(', ')}`);
  const { bench } = await load();
  const rows = await bench({
    quick,
    progress: (text) => {
      console.error(`  ${name}: ${text}`);
    },
  });
  console.log(RESULT + JSON.stringify(rows));
  process.exit(0);
}

function optionsOf(words: readonly string[]): { quick: boolean; only?: readonly string[]; row?: string } {
  const after = (flag: string): string | undefined =>
    words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined;
  const names = after('--only')?.split(',');
  const name = after('--row');
  return {
    quick: words.includes('--quick'),
    ...(names ? { only: names } : {}),
    ...(name === undefined ? {} : { row: name }),
  };
}
