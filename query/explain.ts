import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Fault, formatInstant, UTC } from '#domain';
import type { JsonObject } from '#domain';
import type { FactStore } from '#projections';
import type { AnalysisName, Ask } from './analysis.ts';
import { askOf } from './ask.ts';
import type { AuditedRecords } from './audited-records.ts';
import type { Cell } from './explain-cell.ts';
import { CELLS } from './explain-cells.ts';
import { checkCursor, formatCursor, readCursor, wrongCursor } from './explain-cursor.ts';
import type { After, Cursor } from './explain-cursor.ts';
import { eventsPage, membersPage } from './explain-levels.ts';
import type { RawLog } from './explain-log.ts';
import type { Part } from './explain-part.ts';
import { recount } from './explain-recount.ts';
import type { Recount, RecountLimits } from './explain-recount.ts';
import { EXPLAINING, pageSizeOf, showEvents } from './explanation-page.ts';
import type { ExplainRequest, ExplainedEvent, Level } from './explanation-page.ts';
import type { Meta } from './meta.ts';
import type { Answered, Queries } from './queries.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem } from './question.ts';
import type { Scope } from './sql.ts';

/** What is asked besides the question whose answer is explained. */
export const EXPLAIN_SCHEMA = Type.Object(
  {
    cell: Type.Unsafe<string | object>({
      type: ['string', 'object'],
      maxLength: 2000,
      description:
        'Which number of the answer: an object with the members that name it, also as JSON text; a plain word is its `figure`.',
    }),
    ...EXPLAINING,
    part: Type.Optional(
      Type.String({
        maxLength: 255,
        description: 'One of the `parts` the number is worked out from. By default the first.',
      }),
    ),
    item: Type.Optional(
      Type.String({ maxLength: 1024, description: 'Only events of this item of the level above.' }),
    ),
    recount: Type.Optional(
      Type.Boolean({
        description:
          'Whether the cell is counted again from the raw records. By default on the first page of users.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Where a number comes from. */
export type Explanation = {
  readonly analysis: AnalysisName;
  readonly cell: object;
  /** As the answer to the question has it, as of `meta.as_of`. */
  readonly value: unknown;
  /** The part that is explained, and all parts the value is worked out from. */
  readonly part: PartShown;
  readonly parts: readonly PartShown[];
  readonly level: Level;
  readonly users?: readonly object[];
  readonly items?: readonly object[];
  readonly events?: readonly object[];
  readonly records?: readonly object[];
  /** Cursor of the next page; null at the end. */
  readonly next_cursor: string | null;
  readonly recount?: Recount;
  readonly meta: Meta;
};

type PartShown = { readonly name: string; readonly unit: string; readonly of: 'users' | 'items' };

/** Explains the numbers of answers. */
export type Explanations = {
  /**
   * Answers who and what makes a number of an answer, down to the raw records, and counts it again from them.
   *
   * Raw records are answered only when their read stands in the audit. Throws what `Queries.ask` throws;
   * `QUERY_INVALID` also for a cell that is not in the answer and for a cursor of another explanation;
   * `QUERY_UNEXPLAINABLE` where the number is not of events, or where facts it was made of are no longer kept;
   * `LOG_GAP` where records are gone.
   */
  explain(name: AnalysisName, request: ExplainRequest): Promise<Explanation>;
};

export type ExplanationsOptions = {
  readonly queries: Pick<Queries, 'askWithGrounds'>;
  readonly facts: Pick<FactStore, 'query'>;
  readonly log: RawLog;
  readonly history: AuditedRecords;
  readonly limits?: RecountLimits & {
    /** Longest run of one statement. @default 30 */
    readonly maxSeconds?: number;
    /** Most memory of one statement, in bytes. @default the store's */
    readonly maxBytes?: number;
  };
};

type Asked = Static<typeof EXPLAIN_SCHEMA>;

const checkAsked = createFormCheck(EXPLAIN_SCHEMA);
const checkCell = Object.fromEntries(
  Object.entries(CELLS).map(([name, { schema }]) => [name, createFormCheck(schema)]),
) as Record<AnalysisName, ReturnType<typeof createFormCheck>>;

export function createExplanations(options: ExplanationsOptions): Explanations {
  const { queries, facts, log, history, limits = {} } = options;
  const { maxSeconds = 30, maxBytes } = limits;
  const statementLimits = { maxSeconds, ...(maxBytes === undefined ? {} : { maxBytes }) };
  return {
    async explain(name, { question: given, ...asker }) {
      const { tenant, signal } = asker;
      const ask = askOf(facts, statementLimits, signal);
      const { asked, named, question, cursor } = readAsked(name, given);
      const answered = await queries.askWithGrounds(name, { tenant, question, signal });
      const { cell, scope, token, logIdentity } = groundsOf(name, named, answered);
      const part = partOf(cell, asked.part);
      const { level = 'users' } = asked;
      const member = memberOf(part, asked);
      const identity = JSON.stringify([tenant, name, answered.plan, named, part.name, level, member]);
      checkCursor(cursor, identity);
      const limit = pageSizeOf(level, asked.page_size);
      const { zone, nowMs } = answered.time;
      const asJson = { analysis: name, ...given } as JsonObject;
      const page = await readPage(part, {
        level,
        member,
        after: cursor?.after,
        limit,
        scope,
        ask,
        show: (events) => showEvents(level, events, { history, logIdentity, asker, question: asJson, zone }),
      });
      const again = isRecounted(asked) && (await recount(cell, { log, scope, limits, signal }, ask));
      return {
        analysis: name,
        cell: named,
        value: cell.value,
        part: shownPart(part),
        parts: cell.parts.map(shownPart),
        level,
        [level === 'users' ? shownPart(part).of : level]: page.list,
        next_cursor: page.after ? formatCursor({ token, nowMs }, identity, page.after) : null,
        ...(again && { recount: again }),
        meta: answered.answer.meta,
      };
    },
  };
}

/** By default on the first page of users. */
function isRecounted({ recount: wanted, level = 'users', cursor }: Asked): boolean {
  return wanted ?? (level === 'users' && cursor === undefined);
}

/** What is asked, once its form has been checked: a page after the first asks as of the first. */
function readAsked(name: AnalysisName, given: Readonly<Record<string, unknown>>) {
  const { asked, question } = apart(given);
  const named = readCell(name, asked.cell);
  const cursor = cursorOf(asked.cursor, question);
  const pinned = cursor ? { now: cursor.nowMs, ...question, as_of: cursor.token } : question;
  return { asked, named, question: pinned, cursor };
}

/** The members of an explanation apart from those of the question. */
function apart(given: Readonly<Record<string, unknown>>): {
  readonly asked: Asked;
  readonly question: Readonly<Record<string, unknown>>;
} {
  const own = new Set(Object.keys(EXPLAIN_SCHEMA.properties));
  const members = Object.entries(given);
  const asked = Object.fromEntries(members.filter(([member]) => own.has(member)));
  const problems = checkAsked(asked);
  if (problems.length > 0) throw invalidQuestion(problems);
  return {
    asked: asked as Asked,
    question: Object.fromEntries(members.filter(([member]) => !own.has(member))),
  };
}

function readCell(name: AnalysisName, cell: string | object): object {
  const named = typeof cell === 'string' ? readCellText(cell) : cell;
  const problems = checkCell[name](named).map((problem): Problem => {
    return { ...problem, field: problem.field === '' ? 'cell' : `cell.${problem.field}` };
  });
  if (problems.length > 0) throw invalidQuestion(problems);
  return named;
}

function readCellText(text: string): object {
  if (!text.startsWith('{')) return { figure: text };
  try {
    return JSON.parse(text) as object;
  } catch {
    throw wrong('cell', 'is neither a word nor JSON');
  }
}

function cursorOf(text: string | undefined, question: Readonly<Record<string, unknown>>): Cursor | undefined {
  const cursor = readCursor(text);
  const { as_of: asOf } = question;
  if (cursor && typeof asOf === 'string' && asOf.startsWith('da1_') && asOf !== cursor.token) {
    throw wrongCursor('is as of another token than as_of');
  }
  return cursor;
}

/** The cell and what its answer was worked out from. */
function groundsOf(
  name: AnalysisName,
  named: object,
  { answer, plan, seen }: Answered,
): { cell: Cell; scope: Scope; token: string; logIdentity: string } {
  if (!seen) throw unexplainable('there is no event of this tenant yet');
  const cell = CELLS[name].find(named, { plan, answer });
  if ('problem' in cell) throw wrong('cell', cell.problem);
  if ('unexplained' in cell) throw unexplainable(cell.unexplained);
  const { horizon, logIdentity } = seen.state;
  if (horizon && cell.parts.some(({ fromMs }) => fromMs < horizon.beforeMs)) {
    const instant = formatInstant(horizon.beforeMs, UTC);
    throw unexplainable(`facts of events before ${instant} are no longer kept, and it is made of such`);
  }
  return { cell, scope: seen.scope, token: seen.token, logIdentity };
}

function partOf({ parts }: Cell, name: string | undefined): Part {
  const part = name === undefined ? parts[0] : parts.find((one) => one.name === name);
  if (!part) throw wrong('part', `must be one of ${parts.map((one) => one.name).join(', ')}`);
  return part;
}

/** Whose events are asked for; undefined = those of all. */
function memberOf(part: Part, { level = 'users', user, item }: Asked): string | undefined {
  if (level === 'users') {
    if (user !== undefined || item !== undefined) throw wrong('level', 'must be events or records of a user');
    return undefined;
  }
  const [field, other] = part.member === 'user' ? (['user', 'item'] as const) : (['item', 'user'] as const);
  const given = { user: user === null ? '' : user, item };
  if (given[other] !== undefined) throw wrong(other, `must not be given: this number is of ${field}s`);
  if (given[field] === undefined && (typeof part.count === 'function' || part.needs !== 0)) {
    throw wrong(field, 'is required: only all events of one tell which of them count');
  }
  return given[field];
}

async function readPage(
  part: Part,
  asked: {
    readonly level: Level;
    /** Undefined = of all members. */
    readonly member: string | undefined;
    readonly after: After | undefined;
    readonly limit: number;
    readonly scope: Scope;
    readonly ask: Ask;
    show(events: readonly ExplainedEvent[]): Promise<readonly object[]>;
  },
): Promise<{ readonly list: readonly object[]; readonly after: After | undefined }> {
  const { level, member, after, limit, scope, ask } = asked;
  if (level === 'users') {
    return membersPage(
      part,
      { scope, after: after && 'member' in after ? after.member : undefined, limit },
      ask,
    );
  }
  const place = after && 'place' in after ? after.place : undefined;
  const page = await eventsPage(part, { scope, member, after: place, limit }, ask);
  return { list: await asked.show(page.events), after: page.after };
}

function shownPart({ name, unit, member }: Part): PartShown {
  return { name, unit, of: member === 'user' ? 'users' : 'items' };
}

function wrong(field: string, message: string): Fault {
  return invalidQuestion([{ field, code: 'form', message }]);
}

function unexplainable(reason: string): Fault {
  return new Fault('QUERY_UNEXPLAINABLE', `The number cannot be explained: ${reason}.`, {
    details: { reason },
  });
}
