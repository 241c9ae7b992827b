import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain';
import type { Event, Position, PositionVector, TenantId } from '#domain';
import type { LogBounds, LogRecord, RecordBatch } from '#log';
import { announced } from './announced.ts';
import type { Checkpoint } from './checkpoint-store.ts';
import type { DocumentProjection } from './document-projection.ts';
import type {
  DocumentBatch,
  DocumentId,
  DocumentSet,
  DocumentStore,
  DocumentWrite,
  KeptDocument,
} from './document-store.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import { bufferOf, parseEvent } from './parse-event.ts';
import type { Fold } from './projector.ts';
import { resumeFrom } from './resume.ts';

export type DocumentFoldOptions<State> = {
  readonly documents: DocumentStore;
  readonly projection: DocumentProjection<State>;
  readonly generation: number;
};

/** What a tenant's records have to say to each document, since the last portion was applied. */
export type DocumentPortion = {
  readonly tenant: TenantId;
  readonly concerns: Map<string, Concern>;
  /** By partition, the offset behind the last record, whether it concerned anything or not. */
  readonly next: Map<number, bigint>;
};

/** The steps of one document, those of a partition in the order of the log. */
type Concern = { readonly id: DocumentId; readonly steps: Step[] };

type Step = Position & { readonly step: unknown };

/** Documents folded and written without letting anybody else in. */
const CHUNK = 512;

/**
 * Folds records into documents: those of a portion in memory first, so that each document is read and written
 * once. A record that a document has folded already is passed over, so a portion may be applied again.
 */
export class DocumentFold<State> implements Fold<DocumentPortion> {
  readonly #options: DocumentFoldOptions<State>;
  readonly #checkpoints = new Map<TenantId, Checkpoint>();
  /** Per tenant the portion that takes records in until it is applied. */
  readonly #open = new Map<TenantId, DocumentPortion>();

  constructor(options: DocumentFoldOptions<State>) {
    this.#options = options;
  }

  async open(followed: FollowedTenant, bounds: LogBounds): Promise<PositionVector> {
    const checkpoint = await this.#options.documents.checkpoint(this.#setOf(followed.tenant));
    const vector = resumeFrom(checkpoint, bounds);
    this.#checkpoints.set(followed.tenant, { logIdentity: bounds.identity, vector });
    this.#open.delete(followed.tenant);
    return vector;
  }

  /** Takes records into the tenant's open portion, which it answers: every document is written once. */
  collect({ tenant }: FollowedTenant, { partition, records }: RecordBatch): DocumentPortion {
    const { projection } = this.#options;
    const portion = this.#open.get(tenant) ?? { tenant, concerns: new Map(), next: new Map() };
    this.#open.set(tenant, portion);
    for (const record of records) {
      const event = this.#eventOf(record);
      const ids = event ? projection.idsOf(event) : [];
      if (!event || ids.length === 0) continue;
      const { offset } = record;
      const step = { partition, offset, step: projection.stepOf({ partition, offset, event }) };
      for (const id of ids) stepsOf(portion, id).push(step);
    }
    portion.next.set(partition, (records.at(-1)?.offset ?? -1n) + 1n);
    return portion;
  }

  async apply(portions: readonly DocumentPortion[]): Promise<ReadonlyMap<TenantId, Pause>> {
    const distinct = new Set(portions);
    for (const portion of distinct) {
      if (this.#open.get(portion.tenant) === portion) this.#open.delete(portion.tenant);
    }
    for (const portion of distinct) await this.#applyOne(portion);
    return NOBODY;
  }

  /** The checkpoint is written with the last documents of a portion; here only where there were none. */
  async save({ tenant, logIdentity }: FollowedTenant, vector: PositionVector): Promise<void> {
    const known = this.#checkpoints.get(tenant)?.vector;
    if (logIdentity === undefined || vector.every((next, partition) => next === known?.[partition])) return;
    const checkpoint = { logIdentity, vector };
    await this.#options.documents.apply(this.#setOf(tenant), { writes: [], checkpoint });
    this.#checkpoints.set(tenant, checkpoint);
  }

  async #applyOne({ tenant, concerns, next }: DocumentPortion): Promise<void> {
    const before = this.#checkpoints.get(tenant);
    if (!before) return;
    const vector = before.vector.map((offset, partition) => next.get(partition) ?? offset);
    const checkpoint: Checkpoint = { logIdentity: before.logIdentity, vector };
    const waiting = [...concerns.values()];
    // While documents are being written the next ones are folded; a failure is heard at the next await.
    let writing: Promise<void> = Promise.resolve();
    try {
      for (let at = 0; at < waiting.length || at === 0; at += CHUNK) {
        const writes = await this.#foldAll(tenant, waiting.slice(at, at + CHUNK));
        await writing;
        const isLast = at + CHUNK >= waiting.length;
        writing = this.#write(tenant, { writes, ...(isLast && { checkpoint }) });
        writing.catch(() => undefined);
        await setImmediate();
      }
    } finally {
      await writing;
    }
    this.#checkpoints.set(tenant, checkpoint);
  }

  async #foldAll(tenant: TenantId, concerns: readonly Concern[]): Promise<readonly DocumentWrite[]> {
    const ids = concerns.map(({ id }) => id);
    const kept = await this.#options.documents.get(this.#setOf(tenant), ids);
    return concerns.flatMap((concern, index) => this.#fold(tenant, concern, kept[index]) ?? []);
  }

  async #write(tenant: TenantId, batch: DocumentBatch): Promise<void> {
    const { documents, projection, generation } = this.#options;
    const last = batch.checkpoint !== undefined;
    const about = { what: 'documents', projection: projection.name, tenant, generation, last };
    const applied = await announced(about, () => documents.apply(this.#setOf(tenant), batch));
    if (!applied.ok) {
      throw new Fault('DOCUMENTS_FOLDED_ELSEWHERE', undefined, {
        details: { projection: projection.name, tenant, ids: applied.ids.slice(0, 5) },
      });
    }
  }

  /** The document with its new events folded in; undefined when it has folded all of them before. */
  #fold(tenant: TenantId, { id, steps }: Concern, kept: KeptDocument | undefined): DocumentWrite | undefined {
    const { projection } = this.#options;
    const vector = [...(kept?.vector ?? [])];
    let state: State | undefined;
    for (const { partition, offset, step } of steps) {
      if (offset < (vector[partition] ?? 0n)) continue;
      state ??= projection.stateOf(kept?.body);
      projection.add(state, step);
      while (vector.length <= partition) vector.push(0n);
      vector[partition] = offset + 1n;
    }
    if (state === undefined) return undefined;
    return { id, from: kept?.vector, vector, body: projection.bodyOf(state, { tenant, id }) };
  }

  /**
   * Undefined for a record of no concern. A value that is no JSON object concerns no document; the projector
   * of the facts keeps it among the dead letters.
   */
  #eventOf({ value }: LogRecord): Event | undefined {
    const { marker } = this.#options.projection;
    return marker && !bufferOf(value).includes(marker) ? undefined : parseEvent(value);
  }

  #setOf(tenant: TenantId): DocumentSet {
    const { projection, generation } = this.#options;
    return { name: projection.name, generation, tenant };
  }
}

/** The steps of a document in the portion; what they are is between the projection and itself. */
function stepsOf({ concerns }: DocumentPortion, id: DocumentId): Step[] {
  const key = id.map((member) => `${member.length}:${member}`).join('');
  let concern = concerns.get(key);
  if (!concern) concerns.set(key, (concern = { id, steps: [] }));
  return concern.steps;
}

const NOBODY: ReadonlyMap<TenantId, Pause> = new Map();
