import { setImmediate } from 'node:timers/promises';
import { Fault } from '#domain';
import type { Event, LoggedEvent, PositionVector, TenantId } from '#domain';
import type { LogBounds, LogRecord, RecordBatch } from '#log';
import { announced } from './announced.ts';
import type { Checkpoint } from './checkpoint-store.ts';
import type { DocumentProjection } from './document-projection.ts';
import type {
  DocumentId,
  DocumentSet,
  DocumentStore,
  DocumentWrite,
  KeptDocument,
} from './document-store.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import type { Fold } from './projector.ts';
import { resumeFrom } from './resume.ts';

export type DocumentFoldOptions<State> = {
  readonly documents: DocumentStore;
  readonly projection: DocumentProjection<State>;
  readonly generation: number;
};

/** Consecutive records of a partition, as far as they concern a document. */
export type DocumentPortion = {
  readonly tenant: TenantId;
  readonly partition: number;
  /** The offset behind the last record, whether it concerned anything or not. */
  readonly next: bigint;
  readonly events: readonly LoggedEvent[];
};

/** The events of one document, in the order of the log. */
type Concern = { readonly id: DocumentId; readonly events: LoggedEvent[] };

/** Documents folded and written without letting anybody else in. */
const CHUNK = 512;

/**
 * Folds records into documents: those of a portion in memory first, so that each document is read and written
 * once. A record that a document has folded already is passed over, so a portion may be applied again.
 */
export class DocumentFold<State> implements Fold<DocumentPortion> {
  readonly #options: DocumentFoldOptions<State>;
  readonly #checkpoints = new Map<TenantId, Checkpoint>();

  constructor(options: DocumentFoldOptions<State>) {
    this.#options = options;
  }

  async open(followed: FollowedTenant, bounds: LogBounds): Promise<PositionVector> {
    const checkpoint = await this.#options.documents.checkpoint(this.#setOf(followed.tenant));
    const vector = resumeFrom(checkpoint, bounds);
    this.#checkpoints.set(followed.tenant, { logIdentity: bounds.identity, vector });
    return vector;
  }

  collect({ tenant }: FollowedTenant, { partition, records }: RecordBatch): DocumentPortion {
    const events: LoggedEvent[] = [];
    for (const record of records) {
      const event = this.#eventOf(record);
      if (event) events.push({ partition, offset: record.offset, event });
    }
    return { tenant, partition, next: (records.at(-1)?.offset ?? -1n) + 1n, events };
  }

  async apply(portions: readonly DocumentPortion[]): Promise<ReadonlyMap<TenantId, Pause>> {
    for (const [tenant, own] of Map.groupBy(portions, (portion) => portion.tenant)) {
      await this.#applyTo(tenant, own);
    }
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

  async #applyTo(tenant: TenantId, portions: readonly DocumentPortion[]): Promise<void> {
    const before = this.#checkpoints.get(tenant);
    if (!before) return;
    const vector = [...before.vector];
    for (const { partition, next } of portions) {
      if (next > (vector[partition] ?? 0n)) vector[partition] = next;
    }
    const checkpoint: Checkpoint = { logIdentity: before.logIdentity, vector };
    const concerns = this.#concernsOf(portions);
    for (let at = 0; at < concerns.length || at === 0; at += CHUNK) {
      const isLast = at + CHUNK >= concerns.length;
      await this.#write(tenant, concerns.slice(at, at + CHUNK), isLast ? checkpoint : undefined);
      await setImmediate();
    }
    this.#checkpoints.set(tenant, checkpoint);
  }

  async #write(
    tenant: TenantId,
    concerns: readonly Concern[],
    checkpoint: Checkpoint | undefined,
  ): Promise<void> {
    const { documents, projection } = this.#options;
    const set = this.#setOf(tenant);
    const kept = await documents.get(
      set,
      concerns.map(({ id }) => id),
    );
    const writes = concerns.flatMap((concern, index) => this.#fold(tenant, concern, kept[index]) ?? []);
    const batch = { writes, ...(checkpoint && { checkpoint }) };
    const about = { what: 'documents', projection: projection.name, tenant, last: checkpoint !== undefined };
    const applied = await announced(about, () => documents.apply(set, batch));
    if (!applied.ok) {
      throw new Fault('DOCUMENTS_FOLDED_ELSEWHERE', undefined, {
        details: { projection: projection.name, tenant, ids: applied.ids.slice(0, 5) },
      });
    }
  }

  /** The document with its new events folded in; undefined when it has folded all of them before. */
  #fold(
    tenant: TenantId,
    { id, events }: Concern,
    kept: KeptDocument | undefined,
  ): DocumentWrite | undefined {
    const { projection } = this.#options;
    const vector = [...(kept?.vector ?? [])];
    let state: State | undefined;
    for (const logged of events) {
      const { partition, offset } = logged;
      if (offset < (vector[partition] ?? 0n)) continue;
      state ??= projection.stateOf(kept?.body);
      projection.add(state, logged);
      while (vector.length <= partition) vector.push(0n);
      vector[partition] = offset + 1n;
    }
    if (state === undefined) return undefined;
    return { id, from: kept?.vector, vector, body: projection.bodyOf(state, { tenant, id }) };
  }

  #concernsOf(portions: readonly DocumentPortion[]): readonly Concern[] {
    const concerns = new Map<string, Concern>();
    for (const { events } of portions) {
      for (const logged of events) {
        for (const id of this.#options.projection.idsOf(logged.event)) {
          const key = JSON.stringify(id);
          const known = concerns.get(key);
          if (known) known.events.push(logged);
          else concerns.set(key, { id, events: [logged] });
        }
      }
    }
    return [...concerns.values()];
  }

  /**
   * Undefined for a record of no concern. A value that is no JSON object concerns no document; the projector
   * of the facts keeps it among the dead letters.
   */
  #eventOf({ value }: LogRecord): Event | undefined {
    const { marker } = this.#options.projection;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (marker && !bytes.includes(marker)) return undefined;
    try {
      const event: unknown = JSON.parse(bytes.toString());
      return typeof event === 'object' && event !== null && !Array.isArray(event)
        ? (event as Event)
        : undefined;
    } catch {
      return undefined;
    }
  }

  #setOf(tenant: TenantId): DocumentSet {
    const { projection, generation } = this.#options;
    return { name: projection.name, generation, tenant };
  }
}

const NOBODY: ReadonlyMap<TenantId, Pause> = new Map();
