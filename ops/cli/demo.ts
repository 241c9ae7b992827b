import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  DEMO_TENANT,
  compareLedger,
  demoScenarios,
  keepLedger,
  liveTraffic,
  load,
  makeMonth,
  parseLedger,
  tourOf,
} from '#ops';
import type { Answered, Compared, Config, DemoLedger, Month } from '#ops';
import { createClient } from '#sdk';
import type { Client } from '#sdk';
import { askPlatform } from './client.ts';
import { CommandFailed, formatTable } from './output.ts';
import type { Surroundings } from './output.ts';

type Flags = Readonly<Record<string, string | undefined>>;

export type DemoOptions = {
  readonly configOf: (flags: Flags) => Config;
  readonly urlOf: (config: Config) => string;
  readonly start: (config: Config) => Promise<void>;
  readonly clock: () => number;
  readonly around: Surroundings;
  readonly end: (given: { readonly exit: number } | 'running') => void;
};

const DEFAULTS = { seed: 1, days: 30, events: 150_000 };
const LIMITS = { seed: 2 ** 31, days: 365, events: 1_000_000 };
const LEDGER_FILE = 'demo-ledger.json';

/** The command `daybook demo`: the platform with a month of traffic in it, and more as it comes. */
export function addDemo(command: Command, given: DemoOptions): void {
  const options = { ...given, around: withOneSignal(given.around) };
  command
    .description('start the platform with a month of believable traffic of the tenant "demo"')
    .option('--seed <n>', `decides the traffic (${DEFAULTS.seed})`)
    .option('--days <n>', `how many days before today (${DEFAULTS.days})`)
    .option('--events <n>', `how many events (${DEFAULTS.events})`)
    .option('--no-live', 'no traffic after the month')
    .option('--check', 'compare a running demo with its ledger, and end', false)
    .action(async ({ live, check, ...flags }: Flags & { live: boolean; check: boolean }) => {
      const { env } = options.around;
      // The demo never fills the data directory that the environment names: that one is for real data.
      const asked = env['DAYBOOK_LOG_LEVEL'] ?? flags['config'];
      const quiet = asked === undefined ? { logLevel: 'error' } : {};
      const config = options.configOf({ dataDir: './data-demo', ...quiet, ...flags });
      if (config.httpPort === 0) throw new CommandFailed('A demo needs an --http-port that can be asked.');
      if (check) {
        options.end({ exit: (await checkDemo(config, options)) ? 0 : 1 });
        return;
      }
      await runDemo({ config, flags, live }, options);
      options.end('running');
    });
}

/** The same signal for all that is asked: each would listen to the process anew. */
function withOneSignal(around: Surroundings): Surroundings {
  let signal: AbortSignal | undefined;
  return { ...around, interrupted: () => (signal ??= around.interrupted()) };
}

type Running = { readonly config: Config; readonly flags: Flags; readonly live: boolean };

async function runDemo({ config, flags, live }: Running, options: DemoOptions): Promise<void> {
  const { around, clock } = options;
  const dataDir = resolve(config.dataDir);
  const known = readLedger(dataDir);
  const plan = planOf(flags, { known, now: clock(), dataDir });
  around.out(`Daybook demo: ${grouped(plan.events)} events of ${plan.days} days, seed ${plan.seed}\n`);
  const month = makeMonth(plan);
  const ledger = known ?? keepLedger(plan, month);
  const url = options.urlOf(config);
  await options.start(config);
  around.out(`  API page   ${url}/api/v1/docs\n  data       ${dataDir}\n`);

  const client = createClient({ url, tenantId: DEMO_TENANT, timeoutMs: 30_000, fetch: around.fetch, clock });
  const [from, to] = [ledger.plan.startAt, ledger.plan.endAt].map((at) => new Date(at).toISOString());
  if (ledger.plan.loaded) {
    around.out(`  loaded     already, ${from} to ${to}; delete ${dataDir} for a new month\n`);
  } else {
    writeLedger(dataDir, ledger);
    const scenarios = demoScenarios(DEMO_TENANT);
    await askPlatform({ url, path: '/api/v1/scenarios/import', method: 'POST', body: scenarios }, around);
    const answered = await loadMonth(month, client, options);
    if (!answered) return;
    writeLedger(dataDir, { ...ledger, plan: { ...ledger.plan, loaded: true } });
    around.out(`  answered   ${answerText(answered)}; ${verdictOn(answered, ledger)}\n`);
    await untilVisible(url, options);
  }
  around.out('\nWhat to look at:\n');
  for (const { look, command } of tourOf(ledger, url)) around.out(`\n# ${look}\n${command}\n`);
  around.out(
    `\nIs it right? npx daybook demo --check --data-dir ${dataDir} --http-port ${config.httpPort}\n`,
  );
  around.out(`The demo is ready${live ? '; more events come as time goes by' : ''}. Ctrl-C stops it.\n`);
  // Not the whole month: its events need not be kept any longer.
  const { people, catalogue, release } = month;
  if (live) void sendLive({ seed: plan.seed, month: { people, catalogue, release }, client }, options);
}

type DemoPlan = { seed: number; days: number; events: number; endAt: number };

