import {
  ALL_SCENARIOS,
  Fault,
  activeHours,
  entryDocument,
  formatInstant,
  parseZone,
  profileDocument,
  profileOf,
} from '#domain';
import type {
  CatalogueEntry,
  EntryKind,
  JsonObject,
  Profile,
  ProfileDocument,
  TenantId,
  Zone,
} from '#domain';
import type { Catalogue } from '#log';
import { ITEMS, USER_PROFILES } from '#projections';
import type { DocumentId, DocumentPage, DocumentProgress, DocumentSet, DocumentStore } from '#projections';
import { DOCUMENT_FORMS } from './document-forms.ts';
import type { DocumentForm } from './document-forms.ts';
import { describeDocuments } from './document-meta.ts';
import type { DocumentMeta } from './document-meta.ts';
import { createFormCheck, invalidQuestion } from './question.ts';
import type { Problem, Report } from './question.ts';
import { LATEST, inOneGeneration, readWait } from './visibility.ts';

const LOOK_UP_MS = 10_000;
const DEFAULT_LIMIT = 50;

/** A question whose form has been checked; absent members are undefined. */
type Checked = Readonly<Record<string, string | number | undefined>>;

export type DocumentsOptions = {
  readonly documents: Pick<DocumentStore, 'get' | 'list'>;
  readonly items: DocumentProgress;
  readonly profiles: DocumentProgress;
  readonly catalogue: Pick<Catalogue, 'get' | 'list' | 'versions' | 'position'>;
  /** Epoch ms. */
  readonly clock: () => number;
};

type Asked = { readonly tenant: TenantId; readonly question: unknown; readonly signal?: AbortSignal };

/**
 * Answers questions about items, scenarios, model configs and profiles. All throw `QUERY_INVALID` with all
 * that is wrong, those that wait `QUERY_NOT_YET_VISIBLE`, those about one entry `NOT_FOUND`.
 */
export type DocumentQuestions = {
  /**
   * The version of an item once everything is folded that stands in the log now; undefined when there is none.
   * Throws `QUERY_NOT_YET_VISIBLE` after 10 s.
   */
  lookUpItem(
    tenant: TenantId,
    id: DocumentId,
  ): Promise<{ readonly version: number; readonly deleted: boolean } | undefined>;
  item(asked: Asked): Promise<object>;
  items(asked: Asked): Promise<object>;
  entry(kind: EntryKind, asked: Asked): object;
  entries(kind: EntryKind, asked: Asked): object;
  versions(kind: EntryKind, asked: Asked): Promise<object>;
  /** Of a user nobody has heard of: zeros, with a notice. */
  profile(asked: Asked): Promise<object>;
};

