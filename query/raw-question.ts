import { Type } from 'typebox';
import type { Static } from 'typebox';
import { UTC, parseInstant, parseZone } from '#domain';
import type { JsonObject, TenantId, Zone } from '#domain';
import type { LogChannel } from '#log';
import { OUTCOMES } from './raw-filter.ts';
import type { InstantRange, RawFilter, RecordOutcome } from './raw-filter.ts';
import { RECORD_FORMS } from './raw-record.ts';
import type { RecordForm } from './raw-record.ts';
import { COMMON, createFormCheck, invalidQuestion, oneOf, parseDuration } from './question.ts';
import type { Problem, Report } from './question.ts';

const text = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 255, description }));
const offset = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description }));
const instant = (description: string) =>
  Type.Optional(Type.Unsafe<string | number>({ type: ['string', 'number'], maxLength: 64, description }));

const CHANNEL = Type.Optional(
  oneOf(['events', 'dead_letters'], 'The events, or the inputs that were kept out of them.', 'events'),
);

/** Members that every way of reading through the log has. */
const SEARCH = {
  tenant_id: COMMON.tenant_id,
  channel: CHANNEL,
  outcome: Type.Optional(
    oneOf(OUTCOMES, 'What became of the input; all but `accepted` stand among the dead letters.'),
  ),
  reason: text('Of dead letters: the code of their first error.'),
  partition: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 65_535, description: 'This partition alone.' }),
  ),
  from_offset: offset('With `partition`: from this offset on, inclusive.'),
  to_offset: offset('With `partition`: up to this offset, exclusive.'),
  event_id: text('This event alone; found by the index of event ids.'),
  user_id: text('Events of this user.'),
  item_id: text('Events about this item.'),
  event_name: text('Events of this name; of a behaviour its action.'),
  from: instant('Events that happened at or after: ISO 8601 or epoch ms. A date alone is its midnight.'),
  to: instant('Events that happened before.'),
  received_from: instant('Records received at or after.'),
  received_to: instant('Records received before.'),
  tz: COMMON.tz,
  order: Type.Optional(
    oneOf(
      ['newest', 'oldest'],
      'Which come first. Within a partition by offset; partitions are merged by time of receipt.',
    ),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 4_000,
      description: 'The `next_cursor` of an answer to the same question: what comes after it.',
    }),
  ),
  form: Type.Optional(
    oneOf(RECORD_FORMS, 'Each record with its decoded event, its raw bytes, or both.', 'both'),
  ),
};

