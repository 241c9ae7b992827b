import { MONEY_ACTIONS, parseMoney } from '#domain';
import type { ActionTally, ActionType, Measure, ScenarioType } from '#domain';
import { EVENT_COMPLETION_MILLIONTHS, EVENT_WATCH_MS } from '#projections';
import type { Ask } from './analysis.ts';
import { narrowed } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { bucketSql, createBinder } from './sql.ts';
import type { Scope, Statement } from './sql.ts';

/** What is tallied of which behaviours. */
export type TallyPlan = {
  readonly narrowing: Narrowing;
  /** Undefined = all. */
  readonly actions?: readonly ActionType[];
  readonly scenarioTypes?: readonly ScenarioType[];
  readonly itemId?: string;
  readonly measures: readonly Measure[];
  /** Of which actions `users` are counted, the dearest of the measures; of the others they are 0. */
  readonly usersOf?: readonly ActionType[];
  /** Buckets to tally apart; none = all of the range together. */
  readonly edges?: readonly number[];
};

/** The tallies of the behaviours of each bucket; of all of them under 0 where there are no edges. */
export type Tallies = ReadonlyMap<number, readonly ActionTally[]>;

const COLUMNS: Readonly<Record<Exclude<Measure, 'users'>, string>> = {
  events: 'count()',
  seconds: `sum(${EVENT_WATCH_MS})`,
  timed: 'countIf(isNotNull(watch_duration))',
  completion: `sum(${EVENT_COMPLETION_MILLIONTHS})`,
  rated: 'countIf(isNotNull(completion_rate))',
  // As text: the engine writes decimals as binary fractions otherwise.
  money: `ifNull(toString(sum(amount)), '0')`,
};

/** What all rows have in common is not among their columns. */
type Row = {
  readonly bucket?: string | number;
  readonly scenario_type?: ScenarioType | '';
  readonly event_name: ActionType;
  readonly money_currency?: string;
} & Readonly<Partial<Record<Measure, string>>>;

/** Counts what `foldTallies` of the domain counts. */
export async function askTallies(plan: TallyPlan, scope: Scope, ask: Ask): Promise<Tallies> {
  const rows = await ask<Row>(compileTallies(plan, scope));
  const tallies = new Map<number, ActionTally[]>();
  for (const row of rows) {
    const bucket = Number(row.bucket ?? 0);
    const tally = readTally(row, plan.scenarioTypes?.[0]);
    const before = tallies.get(bucket);
    if (before) before.push(tally);
    else tallies.set(bucket, [tally]);
  }
  return tallies;
}

export function compileTallies(plan: TallyPlan, scope: Scope): Statement {
  const { narrowing, actions, scenarioTypes, itemId, measures, usersOf = [], edges } = plan;
  const binder = createBinder();
  const also = [`kind = 'behaviour'`];
  if (actions) also.push(`event_name IN (${wordsOf(actions)})`);
  if (scenarioTypes) also.push(`scenario_type IN (${wordsOf(scenarioTypes)})`);
  const users = `uniqExactIf(actor_id, actor_id != '' AND event_name IN (${wordsOf(usersOf)}))`;
  const columns = measures.map(
    (measure) => `${measure === 'users' ? users : COLUMNS[measure]} AS ${measure}`,
  );
  const keys = ['event_name'];
  if (scenarioTypes?.length !== 1) keys.push('scenario_type');
  if (measures.includes('money')) {
    columns.push(`if(event_name IN (${wordsOf(MONEY_ACTIONS)}), currency, '') AS money_currency`);
    keys.push('money_currency');
  }
  if (edges) {
    columns.push(`${bucketSql(binder, edges)} AS bucket`);
    keys.push('bucket');
  }
  const rare = itemId === undefined ? {} : { rare: `item_id = ${binder.bind('String', itemId)}` };
  const sql = `SELECT event_name, ${keys.includes('scenario_type') ? 'scenario_type,' : ''} ${columns.join(', ')}
    ${narrowed(binder, scope, { narrowing, ...rare, also })}
    GROUP BY ${keys.join(', ')}`;
  return { sql, params: binder.params };
}

/** Words of a closed set, never a value of a question. */
function wordsOf(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(', ');
}

/** What was not asked for is 0. */
function readTally(row: Row, type: ScenarioType | undefined): ActionTally {
  const whole = (measure: Measure) => BigInt(row[measure] ?? 0);
  return {
    scenarioType: row.scenario_type ?? type ?? '',
    action: row.event_name,
    currency: row.money_currency ?? '',
    events: whole('events'),
    users: whole('users'),
    seconds: whole('seconds'),
    timed: whole('timed'),
    completion: whole('completion'),
    rated: whole('rated'),
    money: parseMoney(row.money ?? '0'),
  };
}