export function createDocumentQuestions(options: DocumentsOptions): DocumentQuestions {
  const { documents, items, profiles, catalogue, clock } = options;
  const checks = Object.fromEntries(
    Object.entries(DOCUMENT_FORMS).map(([name, schema]) => [name, createFormCheck(schema)]),
  ) as Record<DocumentForm, ReturnType<typeof createFormCheck>>;

  /** Checks a question, waits for what it waits for, and looks into the documents. */
  async function read<Found>(
    name: DocumentForm,
    asked: Asked,
    { progress, projection, look }: Reading<Found>,
  ): Promise<Read<Found>> {
    const startedMs = clock();
    const question = check(name, asked);
    const problems: Problem[] = [];
    const report: Report = (field, code, message) => problems.push({ field, code, message });
    const wait = readWait(question, report);
    const zone = parseZone(String(question['tz'] ?? 'UTC'));
    if (!zone) report('tz', 'time_zone', 'must be an IANA time zone, such as Europe/Berlin');
    if (problems.length > 0 || !zone) throw invalidQuestion(problems);
    const { tenant, signal } = asked;
    // The state is from before the documents are read: they may be further than it says, never less far.
    const { state, found } = await inOneGeneration(progress, { tenant, wait, signal }, async (state) => {
      const generation = state?.generation ?? progress.generation(tenant);
      return { state, found: await look({ name: projection.name, generation, tenant }, question) };
    });
    const meta = (notice?: string): DocumentMeta =>
      describeDocuments(state, {
        elapsedMs: clock() - startedMs,
        clockMs: clock(),
        controlPosition: catalogue.position(),
        ...(notice === undefined ? {} : { notice }),
      });
    return { question, zone, found, meta };
  }

  function check(name: DocumentForm, { question }: Asked): Checked {
    const problems = checks[name](question);
    if (problems.length > 0) throw invalidQuestion(problems);
    return question as Checked;
  }

  function entryOf(kind: EntryKind, asked: Asked): CatalogueEntry {
    const { scenario_id = '', model_id } = check('entry', asked);
    const found = catalogue.get({ kind, tenant: asked.tenant, id: idOf(kind, [scenario_id, model_id]) });
    if (!found || found.status === 'deleted') throw new Fault('NOT_FOUND', 'There is no such entry.');
    return found;
  }

  return {
    async lookUpItem(tenant, id) {
      const wait = { waitFor: LATEST, timeoutMs: LOOK_UP_MS };
      const [kept] = await inOneGeneration(items, { tenant, wait }, (state) => {
        const generation = state?.generation ?? items.generation(tenant);
        return documents.get({ name: ITEMS.name, generation, tenant }, [id]);
      });
      if (!kept) return undefined;
      const { version, status } = kept.body;
      return { version: Number(version), deleted: status === 'deleted' };
    },

    async item(asked) {
      const { found, meta } = await read('item', asked, {
        progress: items,
        projection: ITEMS,
        look: (set, { scenario_id, item_id }) => documents.get(set, [[String(scenario_id), String(item_id)]]),
      });
      const [kept] = found;
      if (!kept || kept.body['status'] === 'deleted') throw new Fault('NOT_FOUND', 'There is no such item.');
      return { item: shown(kept.body), meta: meta() };
    },

    async items(asked) {
      const { question, found, meta } = await read('items', asked, {
        progress: items,
        projection: ITEMS,
        look: (set, own) => documents.list(set, pageOf(own)),
      });
      const { limit = DEFAULT_LIMIT } = question;
      const page = found.slice(0, Number(limit));
      const last = found.length > page.length ? page.at(-1)?.id : undefined;
      return { items: page.map(({ body }) => shown(body)), next_cursor: formatCursor(last), meta: meta() };
    },

    entry: (kind, asked) => ({ [kind]: entryDocument(entryOf(kind, asked)) }),

    entries(kind, asked) {
      const { scenario_id, status, cursor, limit = DEFAULT_LIMIT } = check('entries', asked);
      const after = cursor === undefined ? undefined : parseCursor(cursor);
      const wanted = catalogue
        .list(kind, asked.tenant)
        .filter((entry) => scenario_id === undefined || entry.id[0] === scenario_id)
        .filter((entry) => (status === undefined ? entry.status !== 'deleted' : entry.status === status))
        .filter((entry) => after === undefined || isBehind(entry.id, after));
      const page = wanted.slice(0, Number(limit));
      const last = wanted.length > page.length ? page.at(-1)?.id : undefined;
      return { [`${kind}s`]: page.map(entryDocument), next_cursor: formatCursor(last) };
    },

    async versions(kind, asked) {
      const { scenario_id = '', model_id } = check('entry', asked);
      const ref = { kind, tenant: asked.tenant, id: idOf(kind, [scenario_id, model_id]) };
      const versions = await catalogue.versions(ref);
      if (versions.length === 0) throw new Fault('NOT_FOUND', 'There is no such entry.');
      return {
        versions: versions.map((one) => ({
          ...entryDocument(one),
          changed_by: one.actor,
          authenticated: false,
          reason: one.reason,
        })),
      };
    },

    async profile(asked) {
      const { question, zone, found, meta } = await read('profile', asked, {
        progress: profiles,
        projection: USER_PROFILES,
        look: (set, { user_id, scenario_id = ALL_SCENARIOS }) =>
          documents.get(set, [
            [String(user_id), ALL_SCENARIOS],
            [String(user_id), String(scenario_id)],
          ]),
      });
      refusePin(question['as_of']);
      const { user_id: user, scenario_id: scenario = null } = question;
      const [whole, own] = found;
      const notice = own ? undefined : 'There is no event of this user here yet.';
      const said = whole ? (whole.body as ProfileDocument).properties : {};
      return {
        tenant_id: asked.tenant,
        user_id: user,
        scenario_id: scenario,
        ...shownProfile(profileOf(own?.body as ProfileDocument | undefined), zone),
        properties: said,
        data_source: 'documents',
        meta: meta(notice),
      };
    },
  };
}