/** The form of `GET /api/v1/log`. */
export const BROWSE_FORM = Type.Object(
  {
    ...SEARCH,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Most records per page.' }),
    ),
    budget: Type.Optional(
      Type.String({
        maxLength: 16,
        default: '2s',
        description:
          'How long is searched for a page: `500ms`, `2s`; up to 20 s. Then the answer says how far it has come.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** The form of `GET /api/v1/log/export`. */
export const EXPORT_FORM = Type.Object(
  {
    ...SEARCH,
    marks: Type.Optional(
      oneOf(
        ['0', '1'],
        '1: after every portion a line `{"next_cursor": …, "records": …}`, from which an export goes on.',
        '0',
      ),
    ),
  },
  { additionalProperties: false },
);

/** What is searched for, and how. */
export type RawSearch = {
  readonly tenant: TenantId;
  readonly channel: LogChannel;
  readonly filter: RawFilter;
  /** One partition and its offsets alone. */
  readonly place:
    { readonly partition: number; readonly from: bigint; readonly to: bigint | undefined } | undefined;
  readonly order: 'newest' | 'oldest';
  readonly cursor: string | undefined;
  readonly form: RecordForm;
  /** Tells the questions apart to which a cursor may belong. */
  readonly about: string;
  /** As asked, for the audit. */
  readonly asked: JsonObject;
};

/** One page of a search. */
export type RawPageQuestion = RawSearch & { readonly limit: number; readonly budgetMs: number };

const MAX_BUDGET_MS = 20_000;

const checkBrowse = createFormCheck(BROWSE_FORM);
const checkExport = createFormCheck(EXPORT_FORM);

/** Takes an untrusted question for a page. Throws `QUERY_INVALID` with all that is wrong. */
export function readBrowse(tenant: TenantId, question: JsonObject): RawPageQuestion {
  return read(checkBrowse(question), (report) => {
    const asked = question as Static<typeof BROWSE_FORM>;
    const budgetMs = parseDuration(asked.budget ?? '2s') ?? -1;
    if (budgetMs < 0 || budgetMs > MAX_BUDGET_MS) report('budget', 'range', 'must be from 0ms to 20s');
    return { ...searchOf(tenant, asked, 'newest', report), limit: asked.limit ?? 100, budgetMs };
  });
}

/** Takes an untrusted question for an export. Throws `QUERY_INVALID` with all that is wrong. */
export function readExport(tenant: TenantId, question: JsonObject): RawSearch & { readonly marks: boolean } {
  return read(checkExport(question), (report) => {
    const asked = question as Static<typeof EXPORT_FORM>;
    return { ...searchOf(tenant, asked, 'oldest', report), marks: asked.marks === '1' };
  });
}

function read<Plan>(problems: readonly Problem[], plan: (report: Report) => Plan): Plan {
  if (problems.length > 0) throw invalidQuestion(problems);
  const found: Problem[] = [];
  const made = plan((field, code, message) => found.push({ field, code, message }));
  if (found.length > 0) throw invalidQuestion(found);
  return made;
}

type Asked = Static<typeof BROWSE_FORM> | Static<typeof EXPORT_FORM>;

function searchOf(tenant: TenantId, asked: Asked, order: 'newest' | 'oldest', report: Report): RawSearch {
  const zone = parseZone(asked.tz ?? 'UTC');
  if (!zone) report('tz', 'time_zone', 'must be an IANA time zone, such as Europe/Berlin');
  const range = (from: 'from' | 'received_from', to: 'to' | 'received_to'): InstantRange => {
    return readRange({ from, to }, asked, zone ?? UTC, report);
  };
  const { event_id: eventId, user_id: userId, item_id: itemId, event_name: eventName } = asked;
  const { outcome, reason } = asked;
  const filter = {
    ...(eventId === undefined ? {} : { eventId }),
    ...(userId === undefined ? {} : { userId }),
    ...(itemId === undefined ? {} : { itemId }),
    ...(eventName === undefined ? {} : { eventName }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(reason === undefined ? {} : { reason }),
    happened: range('from', 'to'),
    received: range('received_from', 'received_to'),
  };
  const channel = channelOf(asked.channel, outcome, reason, report);
  const found = {
    tenant,
    channel,
    filter,
    place: placeOf(asked, report),
    order: asked.order ?? order,
  };
  return {
    ...found,
    cursor: asked.cursor,
    form: asked.form ?? 'both',
    about: JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    asked,
  };
}

function channelOf(
  channel: LogChannel | undefined,
  outcome: RecordOutcome | undefined,
  reason: string | undefined,
  report: Report,
): LogChannel {
  const implied =
    outcome === undefined
      ? reason === undefined
        ? undefined
        : 'dead_letters'
      : outcome === 'accepted'
        ? 'events'
        : 'dead_letters';
  if (channel !== undefined && implied !== undefined && channel !== implied) {
    report('channel', 'ambiguous', `must be ${implied}, where that outcome or reason stands`);
  }
  return channel ?? implied ?? 'events';
}

function placeOf({ partition, from_offset: from, to_offset: to }: Asked, report: Report): RawSearch['place'] {
  if (partition === undefined) {
    if (from !== undefined || to !== undefined) {
      report('partition', 'required', 'is required with offsets: every partition counts its own');
    }
    return undefined;
  }
  if (from !== undefined && to !== undefined && from >= to) {
    report('from_offset', 'range', 'must be before to_offset');
  }
  return { partition, from: BigInt(from ?? 0), to: to === undefined ? undefined : BigInt(to) };
}

function readRange(
  names: { readonly from: 'from' | 'received_from'; readonly to: 'to' | 'received_to' },
  asked: Asked,
  zone: Zone,
  report: Report,
): InstantRange {
  const instantOf = (field: keyof Asked): number | undefined => {
    const value = asked[field];
    if (value === undefined) return undefined;
    const ms = parseInstant(value, zone);
    if (ms === undefined) {
      report(field, 'time', 'must be ISO 8601 or epoch milliseconds, between the years 1900 and 2299');
    }
    return ms;
  };
  const fromMs = instantOf(names.from);
  const toMs = instantOf(names.to);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    report(names.from, 'range', 'must be before the end of the range');
  }
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
}
