import { Option } from 'commander';
import type { Command } from 'commander';
import { runAudit } from './audit.ts';
import { runLogExport } from './log-export.ts';
import { runLogSearch, runLogShow } from './log-search.ts';
import type { LogFilter } from './log-search.ts';
import { runLogTail } from './log-tail.ts';
import { runLogVerify } from './log-verify.ts';
import type { AskingCommands } from './output.ts';

type Common = { tenant: string; url?: string; as?: string; deadLetters: boolean; json: boolean };
type FilterFlags = Omit<LogFilter, 'deadLetters'>;

/** Adds `daybook log …` and `daybook audit`. */
export function addLog(program: Command, { around, end, url }: AskingCommands): void {
  const placed = <Flags extends { url?: string }>(flags: Flags): Flags & { url: string } => {
    return { ...flags, url: flags.url ?? url() };
  };
  const log = program
    .command('log')
    .description('look into the log of a tenant, through the running platform; each look is recorded');
  const command = (words: string, about: string): Command =>
    log
      .command(words)
      .description(about)
      .requiredOption('-t, --tenant <id>', 'whose log')
      .option('--dead-letters', 'the inputs that were kept out of the log', false)
      .option('--as <name>', 'who asks, for the audit')
      .option('-u, --url <url>', 'the running platform (default: as configured)')
      .option('--json', 'one JSON object per line', false);

  command('tail', 'print the newest records')
    .option('-n, --count <n>', 'how many of the newest', '10')
    .option('-f, --follow', 'go on with those that come', false)
    .action(async (flags: Common & { count: string; follow: boolean }) => {
      await runLogTail(placed(flags), around);
    });
  command('show <place>', 'print one record with its bytes: by position (2:17), receipt or event id').action(
    async (place: string, flags: Common) => {
      await runLogShow({ ...placed(flags), place }, around);
    },
  );
  filtered(command('search', 'print the records that match, the newest first'))
    .option('-n, --limit <n>', 'how many at most', '100')
    .action(async (flags: Common & FilterFlags & { limit: string }) => {
      await runLogSearch(placed(flags), around);
    });
  filtered(command('export', 'write all records that match as NDJSON, the oldest first'))
    .option('-o, --out <file>', 'into this file (default: to the output); again it goes on where it was')
    .option('--raw', 'the bytes of each value as they stand in the log, and nothing else', false)
    .option('--cursor <cursor>', 'go on from here, as an earlier export said')
    .action(async (flags: Common & FilterFlags & { out?: string; raw: boolean; cursor?: string }) => {
      await runLogExport(placed(flags), around);
    });
  command('verify', 'follow the digest chains and name the first offset that differs').action(
    async (flags: Common) => {
      end({ exit: (await runLogVerify(placed(flags), around)) ? 0 : 1 });
    },
  );

  program
    .command('audit')
    .description('who has read the raw history of a tenant, the newest first')
    .requiredOption('-t, --tenant <id>', 'whose history')
    .option('-n, --limit <n>', 'how many at most', '20')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'one JSON object per entry', false)
    .action(async (flags: { tenant: string; limit: string; url?: string; json: boolean }) => {
      await runAudit(placed(flags), around);
    });
}

function filtered(command: Command): Command {
  return command
    .option('--user <id>', 'of this user')
    .option('--item <id>', 'about this item')
    .option('--event <name>', 'of this name')
    .option('--event-id <id>', 'this event')
    .option('--partition <n>', 'of this partition')
    .option('--from <time>', 'that happened at or after: ISO 8601 or epoch ms')
    .option('--to <time>', 'that happened before')
    .option('--received-from <time>', 'received at or after')
    .option('--received-to <time>', 'received before')
    .addOption(
      new Option('--outcome <outcome>', 'what became of the input').choices([
        'accepted',
        'rejected',
        'conflict',
        'not_projected',
      ]),
    )
    .option('--reason <code>', 'of dead letters: the code of their first error');
}