/** What is to be loaded: what the data directory began with, else what the flags say. */
function planOf(
  flags: Flags,
  about: { readonly known: DemoLedger | undefined; readonly now: number; readonly dataDir: string },
): DemoPlan {
  const { known, now, dataDir } = about;
  const plan = { ...DEFAULTS, endAt: now, ...known?.plan };
  for (const name of ['seed', 'days', 'events'] as const) {
    const flag = flags[name];
    if (flag === undefined) continue;
    const value = Number(flag);
    if (!Number.isInteger(value) || value < 1 || value > LIMITS[name]) {
      throw new CommandFailed(`--${name} must be a whole number from 1 to ${LIMITS[name]}.`);
    }
    if (known && value !== plan[name]) {
      throw new CommandFailed(
        `${dataDir} holds a demo with --${name} ${plan[name]}; delete it, or name another --data-dir.`,
      );
    }
    plan[name] = value;
  }
  return { seed: plan.seed, days: plan.days, events: plan.events, endAt: plan.endAt };
}

/** Undefined when it was interrupted: the next start goes on. */
async function loadMonth(
  month: Month,
  client: Client,
  { around, clock }: DemoOptions,
): Promise<Answered | undefined> {
  const signal = around.interrupted();
  const beganAt = clock();
  let shownAt = beganAt;
  const onAnswered = (answered: number, total: number): void => {
    const now = clock();
    if (now - shownAt < 2000 && answered < total) return;
    shownAt = now;
    const rate = Math.round((answered * 1000) / Math.max(1, now - beganAt));
    around.out(`  loading    ${grouped(answered)} of ${grouped(total)}, ${grouped(rate)} a second\n`);
  };
  try {
    return await load(month, { send: (events) => client.track(events), onAnswered });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** The facts follow the log; the tour shall find all of it. */
async function untilVisible(url: string, { around }: DemoOptions): Promise<void> {
  const path = `/api/analytics/dashboard?tenant_id=${DEMO_TENANT}&wait_for=latest&timeout=30s`;
  for (let attempt = 1; ; attempt++) {
    try {
      await (await askPlatform({ url, path }, around)).json();
      return;
    } catch (error) {
      const late = error instanceof CommandFailed && error.message.startsWith('QUERY_NOT_YET_VISIBLE');
      if (!late || attempt === 10) throw error;
    }
  }
}

type Live = {
  readonly seed: number;
  readonly month: Pick<Month, 'people' | 'catalogue' | 'release'>;
  readonly client: Client;
};

/** Sends each event when its time has come, until the process is asked to stop. */
async function sendLive({ seed, month, client }: Live, { around, clock }: DemoOptions): Promise<void> {
  const signal = around.interrupted();
  const traffic = liveTraffic({ seed, month, fromAt: clock() });
  let next = traffic.next().value;
  try {
    while (!signal.aborted) {
      const due = [];
      for (; next.timestamp <= clock(); next = traffic.next().value) due.push(next);
      await client.track(due);
      await delay(Math.max(200, next.timestamp - clock()), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) around.err(`daybook: the live traffic ended: ${String(error)}\n`);
  }
}

async function checkDemo(config: Config, { around, urlOf }: DemoOptions): Promise<boolean> {
  const dataDir = resolve(config.dataDir);
  const ledger = readLedger(dataDir);
  if (!ledger?.plan.loaded) {
    throw new CommandFailed(`There is no loaded demo in ${dataDir}. Start one with "daybook demo".`);
  }
  const url = urlOf(config);
  const compared = await compareLedger(ledger, async (path, body) => {
    const asked = body === undefined ? { url, path } : ({ url, path, method: 'POST', body } as const);
    return (await askPlatform(asked, around)).json();
  });
  const rows = [...Map.groupBy(compared, ({ question }) => question)].map(([question, own]) => {
    const equal = own.filter(isEqual).length;
    return [question, own.length, equal, equal === own.length ? 'ok' : 'differs'];
  });
  around.out(formatTable(['question', 'figures', 'equal', 'verdict'], rows));
  const differing = compared.filter((one) => !isEqual(one));
  if (differing.length === 0) return true;
  const values = differing.map(({ question, figure, expected, answered }) => [
    question,
    figure,
    expected,
    answered,
  ]);
  around.out(`\n${formatTable(['question', 'figure', 'ledger', 'platform'], values)}`);
  return false;
}

function isEqual({ expected, answered }: Compared): boolean {
  return expected === answered;
}

function answerText({ accepted, duplicate, conflict, rejected }: Answered): string {
  return `${grouped(accepted)} accepted, ${grouped(duplicate)} duplicate, ${grouped(conflict)} conflict, ${grouped(rejected)} rejected`;
}

/** After an interruption what was accepted before is a duplicate now. */
function verdictOn(answered: Answered, { outcomes }: DemoLedger): string {
  const same =
    answered.accepted + answered.duplicate === outcomes.accepted + outcomes.duplicate &&
    answered.conflict === outcomes.conflict &&
    answered.rejected === outcomes.rejected;
  return same ? 'as its ledger expects' : `but its ledger expects ${answerText(outcomes)}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function readLedger(dataDir: string): DemoLedger | undefined {
  const path = join(dataDir, LEDGER_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const ledger = parseLedger(text);
  if (!ledger) throw new CommandFailed(`${path} is not the ledger of a demo.`);
  return ledger;
}

/** Written beside the old one and then put in its place, so that there is always a whole one. */
function writeLedger(dataDir: string, ledger: DemoLedger): void {
  const path = join(dataDir, LEDGER_FILE);
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(ledger, null, 1));
  renameSync(`${path}.new`, path);
}
