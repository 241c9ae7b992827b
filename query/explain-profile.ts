import { Type } from 'typebox';
import {
  ALL_SCENARIOS,
  UTC,
  covers,
  formatAsOf,
  parseAsOf,
  parseZone,
  partitionOf,
  profileOf,
  profileScopes,
} from '#domain';
import type { AsOfToken, LoggedEvent, PositionVector, ProfileDocument, Zone } from '#domain';
import type { EventLog } from '#log';
import { USER_PROFILES } from '#projections';
import type { DocumentProgress, DocumentStore, FactProgress, FactStore } from '#projections';
import type { Ask } from './analysis.ts';
import { findCandidates, readCandidates } from './candidate-records.ts';
import type { Candidates } from './candidate-records.ts';
import { DOCUMENT_FORMS } from './document-forms.ts';
import { refusePin, shownProfile } from './documents.ts';
import type { Explaining, RecordRead } from './explain-live.ts';
import {
  EXPLAINING,
  byPosition,
  eventIn,
  eventRow,
  formatCursor,
  pageOfEvents,
  parseCursor,
  positionOf,
  recordRows,
} from './explanation-page.ts';
import type { Contribution } from './explanation-page.ts';
import { differencesOf, foldProfile, profileField } from './profile-field.ts';
import type { ProfileField } from './profile-field.ts';
import { createFormCheck, invalidQuestion, oneOf } from './question.ts';
import type { Problem, Report } from './question.ts';
import { readWait, untilVisible } from './visibility.ts';

const { user: _user, ...PAGING } = EXPLAINING;

/** The form of the question. */
export const PROFILE_EXPLANATION = Type.Object(
  {
    ...DOCUMENT_FORMS.profile.properties,
    field: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 600,
        description:
          'A member of the answer, such as `features.action_counts.click`, `properties.plan`, `features.active_hours.8`; by default all of it.',
      }),
    ),
    ...PAGING,
    level: Type.Optional(
      oneOf(
        ['events', 'records'],
        'What is listed: events, or records with headers and raw bytes.',
        'events',
      ),
    ),
  },
  { additionalProperties: false },
);

export type ProfileExplanationsOptions = {
  readonly documents: Pick<DocumentStore, 'get'>;
  /** How far the profiles are. */
  readonly profiles: DocumentProgress;
  readonly log: Pick<EventLog, 'read' | 'bounds'>;
  readonly facts: Pick<FactStore, 'query'>;
  readonly progress: Pick<FactProgress, 'state'>;
  /** Most records read for one explanation. @default 100,000 */
  readonly maxRecords?: number;
  /** @default nothing is recorded */
  readonly recordRead?: RecordRead;
};

/** Explains profiles. */
export type ProfileExplanations = {
  /**
   * A field of a user's profile as it is kept, the events it was made of, and the same field folded again from
   * the user's records in the log, with what differs.
   *
   * Throws `QUERY_INVALID` with all that is wrong, `QUERY_PIN_UNAVAILABLE` for `as_of`, `QUERY_NOT_YET_VISIBLE`.
   */
  explain(asked: Explaining): Promise<object>;
};

type Asked = {
  readonly user_id: string;
  readonly scenario_id?: string;
  readonly tz?: string;
  readonly field?: string;
  readonly as_of?: string;
  readonly wait_for?: string;
  readonly timeout?: string;
  readonly level?: 'events' | 'records';
  readonly limit?: number;
  readonly cursor?: string;
};