/** What a question reads, and where. */
type Reading<Found> = {
  readonly progress: DocumentProgress;
  readonly projection: { readonly name: string };
  readonly look: (set: DocumentSet, question: Checked) => Promise<Found>;
};

type Read<Found> = {
  readonly question: Checked;
  readonly zone: Zone;
  readonly found: Found;
  readonly meta: (notice?: string) => DocumentMeta;
};

/** The items a question lists, and one more, to see whether they are the last. */
function pageOf({ scenario_id, category, status, cursor, limit = DEFAULT_LIMIT }: Checked): DocumentPage {
  return {
    limit: Number(limit) + 1,
    ...(scenario_id === undefined ? {} : { prefix: [String(scenario_id)] }),
    where: {
      ...(category === undefined ? {} : { 'metadata.category': category }),
      ...(status === undefined ? {} : { status }),
    },
    ...(status === undefined ? { except: { status: 'deleted' } } : {}),
    ...(cursor === undefined ? {} : { after: parseCursor(cursor) }),
  };
}

function idOf(
  kind: EntryKind,
  [scenario, model = '']: readonly (string | number | undefined)[],
): readonly string[] {
  return kind === 'scenario' ? [String(scenario)] : [String(scenario), String(model)];
}

/** Throws `QUERY_PIN_UNAVAILABLE` when a profile is asked for as of anything but now. */
export function refusePin(asOf: string | number | undefined): void {
  if (asOf === undefined) return;
  const reason = 'profiles are kept as they are now';
  throw new Fault('QUERY_PIN_UNAVAILABLE', `A profile as of a token cannot be given: ${reason}.`, {
    details: { reason },
  });
}

/** A document without what only folding needs. */
function shown({ fold: _, ...body }: JsonObject): JsonObject {
  return body;
}

/** A profile as it is answered. */
export function shownProfile(profile: Profile, zone: Zone): object {
  const { features, preferences, updated_at } = profileDocument(profile);
  const { total_watch_duration_ms, first_seen_at, last_seen_at, ...counts } = features;
  const instant = (ms: number | null): string | null => (ms === null ? null : formatInstant(ms, zone));
  return {
    features: {
      ...counts,
      category_counts: Object.fromEntries([...profile.categories].map(([name, { count }]) => [name, count])),
      total_watch_duration: total_watch_duration_ms / 1000,
      active_hours: activeHours(profile, zone),
      first_seen_at: instant(first_seen_at),
      last_seen_at: instant(last_seen_at),
    },
    preferences,
    updated_at: updated_at === 0 ? null : formatInstant(updated_at, zone),
    tz: zone.name,
  };
}

function formatCursor(last: DocumentId | undefined): string | null {
  return last ? Buffer.from(JSON.stringify(last)).toString('base64url') : null;
}

function parseCursor(cursor: string | number): DocumentId {
  try {
    const id: unknown = JSON.parse(Buffer.from(String(cursor), 'base64url').toString());
    if (Array.isArray(id) && id.length > 0 && id.every((part) => typeof part === 'string')) return id;
  } catch {
    // Said below.
  }
  throw invalidQuestion([{ field: 'cursor', code: 'token', message: 'is no cursor that an answer gave' }]);
}

function isBehind(id: readonly string[], after: DocumentId): boolean {
  for (const [index, part] of id.entries()) {
    const against = after[index] ?? '';
    if (part !== against) return part > against;
  }
  return false;
}
