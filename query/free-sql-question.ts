import { channel } from 'node:diagnostics_channel';
import { UTC, Fault } from '#domain';
import type { TenantId } from '#domain';
import type { Tenants } from '#log';
import { DATABASE, FACT_VIEWS, SLICE_VIEWS, factViewSelect } from '#projections';
import type { FactAnswer, FactProgress, FactStore } from '#projections';
import type { Ask } from './analysis.ts';
import { pinnedState, readPin, refuseDropped, resolvePin } from './as-of.ts';
import { checkFreeSql } from './free-sql.ts';
import { describeAnswer } from './meta.ts';
import type { Meta, Seen } from './meta.ts';
import { invalidQuestion } from './question.ts';
import type { Problem } from './question.ts';
import { sliceView } from './slice-view.ts';
import { usableSeals } from './slices.ts';
import { createBinder, factsOf, visible } from './sql.ts';
import type { Binder, Scope } from './sql.ts';
import { untilVisible } from './visibility.ts';

/** One statement of a tenant. */
export type SqlQuestion = {
  readonly tenant: TenantId;
  /** Untrusted. */
  readonly sql: string;
  readonly asOf?: string | number;
  readonly waitFor?: string;
  readonly signal?: AbortSignal;
};

export type SqlAnswer = {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** By column name; 64-bit integers and decimals as text. */
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether there are more rows than one answer may have. */
  readonly truncated: boolean;
  readonly meta: Omit<Meta, 'range' | 'now'>;
};

/** Answers free SQL over one tenant's views. */
export type SqlQuestions = {
  /**
   * Throws `QUERY_SQL_REFUSED` with the reason, `QUERY_INVALID`, `QUERY_PIN_UNAVAILABLE`,
   * `QUERY_NOT_YET_VISIBLE`, `QUERY_TOO_DEAR`, `QUERY_OVERLOADED`.
   */
  ask(question: SqlQuestion): Promise<SqlAnswer>;
};

export type SqlQuestionsOptions = {
  readonly facts: FactStore;
  readonly progress: FactProgress;
  readonly tenants: Pick<Tenants, 'get' | 'position'>;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly limits: {
    /** Most rows of one answer. */
    readonly rows: number;
    readonly maxSeconds: number;
    readonly maxBytes: number;
  };
  /** How long `waitFor` waits at most. @default 5000 */
  readonly waitMs?: number;
};

const VIEWS: ReadonlySet<string> = new Set([...FACT_VIEWS, ...SLICE_VIEWS]);
const AGGREGATES: ReadonlySet<string> = new Set(SLICE_VIEWS);
const answered = channel('daybook:query:answered');

