import { Type } from 'typebox';
import type { TObject } from 'typebox';
import { Fault, actorOf, covers, parseAsOf } from '#domain';
import type { AsOfToken, TenantId } from '#domain';
import type { EventLog } from '#log';
import { VIEWS, ViewRecount, changedParts } from '#projections';
import type { FactProgress, FactStore } from '#projections';
import type { Ask } from './analysis.ts';
import { findCandidates, readCandidates } from './candidate-records.ts';
import type { Candidates } from './candidate-records.ts';
import {
  EXPLAINING,
  byPosition,
  eventIn,
  eventRow,
  formatCursor,
  pageOfEvents,
  pageOfUsers,
  parseCursor,
  positionOf,
  recordRows,
} from './explanation-page.ts';
import type { Contribution, Cursor, Level } from './explanation-page.ts';
import { LIVE_CELLS } from './live-cells.ts';
import type { LiveCell } from './live-cells.ts';
import type { LiveQuestion } from './live-question.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';
import type { LiveQuestions } from './live-questions.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem, Report } from './question.ts';

/** Tells that raw records of a tenant are about to be answered; resolves when that is recorded. */
export type RecordRead = (read: {
  readonly tenant: TenantId;
  /** Who reads, by the sender's word. */
  readonly actor: string | undefined;
  /** What was asked. */
  readonly question: object;
  readonly records: number;
}) => Promise<void>;

export type Explaining = {
  readonly tenant: TenantId;
  readonly question: unknown;
  readonly actor?: string | undefined;
  readonly signal?: AbortSignal;
};

export type LiveExplanationsOptions = {
  readonly live: LiveQuestions;
  readonly log: Pick<EventLog, 'read' | 'bounds'>;
  readonly facts: Pick<FactStore, 'query'>;
  readonly progress: Pick<FactProgress, 'state'>;
  /** Most records read for one explanation. @default 100,000 */
  readonly maxRecords?: number;
  /** @default nothing is recorded */
  readonly recordRead?: RecordRead;
};

/** Explains figures of answers from the live views. */
export type LiveExplanations = {
  /**
   * The figure as the views have it at one vector and instant, the users, events or records it is made of, and
   * the figure folded again from these records of the log alone.
   *
   * Throws what {@link LiveQuestions} throws, and `QUERY_INVALID` for a figure that the answer does not have.
   */
  explain(name: string, asked: Explaining): Promise<object>;
};

type Asked = Readonly<Record<string, string | number | undefined>> & {
  readonly level?: Level;
  readonly user?: string;
  readonly limit?: number;
  readonly cursor?: string;
};

/** Of which question, in which form: that of the question and what names a figure and a page. */
export function explanationSchema({ name, schema }: LiveQuestion): TObject {
  const { limit: _, ...members } = schema.properties;
  return Type.Object(
    { ...members, ...LIVE_CELLS[name]?.members, ...EXPLAINING },
    { additionalProperties: false },
  );
}

