import { Type } from 'typebox';
import type { TObject } from 'typebox';
import { Fault, UTC, actorOf, comparePositions, formatAsOf, formatInstant, parseAsOf } from '#domain';
import type { AsOfToken, JsonObject, TenantId } from '#domain';
import { VIEWS, ViewRecount, changedParts, parseEvent } from '#projections';
import type { AuditedRecords, HistoryAsker } from './audited-records.ts';
import { findCandidates, sampledBy } from './candidate-records.ts';
import type { CandidateSources, Candidates } from './candidate-records.ts';
import { checkCursor, formatCursor, identityOf, pinOf, readCursor } from './explain-cursor.ts';
import type { Cursor } from './explain-cursor.ts';
import type { RawLog } from './explain-log.ts';
import { EXPLAINING, listedEvent, pageOf, pageSizeOf } from './explanation-page.ts';
import type { Contribution, ExplainRequest, Level } from './explanation-page.ts';
import { LIVE_CELLS } from './live-cells.ts';
import type { LiveCell } from './live-cells.ts';
import type { LiveQuestion } from './live-question.ts';
import { LIVE_QUESTIONS } from './live-questions.ts';
import type { LiveQuestions } from './live-questions.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem, Report } from './question.ts';
import { readRanges } from './record-ranges.ts';

export type LiveExplanationsOptions = CandidateSources & {
  readonly live: LiveQuestions;
  readonly log: RawLog;
  readonly history: AuditedRecords;
};

/** Explains figures of answers from the live views. */
export type LiveExplanations = {
  /**
   * The figure as the views have it at one vector and instant, the users, events or records it is made of, and
   * the figure folded again from these records of the log alone.
   *
   * Raw records are answered only when their read stands in the audit. Throws what {@link LiveQuestions} throws,
   * and `QUERY_INVALID` for a figure that the answer does not have and for a cursor of another explanation.
   */
  explain(name: string, request: ExplainRequest): Promise<object>;
};

type Asked = Readonly<Record<string, string | number | undefined>> & {
  readonly level?: Level;
  readonly page_size?: number;
  readonly cursor?: string;
};

/** Of which question, in which form: that of the question and what names a figure and a page. */
export function explanationSchema({ name, schema }: LiveQuestion): TObject {
  return Type.Object(
    { ...schema.properties, ...LIVE_CELLS[name]?.members, ...EXPLAINING },
    { additionalProperties: false },
  );
}

