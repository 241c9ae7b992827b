import type { Command } from 'commander';
import type { ProjectionCommand } from '#projections';
import { CommandFailed } from './output.ts';
import type { AskingCommands } from './output.ts';
import { addProjectionsRepair } from './projections-repair.ts';
import { runProjectionChange, runProjectionList, runProjectionShow } from './projections.ts';

type Flags = { readonly tenant: string; readonly url?: string; readonly json: boolean };
type ChangeFlags = Flags & { readonly reason?: string; readonly as?: string; readonly wait?: boolean };
type RebuildFlags = ChangeFlags & {
  readonly event?: string;
  readonly partition?: string;
  readonly fromOffset?: string;
  readonly toOffset?: string;
  readonly from?: string;
  readonly to?: string;
  readonly activate: boolean;
};

const EXIT_CODES = `
Exit codes: 0 done; 1 it could not be done, has failed or was cancelled; 3 it is done and differs: accept the
differences by name; 4 it goes on, or stands still, and nobody watches. docs/projections.md has examples.
`;
const EXAMPLES = `
Examples:
  daybook projections list --tenant acme
  daybook projections rebuild facts --tenant acme --reason "watch time in seconds" --as ada
  daybook projections rebuild facts --tenant acme --event purchase --activate
  daybook projections accept facts "2024-03-*" --tenant acme --reason "as meant"
  daybook projections activate facts --tenant acme
  daybook projections repair facts --tenant acme
`;

/** Adds `daybook projections` to the command line. */
export function addProjections(program: Command, about: AskingCommands): void {
  const projections = program
    .command('projections')
    .description('read models: how far they are, and rebuilding them beside the ones that serve')
    .addHelpText('after', EXAMPLES + EXIT_CODES);
  const { around, url } = about;

  asked(projections.command('list').description('every projection of a tenant')).action(
    async (flags: Flags) => {
      await runProjectionList({ ...flags, url: flags.url ?? url() }, around);
    },
  );
  asked(projections.command('show').description('one projection, its rebuild, and what differs'))
    .argument('<projection>', 'facts, live_views, user_profiles, items')
    .action(async (projection: string, flags: Flags) => {
      await runProjectionShow({ ...flags, projection, url: flags.url ?? url() }, around);
    });
  changing(projections.command('rebuild').description('fold it anew into a new generation, and verify it'))
    .option('--event <name>', 'only the events of that name; the rest is copied')
    .option('--partition <n>', 'only offsets of that partition, with --from-offset and --to-offset')
    .option('--from-offset <offset>', 'the first of them')
    .option('--to-offset <offset>', 'the first after them')
    .option('--from <time>', 'only events from that time on, ISO 8601, with --to')
    .option('--to <time>', 'and before that one')
    .option('--activate', 'let it serve when it has been verified and nothing differs', false)
    .option('--no-wait', 'only begin it')
    .action(async (projection: string, flags: RebuildFlags) => {
      await change('rebuild', projection, { flags, members: membersOf(flags) });
    });
  changing(projections.command('resume').description('let a paused or failed rebuild go on'))
    .option('--no-wait', 'only let it go on')
    .action(async (projection: string, flags: ChangeFlags) => {
      await change('resume', projection, { flags });
    });
  changing(projections.command('verify').description('compare the rebuilt or previous generation again'))
    .option('--no-wait', 'only begin it')
    .action(async (projection: string, flags: ChangeFlags) => {
      await change('verify', projection, { flags });
    });
  for (const [command, description] of [
    ['pause', 'let the rebuild stand still'],
    ['cancel', 'end the rebuild and drop its generation'],
    ['activate', 'let the verified generation serve'],
    ['rollback', 'let the previous generation serve again'],
  ] as const) {
    changing(projections.command(command).description(description)).action(
      async (projection: string, flags: ChangeFlags) => {
        await change(command, projection, { flags });
      },
    );
  }
  changing(projections.command('accept').description('accept differences by name'))
    .argument('<names...>', 'names of differences; one that ends in * accepts all that begin so')
    .action(async (projection: string, names: string[], flags: ChangeFlags) => {
      await change('accept', projection, { flags, members: { names } });
    });
  changing(projections.command('drop').description('drop a generation that does not serve'))
    .argument('<generation>', 'its number')
    .action(async (projection: string, generation: string, flags: ChangeFlags) => {
      const members = { generation: numberOf('<generation>', generation) };
      await change('drop', projection, { flags, members });
    });
  addProjectionsRepair(projections, { around, url });

  async function change(
    command: ProjectionCommand,
    projection: string,
    asked: { readonly flags: ChangeFlags; readonly members?: Readonly<Record<string, unknown>> },
  ): Promise<void> {
    const { flags, members } = asked;
    const exit = await runProjectionChange(
      {
        url: flags.url ?? url(),
        tenant: flags.tenant,
        json: flags.json,
        projection,
        command,
        members: { ...members, ...(flags.reason === undefined ? {} : { reason: flags.reason }) },
        actor: flags.as,
        wait: flags.wait ?? true,
      },
      around,
    );
    about.end({ exit });
  }
}

function asked(command: Command): Command {
  return command
    .requiredOption('-t, --tenant <id>', 'whose projections')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'the whole answer as JSON', false);
}

function changing(command: Command): Command {
  return asked(command)
    .argument('<projection>', 'facts, live_views, user_profiles, items')
    .option('--reason <text>', 'why; kept with the change')
    .option('--as <who>', 'who asks; kept with the change')
    .addHelpText('after', EXIT_CODES);
}

/** The members of the body that say what is folded anew; the platform checks that they belong together. */
function membersOf(flags: RebuildFlags): Readonly<Record<string, unknown>> {
  const { event, partition, fromOffset, toOffset, from, to, activate } = flags;
  return {
    activate,
    ...(event === undefined ? {} : { event }),
    ...(partition === undefined ? {} : { partition: numberOf('--partition', partition) }),
    ...(fromOffset === undefined ? {} : { from_offset: fromOffset }),
    ...(toOffset === undefined ? {} : { to_offset: toOffset }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function numberOf(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandFailed(`${name} must be a whole number.`);
}
