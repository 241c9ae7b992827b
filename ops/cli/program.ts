import { Command, CommanderError, Option } from 'commander';
import { Fault } from '#domain';
import { SETTINGS, flagOf, parseConfig } from '#ops';
import type { Config, Setting } from '#ops';
import { platformChecks } from './checks.ts';
import { addDemo } from './demo.ts';
import { runDoctor } from './doctor.ts';
import type { Check } from './doctor.ts';
import { addImport } from './import-command.ts';
import { addLog } from './log-command.ts';
import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';
import { addProjections } from './projections-command.ts';
import { addReceipt } from './receipt.ts';
import { runSql } from './sql.ts';

export type ProgramOptions = {
  readonly version: string;
  readonly nodeVersion: string;
  readonly around: Surroundings;
  /** Starts the platform; resolves when it is ready. The process then lives until it is stopped. */
  readonly start: (config: Config) => Promise<void>;
  /** The checks that need the engines themselves. */
  readonly engineChecks: (config: Config) => readonly Check[];
  /** Takes the lock of a data directory, or throws `DATA_DIR_LOCKED`. */
  readonly lock: (dataDir: string) => Promise<AsyncDisposable>;
};

/** What the process does after the command: end with a code, or go on until it is stopped. */
export type ProgramEnd = { readonly exit: number } | 'running';

const EXAMPLES = `
Examples:
  daybook start                                          the platform on http://127.0.0.1:8080
  daybook demo                                           the same with a month of traffic in it
  daybook doctor                                         can it run here, and does it?
  daybook sql --tenant acme "SELECT event_name, count() AS n FROM events GROUP BY event_name"
  daybook log tail --tenant acme --follow                records as they come
  daybook log search --tenant acme --user u1             the records of one user, newest first
  daybook log verify --tenant acme                       is every stored byte what was written?
  daybook receipt evt_1 --tenant acme                    what became of that event
  daybook projections list --tenant acme                 how far its read models are
  daybook import history.csv --tenant acme --dry-run     would these rows be taken?
`;

/** Runs the command line. What goes wrong is said on stderr: exit code 1, or 2 when the command is not one. */
export async function runProgram(args: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { around } = options;
  let end: ProgramEnd = { exit: 0 };
  const program = createProgram(options, (given) => {
    end = given;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return end;
  } catch (error) {
    if (error instanceof CommanderError) return { exit: error.exitCode === 0 ? 0 : 2 };
    around.err(`daybook: ${sentenceOf(error)}\n`);
    return { exit: 1 };
  }
}

function createProgram(options: ProgramOptions, end: (given: ProgramEnd) => void): Command {
  const { around } = options;
  const program = new Command('daybook')
    .description('Event-sourced, multi-tenant behavioural analytics on one append-only log.')
    .version(options.version)
    .exitOverride()
    .configureOutput({ writeOut: around.out, writeErr: around.err })
    .showHelpAfterError('(daybook --help shows what there is)')
    .addHelpText('after', EXAMPLES);

  withSettings(program.command('start').description('start the platform in this process'))
    .addOption(new Option('--role <role>', 'what this process does').choices(['all']).default('all'))
    .action(async (flags: Flags) => {
      await options.start(configOf(flags, around));
      end('running');
    });

  addDemo(withSettings(program.command('demo')), {
    configOf: (flags) => configOf(flags, around),
    urlOf,
    start: options.start,
    clock: Date.now,
    around,
    end,
  });

  withSettings(
    program.command('doctor').description('check this machine, and a platform running on it'),
  ).action(async (flags: Flags) => {
    const config = configOf(flags, around);
    const { dataDir, host, httpPort } = config;
    const { nodeVersion, lock } = options;
    const checked = { dataDir, host, httpPort, nodeVersion, lock, url: urlOf(config), ...around };
    const [machine, own] = [platformChecks(checked), options.engineChecks(config)];
    end({ exit: (await runDoctor([...machine, ...own], around)) ? 0 : 1 });
  });

  program
    .command('sql')
    .description('ask the running platform one SELECT over the views of one tenant')
    .argument('<sql>', 'the SELECT; views: events, user_behaviors, and the aggregates of docs/aggregates.md')
    .requiredOption('-t, --tenant <id>', 'whose views')
    .option('-u, --url <url>', 'the running platform (default: as configured)')
    .option('--json', 'the whole answer as JSON', false)
    .action(async (sql: string, flags: { tenant: string; url?: string; json: boolean }) => {
      await runSql({ ...flags, sql, url: flags.url ?? urlOf(configOf({}, around)) }, around);
    });

  const asking = { around, end, url: () => urlOf(configOf({}, around)) };
  addLog(program, asking);
  addReceipt(program, asking);
  addProjections(program, asking);
  addImport(program, asking);
  return program;
}

type Flags = Readonly<Record<string, string | undefined>>;
/** An option for every setting of the table, and one for the file. */
function withSettings(command: Command): Command {
  command.option('--config <file>', 'JSON file of settings by name');
  for (const setting of Object.values<Setting>(SETTINGS)) {
    command.option(
      `--${flagOf(setting)} <${setting.unit || setting.type}>`,
      `${setting.about} (${setting.name}${setting.default === '' ? '' : `, ${setting.default}`})`,
    );
  }
  return command;
}

function configOf(options: Flags, { env, readFile }: Surroundings): Config {
  const flags: Record<string, string> = {};
  for (const [key, setting] of Object.entries<Setting>(SETTINGS)) {
    const value = options[key];
    if (value !== undefined) flags[setting.name] = value;
  }
  const path = options['config'];
  const file = path === undefined ? {} : { file: parseFile(path, readFile) };
  const result = parseConfig({ env, flags, ...file });
  if (result.ok) return result.config;
  const problems = result.problems.map((problem) => `\n  ${problem}`).join('');
  throw new CommandFailed(`CONFIG_INVALID: these settings cannot be used:${problems}`);
}

function parseFile(path: string, readFile: (path: string) => string): unknown {
  try {
    return JSON.parse(readFile(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(`CONFIG_INVALID: the config file ${path} cannot be used: ${why}`);
  }
}

function urlOf({ host, httpPort }: Config): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${httpPort}`;
}

function sentenceOf(error: unknown): string {
  if (error instanceof Fault) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
