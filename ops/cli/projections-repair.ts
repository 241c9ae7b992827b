import type { Command } from 'commander';
import { askPlatform, linesOf } from './client.ts';
import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

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
  { around, url }: { readonly around: Surroundings; readonly url: () => string },
): void {
  projections
    .command('repair')
    .description('project records again that the facts of a tenant have lost, and remove copies')
    .requiredOption('-t, --tenant <id>', 'whose facts')
    .option('--projection <name>', 'what is repaired; facts', 'facts')
    .option('--from <time>', 'only events from this time on')
    .option('--to <time>', 'only events before this time')
    .option('--partition <n>', 'only records of this partition')
    .option('--from-offset <n>', 'from this offset on')
    .option('--to-offset <n>', 'before this offset')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'one JSON object per step', false)
    .action(async (flags: RepairFlags) => {
      await runRepair({ ...flags, url: flags.url ?? url() }, around);
    });
}

async function runRepair(flags: RepairFlags & { readonly url: string }, around: Surroundings): Promise<void> {
  const { tenant, projection, from, to, partition, fromOffset, toOffset } = flags;
  if (projection !== 'facts') {
    throw new CommandFailed(`Only facts are repaired in place; rebuild ${projection} instead.`);
  }
  const body = {
    tenant_id: tenant,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(partition === undefined ? {} : { partition: Number(partition) }),
    ...(fromOffset === undefined ? {} : { from_offset: fromOffset }),
    ...(toOffset === undefined ? {} : { to_offset: toOffset }),
  };
  const path = '/api/v1/projections/facts/repair';
  const response = await askPlatform({ url: flags.url, path, method: 'POST', body }, around);
  if (!response.body) return;
  let last: RepairLine | undefined;
  for await (const text of linesOf(response.body.pipeThrough(new TextDecoderStream()))) {
    const line = JSON.parse(text) as RepairLine;
    if (line.error) throw new CommandFailed(`${line.error.code}: ${line.error.message}`);
    last = line;
    if (flags.json) around.out(`${text}\n`);
    else if (around.interactive === true) around.err(`\r${progressOf(line)}`);
  }
  if (around.interactive === true && !flags.json) around.err('\r\x1b[K');
  if (last?.done !== true) throw new CommandFailed('The platform has gone away; give the command again.');
  if (!flags.json) around.out(sentenceOf(last));
}

function progressOf({ checked, total, inserted }: RepairLine): string {
  return `${checked} of ${total} offsets compared, ${inserted} records projected again`;
}

function sentenceOf(line: RepairLine): string {
  const { checked, inserted, copies_removed: copies, poisoned, days } = line;
  const where = days.length === 0 ? '' : ` Days: ${days.join(', ')}.`;
  return `Compared ${checked} offsets: ${inserted} records projected again, ${copies} copies removed, ${poisoned} became dead letters.${where}\n`;
}
