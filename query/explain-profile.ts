import { Type } from 'typebox';
import {
  ALL_SCENARIOS,
  UTC,
  comparePositions,
  formatAsOf,
  parseZone,
  partitionOf,
  profileOf,
  profileScopes,
} from '#domain';
import type { AsOfToken, JsonObject, LoggedEvent, PositionVector, ProfileDocument, Zone } from '#domain';
import { USER_PROFILES, parseEvent } from '#projections';
import type { DocumentProgress, DocumentStore } from '#projections';
import type { AuditedRecords, HistoryAsker } from './audited-records.ts';
import { findCandidates, sampledBy } from './candidate-records.ts';
import type { CandidateSources, Candidates } from './candidate-records.ts';
import { DOCUMENT_FORMS } from './document-forms.ts';
import { refusePin, shownProfile } from './documents.ts';
import { checkCursor, formatCursor, identityOf, pinOf, readCursor } from './explain-cursor.ts';
import type { RawLog } from './explain-log.ts';
import { EXPLAINING, listedEvent, pageOf, pageSizeOf } from './explanation-page.ts';
import type { Contribution, ExplainRequest } from './explanation-page.ts';
import { differencesOf, foldProfile, profileField } from './profile-field.ts';
import type { ProfileField } from './profile-field.ts';
import { createFormCheck, invalidQuestion, oneOf } from './question.ts';
import type { Problem, Report } from './question.ts';
import { readRanges } from './record-ranges.ts';
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

export type ProfileExplanationsOptions = CandidateSources & {
  readonly documents: Pick<DocumentStore, 'get'>;
  /** How far the profiles are. */
  readonly profiles: DocumentProgress;
  readonly log: RawLog;
  readonly history: AuditedRecords;
};

/** Explains profiles. */
export type ProfileExplanations = {
  /**
   * A field of a user's profile as it is kept, the events it was made of, and the same field folded again from
   * the user's records in the log, with what differs.
   *
   * Raw records are answered only when their read stands in the audit. Throws `QUERY_INVALID` with all that is
   * wrong, `QUERY_PIN_UNAVAILABLE` for `as_of`, `QUERY_NOT_YET_VISIBLE`.
   */
  explain(request: ExplainRequest): Promise<object>;
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
  readonly page_size?: number;
  readonly cursor?: string;
};

export function createProfileExplanations(options: ProfileExplanationsOptions): ProfileExplanations {
  const { documents, profiles, log, history } = options;
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
    if (!field) report('field', 'unknown', 'is no field of a profile, such as features.action_counts.click');
    if (problems.length > 0 || !zone || !field) throw invalidQuestion(problems);
    return { asked, wait, zone, field };
  }

  /** The profile as it is kept, and the vector of all records that it must hold. */
  async function look({ tenant }: HistoryAsker, asked: Asked, zone: Zone): Promise<Looked | undefined> {
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

  async function readEvents(
    { tenant, signal }: HistoryAsker,
    userId: string,
    whole: PositionVector,
  ): Promise<{ events: readonly LoggedEvent[]; candidates: Candidates }> {
    // All events of a user stand in one partition.
    const own = partitionOf(Buffer.from(userId), whole.length);
    const vector = whole.map((next, partition) => (partition === own ? next : 0n));
    const candidates = await findCandidates({ tenant, vector, narrowed: { userId } }, options, signal);
    const events: LoggedEvent[] = [];
    const reading = { name: { tenant, channel: 'events' }, ranges: candidates.ranges } as const;
    for await (const records of readRanges(log, reading, signal)) {
      for (const { partition, offset, value } of records) {
        const event = parseEvent(value);
        if (event?.user_id === userId && event.kind !== 'catalog') events.push({ partition, offset, event });
      }
    }
    return { events: events.sort(comparePositions), candidates };
  }

  return {
    async explain({ question, ...asker }) {
      const { tenant, signal } = asker;
      const { asked, wait, zone, field } = read(question);
      refusePin(asked.as_of);
      const { level = 'events' } = asked;
      const size = pageSizeOf(level, asked.page_size);
      const identity = identityOf(tenant, 'profile', { ...asked, level });
      const cursor = readCursor(asked.cursor);
      checkCursor(cursor, identity);
      if (wait) await untilVisible(profiles, { ...wait, tenant, signal });
      const looked = cursor
        ? { pin: await pinOf(cursor, log, tenant), shown: undefined }
        : await look(asker, asked, zone);
      const named = { analysis: 'profile', user_id: asked.user_id, field: asked.field ?? null };
      if (!looked) return { ...named, ...NOTHING, level, [level]: [] };
      const { pin, shown } = looked;
      const { events, candidates } = await readEvents(asker, asked.user_id, pin.vector);
      const { own, related } = concerned(events, asked, field);
      const contributions = contributionsOf(related, field, asked.user_id);
      const page = await pageOf(level, contributions, {
        size,
        after: cursor?.after,
        history,
        logIdentity: pin.logIdentity,
        asker,
        question: { analysis: 'profile', ...(question as JsonObject) },
      });
      const token = formatAsOf(pin);
      return {
        ...named,
        ...(shown && compared(shown, { field, own, all: events, zone, candidates })),
        ...sampledBy(candidates),
        total: { events: contributions.length },
        level,
        [level]: page.list,
        // A profile is not looked back at from an instant.
        next_cursor: page.after ? formatCursor({ token, nowMs: 0 }, identity, page.after) : null,
        meta: { as_of: token, generation: pin.generation },
      };
    },
  };
}

type Looked = { readonly pin: AsOfToken; readonly shown: object | undefined };

/** The events a profile is folded from, and with them those that may concern the field. */
function concerned(events: readonly LoggedEvent[], { scenario_id }: Asked, { isSaid }: ProfileField) {
  const own = new Set(
    events.filter(({ event }) => profileScopes(event).includes(scenario_id ?? ALL_SCENARIOS)),
  );
  const related = isSaid ? events.filter((each) => each.event.kind === 'user' || own.has(each)) : [...own];
  return { own: [...own], related };
}

/** Without a field everything is explained by every event. */
const WHOLE: ProfileField = { isSaid: true, valueIn: (shown) => shown, countedOf: () => ({}) };

/** A tenant without a log has no profiles. */
const NOTHING = {
  value: null,
  recount: { equal: true, value: null, records_read: 0, differences: [] },
  total: { events: 0 },
  next_cursor: null,
  meta: { as_of: null, generation: null },
};

function compared(
  shown: object,
  folded: {
    readonly field: ProfileField;
    /** The events of the profile, and all of the user, who has the same properties in every scenario. */
    readonly own: readonly LoggedEvent[];
    readonly all: readonly LoggedEvent[];
    readonly zone: Zone;
    readonly candidates: Candidates;
  },
): object {
  const { field, own, all, zone, candidates } = folded;
  const { isCut, records: records_read } = candidates;
  const value = field.valueIn(shown);
  if (isCut) return { value, recount: { equal: null, value: null, records_read, differences: [] } };
  const again = {
    ...shownProfile(foldProfile(own), zone),
    properties: propertiesOf(all),
  };
  const recounted = field.valueIn(again);
  const differences = differencesOf(value, recounted);
  const equal = differences.length === 0;
  return { value, recount: { equal, value: recounted, records_read, differences } };
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
    return counted ? [{ ...listedEvent(logged), user, counted }] : [];
  });
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