export function createLiveExplanations(options: LiveExplanationsOptions): LiveExplanations {
  const { live, log, history } = options;
  const known = new Map(
    LIVE_QUESTIONS.map((each) => [each.name, { each, check: createFormCheck(explanationSchema(each)) }]),
  );

  function read(name: string, question: unknown) {
    const found = known.get(name);
    if (!found) throw new Fault('NOT_FOUND');
    const problems = [...found.check(question)];
    if (problems.length > 0) throw invalidQuestion(problems);
    const { user, ...asked } = question as Asked & { readonly user?: string | null };
    return { each: found.each, asked: asked as Asked, user: user === null ? '' : user };
  }

  /** The figure as the views have it now, and as of what. */
  async function look(each: LiveQuestion, asked: Asked, { tenant, signal }: HistoryAsker): Promise<Looked> {
    const question = Object.fromEntries(
      Object.entries(asked).filter(([member]) => member in each.schema.properties),
    );
    const answer = await live.ask(each.name, { tenant, question, whole: true, signal });
    const { meta, ...data } = answer;
    const atMs = Date.parse(meta.at);
    const cell = cellOf(each, asked, atMs);
    const pin = meta.vector === null ? undefined : parseAsOf(meta.vector);
    return { cell, atMs, pin, value: cell.valueIn(data) ?? null };
  }

  /** A later page keeps to the vector and the instant of the first, of which the views have no figure any more. */
  async function lookAgain(
    each: LiveQuestion,
    asked: Asked,
    { cursor, tenant }: { readonly cursor: Cursor; readonly tenant: TenantId },
  ): Promise<Looked> {
    const { nowMs: atMs } = cursor;
    const pin = await pinOf(cursor, log, tenant);
    return { cell: cellOf(each, asked, atMs), atMs, pin, value: undefined };
  }

  async function readAll({ cell, pin }: Looked, { tenant, signal }: HistoryAsker): Promise<Found> {
    const recount = new ViewRecount();
    const contributions: Contribution[] = [];
    const wanted = { tenant, vector: pin?.vector ?? [], narrowed: cell.narrowed };
    const candidates = await findCandidates(wanted, options, signal);
    const reading = { name: { tenant, channel: 'events' }, ranges: candidates.ranges } as const;
    for await (const records of readRanges(log, reading, signal)) {
      for (const record of records) {
        recount.add(record.value);
        const counted = changedParts(record.value, cell.parts);
        const event = counted.size > 0 ? parseEvent(record.value) : undefined;
        if (!event) continue;
        contributions.push({
          ...listedEvent({ ...record, event }),
          user: actorOf(event),
          counted: Object.fromEntries(counted),
        });
      }
    }
    return { recount, contributions: contributions.sort(comparePositions), candidates };
  }

  return {
    async explain(name, { question, ...asker }) {
      const { each, asked, user } = read(name, question);
      const { tenant } = asker;
      const { level = 'users' } = asked;
      const size = pageSizeOf(level, asked.page_size);
      const identity = identityOf(tenant, name, { ...asked, level, user });
      const cursor = readCursor(asked.cursor);
      checkCursor(cursor, identity);
      const looked = cursor
        ? await lookAgain(each, asked, { cursor, tenant })
        : await look(each, asked, asker);
      const found = await readAll(looked, asker);
      const own = found.contributions.filter((one) => user === undefined || one.user === user);
      const { pin, atMs } = looked;
      const page = await pageOf(level, own, {
        size,
        after: cursor?.after,
        history,
        logIdentity: pin?.logIdentity ?? '',
        asker,
        question: { analysis: name, ...(question as JsonObject) },
      });
      const token = pin ? formatAsOf(pin) : null;
      return {
        analysis: name,
        ...(cursor ? {} : compared(each, asked, { looked, found })),
        ...sampledBy(found.candidates),
        total: totalOf(found.contributions, looked.cell),
        level,
        [level]: page.list,
        next_cursor: page.after && token ? formatCursor({ token, nowMs: atMs }, identity, page.after) : null,
        meta: { as_of: token, generation: pin?.generation ?? null, now: formatInstant(atMs, UTC) },
      };
    },
  };
}

type Looked = {
  readonly cell: LiveCell;
  readonly atMs: number;
  /** What the views hold; undefined without any event. */
  readonly pin: AsOfToken | undefined;
  readonly value: unknown;
};

type Found = {
  readonly recount: ViewRecount;
  readonly contributions: readonly Contribution[];
  readonly candidates: Candidates;
};

function cellOf(each: LiveQuestion, asked: Asked, atMs: number): LiveCell {
  const problems: Problem[] = [];
  const report: Report = (field, code, message) => problems.push({ field, code, message });
  const cell = LIVE_CELLS[each.name]?.cellOf(asked, atMs, report);
  if (problems.length > 0 || !cell) throw invalidQuestion(problems);
  return cell;
}

/** The value of the views beside that of the records, which is open where not all of these could be read. */
function compared(
  each: LiveQuestion,
  asked: Asked,
  { looked, found }: { looked: Looked; found: Found },
): object {
  const { value, cell, atMs } = looked;
  const { isCut, records } = found.candidates;
  if (isCut) return { value, recount: { equal: null, value: null, records_read: records } };
  const plan = each.plan({ ...asked, limit: Infinity }, atMs, () => undefined);
  const again = cell.valueIn(plan.answer(found.recount.find(plan.wanted)) as Record<string, unknown>) ?? null;
  return { value, recount: { equal: again === value, value: again, records_read: records } };
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