export function createProfileExplanations(options: ProfileExplanationsOptions): ProfileExplanations {
  const { documents, profiles, log, facts, progress, maxRecords = 100_000, recordRead } = options;
  const check = createFormCheck(PROFILE_EXPLANATION);

  function read(question: unknown) {
    const problems: Problem[] = [...check(question)];
    if (problems.length > 0) throw invalidQuestion(problems);
    const report: Report = (field, code, message) => problems.push({ field, code, message });
    const asked = question as Asked;
    const wait = readWait(asked, report);
    const zone = parseZone(asked.tz ?? 'UTC');
    if (!zone) report('tz', 'time_zone', 'must be an IANA time zone, such as Europe/Berlin');
    const field = asked.field === undefined ? WHOLE : profileField(asked.field, zone ?? UTC);
    if (!field) report('field', 'unknown', 'is no field of a profile');
    const page = readPage(asked.cursor, report);
    if (problems.length > 0 || !zone || !field) throw invalidQuestion(problems);
    return { asked, wait, zone, field, page };
  }

  /** The profile as it is kept, and the vector of all records that it must hold. */
  async function look({ tenant }: Explaining, asked: Asked, zone: Zone): Promise<Looked | undefined> {
    // Before the document is read: it may be further than the state says, never less far.
    const state = await profiles.state(tenant);
    if (!state) return undefined;
    const { generation, confirmed, logIdentity } = state;
    const set = { name: USER_PROFILES.name, generation, tenant };
    const [whole, own] = await documents.get(set, [
      [asked.user_id, ALL_SCENARIOS],
      [asked.user_id, asked.scenario_id ?? ALL_SCENARIOS],
    ]);
    const further = [whole?.vector ?? [], own?.vector ?? []];
    const vector = confirmed.map((next, partition) =>
      further.reduce((most, each) => larger(most, each[partition] ?? 0n), next),
    );
    const shown = {
      ...shownProfile(profileOf(own?.body as ProfileDocument | undefined), zone),
      properties: (whole?.body as ProfileDocument | undefined)?.properties ?? {},
    };
    return { pin: { logIdentity, generation, controlPosition: 0n, vector }, shown };
  }

  async function lookAgain({ tenant }: Explaining, pin: AsOfToken): Promise<Looked> {
    const { identity, next } = await log.bounds({ tenant, channel: 'events' });
    if (pin.logIdentity !== identity || pin.vector.length !== next.length || !covers(next, pin.vector)) {
      throw invalidQuestion([{ field: 'cursor', code: 'token', message: WRONG_CURSOR }]);
    }
    return { pin, shown: undefined };
  }

  async function readEvents(
    { tenant, signal }: Explaining,
    userId: string,
    vector: PositionVector,
  ): Promise<{ events: readonly LoggedEvent[]; candidates: Candidates }> {
    const ask: Ask = async <Row>(statement: Parameters<Ask>[0]) =>
      (await facts.query<Row>({ ...statement, limits: { maxSeconds: 30 }, ...(signal && { signal }) })).rows;
    // All events of a user stand in one partition.
    const own = partitionOf(Buffer.from(userId), vector.length);
    const candidates = await findCandidates(
      {
        tenant,
        vector: vector.map((next, partition) => (partition === own ? next : 0n)),
        narrowed: { userId },
        facts: await progress.state(tenant),
        limit: maxRecords,
      },
      ask,
    );
    const events: LoggedEvent[] = [];
    for await (const records of readCandidates(log, { tenant, candidates }, signal)) {
      for (const { partition, offset, value } of records) {
        const event = eventIn(value);
        if (event?.user_id === userId && event.kind !== 'catalog') events.push({ partition, offset, event });
      }
    }
    return { events: events.sort(byPosition), candidates };
  }

  async function list(
    { tenant, actor }: Explaining,
    asked: Asked,
    rows: readonly Contribution[],
  ): Promise<object> {
    if (asked.level !== 'records') return { events: rows.map(eventRow) };
    const { cursor: _, ...question } = asked;
    await recordRead?.({ tenant, actor, question, records: rows.length });
    return { records: await recordRows(log, tenant, rows) };
  }

  return {
    async explain(asking) {
      const { tenant, signal } = asking;
      const { asked, wait, zone, field, page } = read(asking.question);
      refusePin(asked.as_of);
      if (wait) await untilVisible(profiles, { ...wait, tenant, signal });
      const looked = page ? await lookAgain(asking, page.pin) : await look(asking, asked, zone);
      if (!looked) return NOBODY;
      const { events, candidates } = await readEvents(asking, asked.user_id, looked.pin.vector);
      const { own, related } = concerned(events, asked, field);
      const contributions = contributionsOf(related, field, asked.user_id);
      const { rows, next } = pageOfEvents(contributions, {
        level: 'events',
        limit: asked.limit ?? 100,
        after: page?.after,
      });
      const listed = await list(asking, asked, rows);
      const token = formatAsOf(looked.pin);
      return {
        user_id: asked.user_id,
        field: asked.field ?? null,
        ...(looked.shown &&
          compared(looked.shown, { field, own, all: events, zone, isCut: candidates.isCut })),
        ...(candidates.isCut
          ? { sampled: { records: candidates.records, of: 'the first ones of the log' } }
          : {}),
        total: { events: contributions.length },
        ...listed,
        next_cursor: next === undefined ? null : formatCursor({ vector: token, atMs: 0, after: next }),
        meta: { vector: token, generation: looked.pin.generation, records_read: candidates.records },
      };
    },
  };
}

