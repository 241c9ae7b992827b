import type { Command } from 'commander';
import { askPlatform, linesOf } from './client.ts';
import { CommandFailed } from './output.ts';
import type { AskingCommands, Surroundings } from './output.ts';

type RepairFlags = {
  readonly tenant: string;
  readonly projection: string;
  readonly from?: string;
  readonly to?: string;
  readonly partition?: string;
  readonly fromOffset?: string;
  readonly toOffset?: string;
  readonly url?: string;
  readonly json: boolean;
};

type RepairLine = {
  readonly checked: number;
  readonly total: number;
  readonly inserted: number;
  readonly copies_removed: number;
  readonly poisoned: number;
  readonly days: readonly string[];
  readonly done: boolean;
  readonly error?: { readonly code: string; readonly message: string };
};

/** Adds `repair` to `daybook projections`. */
export function addProjectionsRepair(
  projections: Command,
  { around, url }: Pick<AskingCommands, 'around' | 'url'>,
): void {
  projections
    .command('repair')
    .description('project records again that the facts of a tenant have lost, and remove copies')
    .argument('[projection]', 'facts; what else is damaged is rebuilt', 'facts')
    .requiredOption('-t, --tenant <id>', 'whose facts')
    .option('--from <time>', 'only events from that time on, ISO 8601, with --to')
    .option('--to <time>', 'and before that one')
    .option('--partition <n>', 'only offsets of that partition, with --from-offset and --to-offset')
    .option('--from-offset <offset>', 'the first of them')
    .option('--to-offset <offset>', 'the first after them')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'one JSON object per step', false)
    .action(async (projection: string, flags: Omit<RepairFlags, 'projection'>) => {
      await runRepair({ ...flags, projection, url: flags.url ?? url() }, around);
    });
}

async function runRepair(flags: RepairFlags & { readonly url: string }, around: Surroundings): Promise<void> {
  if (flags.projection !== 'facts') {
    throw new CommandFailed(`Only facts are repaired in place; rebuild ${flags.projection} instead.`);
  }
  const path = '/api/v1/projections/facts/repair';
  const response = await askPlatform({ url: flags.url, path, method: 'POST', body: bodyOf(flags) }, around);
  if (!response.body) return;
  const isShown = around.interactive === true && !flags.json;
  let last: RepairLine | undefined;
  for await (const text of linesOf(response.body.pipeThrough(new TextDecoderStream()))) {
    last = JSON.parse(text) as RepairLine;
    if (last.error) throw new CommandFailed(`${last.error.code}: ${last.error.message}`);
    if (flags.json) around.out(`${text}\n`);
    if (isShown) around.err(`\r${progressOf(last)}`);
  }
  if (isShown) around.err('\r\x1b[K');
  if (last?.done !== true) throw new CommandFailed('The platform has gone away; give the command again.');
  if (!flags.json) around.out(sentenceOf(last));
}

function bodyOf({ tenant, from, to, partition, fromOffset, toOffset }: RepairFlags): object {
  const number = partition === undefined ? undefined : Number(partition);
  return { tenant_id: tenant, from, to, partition: number, from_offset: fromOffset, to_offset: toOffset };
}

function progressOf({ checked, total, inserted }: RepairLine): string {
  return `${checked} of ${total} offsets compared, ${inserted} records projected again`;
}

function sentenceOf(line: RepairLine): string {
  const { checked, inserted, copies_removed: copies, poisoned, days } = line;
  const where = days.length === 0 ? '' : ` Days: ${days.join(', ')}.`;
  return `Compared ${checked} offsets: ${inserted} records projected again, ${copies} copies removed, ${poisoned} became dead letters.${where}\n`;
}