/** Prepares the answering of free SQL; every statement is judged by {@link checkFreeSql} first. */
export function createSqlQuestions(options: SqlQuestionsOptions): SqlQuestions {
  const { facts, progress, tenants, clock, limits, waitMs = 5_000 } = options;
  const { rows: maxRows, ...engineLimits } = limits;

  async function pinDown({ tenant, asOf }: SqlQuestion, ask: Ask): Promise<Seen | undefined> {
    const problems: Problem[] = [];
    const pin = readPin(asOf, UTC, (field, code, message) => problems.push({ field, code, message }));
    if (problems.length > 0) throw invalidQuestion(problems);
    const state = tenants.get(tenant) ? await pinnedState(progress, tenant, pin) : undefined;
    if (!state) return undefined;
    const scope: Scope = { tenant, generation: state.generation, vector: state.confirmed, firstSeen: [] };
    // Its range is not known before it has run, so it is taken to reach back to the first fact.
    const now = { state, scope, controlPosition: tenants.position(), fromMs: -Infinity };
    return { state, ...(await resolvePin(pin, now, ask)) };
  }

  return {
    async ask(question) {
      const { tenant, sql, waitFor, signal } = question;
      const startedMs = clock();
      const verdict = await checkFreeSql(facts, sql, VIEWS);
      if (!verdict.ok) throw refused(`The SQL ${verdict.reason}.`);
      if (waitFor !== undefined) {
        await untilVisible(progress, { tenant, waitFor, timeoutMs: waitMs, signal });
      }
      let rowsRead = 0;
      const run = async <Row>(statement: Parameters<Ask>[0]): Promise<FactAnswer<Row>> => {
        const limited = { ...statement, limits: engineLimits, ...(signal ? { signal } : {}) };
        const answer = await facts.query<Row>(limited);
        rowsRead += answer.rowsRead;
        return answer;
      };
      const seen = await pinDown(question, async <Row>(statement: Parameters<Ask>[0]) => {
        return (await run<Row>(statement)).rows;
      });
      const binder = createBinder();
      const scope = scopeOf(tenant, seen);
      // The views without rows of a tenant that has none still are those of some generation.
      const shown = seen ? scope : { ...scope, generation: await someGeneration(facts) };
      const views = [...verdict.views].map((view) => {
        const select = AGGREGATES.has(view) ? sliceView(binder, view, shown) : sees(binder, view, shown);
        return `${view} AS (${select})`;
      });
      const statement = `${views.length > 0 ? `WITH ${views.join(', ')} ` : ''}SELECT * FROM (${verdict.sql})`;
      const params = binder.params;
      const columns = await run<{ name: string; type: string }>({
        sql: `DESCRIBE TABLE (${statement})`,
        params,
      }).catch(explain);
      const answer = await run<Readonly<Record<string, unknown>>>({
        sql: `${statement} LIMIT ${maxRows + 1}`,
        params,
      }).catch(explain);
      if (seen) await refuseDropped(progress, tenant, seen.state);
      const ran = { elapsedMs: clock() - startedMs, rowsRead, cached: false, clockMs: clock() };
      if (answered.hasSubscribers) answered.publish({ tenant, analysis: 'sql', ...ran });
      return {
        columns: columns.rows.map(({ name, type }) => ({ name, type })),
        rows: answer.rows.slice(0, maxRows),
        truncated: answer.rows.length > maxRows,
        meta: metaOf(seen, ran),
      };
    },
  };
}

/** The number of a generation whose tables exist. */
async function someGeneration(facts: FactStore): Promise<number> {
  const { rows } = await facts.query<{ name: string }>({
    sql: `SELECT name FROM system.tables
      WHERE database = {database:String} AND match(name, '^facts_g[0-9]+$') ORDER BY name LIMIT 1`,
    params: { database: DATABASE },
  });
  return Number(rows[0]?.name.slice('facts_g'.length) ?? 0);
}

/**
 * A view narrowed to what may be seen. By PREWHERE, because the engine otherwise puts conditions of the
 * statement beside ours and evaluates them on rows of other tenants too; one that fails there
 * (`toInt64(user_id)`) would tell their values in its message, and by failing at all.
 */
function sees(binder: Binder, view: string, scope: Scope): string {
  return factViewSelect(view, `${factsOf(scope)} PREWHERE ${visible(binder, scope)}`);
}

/** A tenant without events sees the views without rows. */
function scopeOf(tenant: TenantId, seen: Seen | undefined): Scope {
  if (!seen) return { tenant, generation: 0, vector: [], firstSeen: [] };
  const { state, vector } = seen;
  const sealed = usableSeals(state.sealed, vector);
  return { tenant, generation: state.generation, vector, firstSeen: [], sealed };
}

function metaOf(seen: Seen | undefined, ran: Parameters<typeof describeAnswer>[2]): SqlAnswer['meta'] {
  const time = { fromMs: 0, toMs: 0, nowMs: ran.clockMs, zone: UTC };
  const { range: _range, now: _now, ...meta } = describeAnswer(seen, time, ran);
  return meta;
}

/**
 * What the engine says against a statement is meant for its author. Values are taken out: they come from
 * rows, and no row belongs in an error.
 */
function explain(error: unknown): never {
  if (!(error instanceof Fault) || error.code !== 'FACTS_ENGINE_FAILED') throw error;
  const { engine_code: code, engine_message: message } = error.details;
  if (typeof code !== 'number' || typeof message !== 'string') throw error;
  const sentence = message.replace(/'[^']*'/g, "'…'").split(/: while executing|\. In scope /i)[0] ?? '';
  throw new Fault('QUERY_SQL_REFUSED', `The engine cannot answer it: ${sentence.trim()}`, {
    details: { engine_code: code },
    cause: error,
  });
}

function refused(message: string): Fault {
  return new Fault('QUERY_SQL_REFUSED', message);
}