export function createLiveExplanations(options: LiveExplanationsOptions): LiveExplanations {
  const { live, log, facts, progress, maxRecords = 100_000, recordRead } = options;
  const known = new Map(
    LIVE_QUESTIONS.map((each) => [each.name, { each, check: createFormCheck(explanationSchema(each)) }]),
  );

  function read(name: string, question: unknown): { each: LiveQuestion; asked: Asked; page?: Cursor } {
    const found = known.get(name);
    if (!found) throw new Fault('NOT_FOUND');
    const problems = [...found.check(question)];
    if (problems.length > 0) throw invalidQuestion(problems);
    const asked = question as Asked;
    const { each } = found;
    if (asked.cursor === undefined) return { each, asked };
    const page = parseCursor(asked.cursor);
    const isEvent = (asked.level ?? 'users') !== 'users';
    if (!page || !parseAsOf(page.vector) || (isEvent && !positionOf(page.after))) throw wrongCursor();
    return { each, asked, page };
  }

  /** The figure as the views have it now, and as of what. */
  async function look(each: LiveQuestion, asked: Asked, { tenant, signal }: Explaining): Promise<Looked> {
    const question = Object.fromEntries(
      Object.entries(asked).filter(([member]) => member in each.schema.properties && member !== 'limit'),
    );
    const answer = await live.ask(each.name, { tenant, question, whole: true, ...(signal && { signal }) });
    const { meta, ...data } = answer;
    const atMs = Date.parse(meta.at);
    const cell = cellOf(each, asked, atMs);
    return { cell, atMs, token: meta.vector, value: cell.valueIn(data) ?? null };
  }

  /** A later page keeps to the vector and the instant of the first, of which the views have no figure any more. */
  async function lookAgain(
    each: LiveQuestion,
    asked: Asked,
    { page, tenant }: { readonly page: Cursor; readonly tenant: TenantId },
  ): Promise<Looked> {
    const { vector: token, atMs } = page;
    const { identity, next } = await log.bounds({ tenant, channel: 'events' });
    const pin = parseAsOf(token);
    if (pin?.logIdentity !== identity || pin.vector.length !== next.length || !covers(next, pin.vector)) {
      throw wrongCursor();
    }
    return { cell: cellOf(each, asked, atMs), atMs, token, value: undefined };
  }

  async function readAll(
    { cell, token }: Looked,
    { tenant, signal }: Explaining,
  ): Promise<{ found: Found; candidates: Candidates }> {
    const recount = new ViewRecount();
    const contributions: Contribution[] = [];
    const candidates = await candidatesOf(cell, parseAsOf(token ?? ''), { tenant, signal });
    for await (const records of readCandidates(log, { tenant, candidates }, signal)) {
      for (const { partition, offset, value } of records) {
        recount.add(value);
        const counted = changedParts(value, cell.parts);
        const event = counted.size > 0 ? eventIn(value) : undefined;
        if (!event) continue;
        const position = { partition, offset };
        contributions.push({ position, user: actorOf(event), event, counted: Object.fromEntries(counted) });
      }
    }
    contributions.sort((one, other) => byPosition(one.position, other.position));
    return { found: { recount, contributions }, candidates };
  }

  async function candidatesOf(
    { narrowed }: LiveCell,
    pin: AsOfToken | undefined,
    { tenant, signal }: { readonly tenant: TenantId; readonly signal?: AbortSignal | undefined },
  ): Promise<Candidates> {
    if (!pin) return { ranges: [], records: 0, isCut: false };
    const ask: Ask = async <Row>(statement: Parameters<Ask>[0]) =>
      (await facts.query<Row>({ ...statement, limits: LIMITS, ...(signal && { signal }) })).rows;
    const state = await progress.state(tenant);
    const { vector } = pin;
    return findCandidates({ tenant, vector, narrowed, facts: state, limit: maxRecords }, ask);
  }

  return {
    async explain(name, asking) {
      const { each, asked, page } = read(name, asking.question);
      const { tenant } = asking;
      const looked = page ? await lookAgain(each, asked, { page, tenant }) : await look(each, asked, asking);
      const { found, candidates } = await readAll(looked, asking);
      const listed = listedBy(asked, found.contributions, { looked, after: page?.after });
      if (asked.level === 'records') {
        const { cursor: _, ...question } = asked;
        await recordRead?.({ tenant, actor: asking.actor, question, records: listed.rows.length });
      }
      const rows =
        asked.level === 'records'
          ? { records: await recordRows(log, tenant, listed.rows) }
          : asked.level === 'events'
            ? { events: listed.rows.map(eventRow) }
            : { users: listed.users };
      return {
        question: each.name,
        ...(page ? {} : compared(each, asked, { looked, found, candidates })),
        ...(candidates.isCut
          ? { sampled: { records: candidates.records, of: 'the first ones of the log' } }
          : {}),
        total: totalOf(found.contributions, looked.cell),
        ...rows,
        next_cursor: listed.next,
        meta: {
          vector: looked.token,
          at: new Date(looked.atMs).toISOString(),
          records_read: candidates.records,
        },
      };
    },
  };
}

/** As long as any question may take. */
const LIMITS = { maxSeconds: 30 };

type Looked = {
  readonly cell: LiveCell;
  readonly atMs: number;
  /** The vector of the views; null without any event. */
  readonly token: string | null;
  readonly value: unknown;
};

type Found = { readonly recount: ViewRecount; readonly contributions: readonly Contribution[] };

function cellOf(each: LiveQuestion, asked: Asked, atMs: number): LiveCell {
  const problems: Problem[] = [];
  const report: Report = (field, code, message) => problems.push({ field, code, message });
  const cell = LIVE_CELLS[each.name]?.cellOf(asked, atMs, report);
  if (problems.length > 0 || !cell) throw invalidQuestion(problems);
  return cell;
}

/** The value of the views beside that of the records, where all of these could be read. */
function compared(
  each: LiveQuestion,
  asked: Asked,
  { looked, found, candidates }: { looked: Looked; found: Found; candidates: Candidates },
): object {
  const { value, cell, atMs } = looked;
  if (candidates.isCut) return { value, recount: null };
  const plan = each.plan({ ...asked, limit: Infinity }, atMs, () => undefined);
  const again = cell.valueIn(plan.answer(found.recount.find(plan.wanted)) as Record<string, unknown>) ?? null;
  return { value, recount: { value: again, equal: again === value } };
}

/** How many they are, and the sums a figure is worked out from: of a rate what is divided, and by what. */
function totalOf(contributions: readonly Contribution[], { parts }: LiveCell): object {
  const sums: Record<string, number> = {};
  for (const { counted } of contributions) {
    for (const [name, amount] of Object.entries(counted)) sums[name] = (sums[name] ?? 0) + Number(amount);
  }
  return {
    users: new Set(contributions.map(({ user }) => user)).size,
    events: contributions.length,
    ...(parts.every(({ view }) => VIEWS[view].merge === 'sum') ? { sums } : {}),
  };
}

function listedBy(
  asked: Asked,
  contributions: readonly Contribution[],
  { looked, after }: { readonly looked: Looked; readonly after: string | undefined },
) {
  const { level = 'users', user, limit = 100 } = asked;
  const own = user === undefined ? contributions : contributions.filter((each) => each.user === user);
  const goingOn = (next: string | undefined): string | null =>
    next === undefined ? null : formatCursor({ vector: looked.token ?? '', atMs: looked.atMs, after: next });
  if (level === 'users') {
    const { users, next } = pageOfUsers(own, { level, limit, after });
    return { users, rows: [], next: goingOn(next) };
  }
  const { rows, next } = pageOfEvents(own, { level, limit, after });
  return { users: [], rows, next: goingOn(next) };
}

function wrongCursor(): Fault {
  return invalidQuestion([
    { field: 'cursor', code: 'token', message: 'is no cursor that an explanation gave' },
  ]);
}