type Looked = { readonly pin: AsOfToken; readonly shown: object | undefined };

/** A later page and what it keeps to. */
function readPage(cursor: string | undefined, report: Report): { pin: AsOfToken; after: string } | undefined {
  if (cursor === undefined) return undefined;
  const page = parseCursor(cursor);
  const pin = page && parseAsOf(page.vector);
  if (pin && positionOf(page.after)) return { pin, after: page.after };
  report('cursor', 'token', WRONG_CURSOR);
  return undefined;
}

/** The events a profile is folded from, and with them those that may concern the field. */
function concerned(events: readonly LoggedEvent[], { scenario_id }: Asked, { isSaid }: ProfileField) {
  const own = new Set(
    events.filter(({ event }) => profileScopes(event).includes(scenario_id ?? ALL_SCENARIOS)),
  );
  const related = isSaid ? events.filter((each) => each.event.kind === 'user' || own.has(each)) : [...own];
  return { own: [...own], related };
}

const WRONG_CURSOR = 'is no cursor that an explanation gave';

/** Without a field everything is explained by every event. */
const WHOLE: ProfileField = { isSaid: true, valueIn: (shown) => shown, countedOf: () => ({}) };

/** A tenant without a log has no profiles. */
const NOBODY = {
  value: null,
  recount: { value: null, equal: true, differences: [] },
  total: { events: 0 },
  events: [],
  next_cursor: null,
  meta: { vector: null, generation: null, records_read: 0 },
};

function compared(
  shown: object,
  folded: {
    readonly field: ProfileField;
    /** The events of the profile, and all of the user, who has the same properties in every scenario. */
    readonly own: readonly LoggedEvent[];
    readonly all: readonly LoggedEvent[];
    readonly zone: Zone;
    readonly isCut: boolean;
  },
): object {
  const { field, own, all, zone, isCut } = folded;
  const value = field.valueIn(shown);
  if (isCut) return { value, recount: null };
  const again = {
    ...shownProfile(foldProfile(own), zone),
    properties: propertiesOf(all),
  };
  const recounted = field.valueIn(again);
  const differences = differencesOf(value, recounted);
  return { value, recount: { value: recounted, equal: differences.length === 0, differences } };
}

function propertiesOf(all: readonly LoggedEvent[]): object {
  const said = foldProfile(all.filter(({ event }) => event.kind === 'user')).properties;
  const kept = [...said].flatMap(([name, { value }]) => (value === null ? [] : [[name, value] as const]));
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function contributionsOf(
  own: readonly LoggedEvent[],
  field: ProfileField,
  user: string,
): readonly Contribution[] {
  const newestMs = own.reduce(
    (newest, { event }) => (event.kind === 'user' ? newest : Math.max(newest, event.timestamp)),
    0,
  );
  return own.flatMap((logged) => {
    const counted = field.countedOf(logged, newestMs);
    const { partition, offset, event } = logged;
    return counted ? [{ position: { partition, offset }, user, event, counted }] : [];
  });
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
