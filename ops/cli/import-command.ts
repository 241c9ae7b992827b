import type { Command } from 'commander';
import { runImport } from './import.ts';
import type { ImportCommand } from './import.ts';
import type { AskingCommands } from './output.ts';

const EXIT_CODES = `
Exit codes: 0 every row stands in the log; 1 it could not be done; 3 it was done, and some rows were refused;
4 it was broken off, and the same command again goes on from there. docs/import.md has examples of mappings.
`;

/** Adds `daybook import` to the command line. */
export function addImport(program: Command, about: AskingCommands): void {
  program
    .command('import')
    .description('bring files of events into the log of a tenant, through the running platform')
    .argument('<files...>', 'NDJSON, CSV or Parquet; the first two may be compressed, .gz')
    .requiredOption('-t, --tenant <id>', 'whose events')
    .option('--format <format>', 'ndjson, csv or parquet (default: by the name of the file)')
    .option(
      '--map <mapping>',
      'a mapping file, or column=member, column=member:form, =value=member',
      gather,
      [],
    )
    .option('--kind <kind>', 'behaviour, generic, user or catalog (default: by action_type or event_name)')
    .option('--tz <zone>', 'time zone of times without an offset (default: UTC)')
    .option('--delimiter <text>', 'between the cells of CSV (default: a comma, in .tsv a tab)')
    .option('--columns <names>', 'names of the columns, a,b,c, for CSV without a header row')
    .option('--dry-run', 'check every row and keep nothing', false)
    .option('--rejects <file>', 'append every refused row to a file, as lines of JSON')
    .option('--batch <n>', 'rows that are written together', '5000')
    .option('--from-start', 'do not go on where an earlier import was broken off', false)
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'the report as JSON', false)
    .addHelpText('after', EXIT_CODES)
    .action(async (files: string[], flags: Flags) => {
      const exit = await runImport({ ...flags, files, url: flags.url ?? about.url() }, about.around);
      about.end({ exit });
    });
}

type Flags = Omit<ImportCommand, 'files' | 'url'> & { readonly url?: string };

function gather(one: string, before: readonly string[]): readonly string[] {
  return [...before, one];
}
