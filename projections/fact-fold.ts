import { Fault, formatPosition } from '#domain';
import type { Position, PositionVector, TenantId } from '#domain';
import type { EventLog, LogBounds, LogRecord, NewRecord, RecordBatch } from '#log';
import { announced } from './announced.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { FactBatch, FactStore } from './fact-store.ts';
import { insertFacts, insertIsolating, missingOf } from './fact-writer.ts';
import type { PoisonRecord } from './fact-writer.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import type { Fold } from './projector.ts';
import { resumeFrom } from './resume.ts';
import { daysOf } from './seals.ts';
import type { DaysOfRecords, Seals } from './seals.ts';
import { splicedLine } from './spliced-line.ts';

export type FactFoldOptions = {
  readonly log: EventLog;
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
  readonly generation: number;
  /** How many offsets below a checkpoint are read back at the start, per partition. */
  readonly lookBack: bigint;
  readonly maxPoison: number;
  /** Epoch ms: events of the tenant before it stay out of the facts. */
  readonly keptFromMs: (tenant: TenantId) => number;
  /** Whether nothing may be folded for the tenant, nor mended: what stands there is of other logic. */
  readonly standsStill: (tenant: TenantId) => boolean;
  /** Whether nothing of the tenant stands in the generation. */
  readonly isEmpty: (tenant: TenantId) => Promise<boolean>;
  readonly seals: Seals | undefined;
};

/** Consecutive records on their way into the facts. */
export type FactPortion = FactBatch & {
  /** Whether some of them may stand in the facts already. */
  readonly doubtful: boolean;
  /** Values that are not JSON objects, which the engine is not even asked about. */
  readonly unreadable: readonly PoisonRecord[];
  readonly days: DaysOfRecords;
};

/** Brings records into the facts as the bytes they are, each once. */
export class FactFold implements Fold<FactPortion> {
  readonly #options: FactFoldOptions;
  /** Of these nothing had been folded when they were opened, so nothing need be read back. */
  readonly #begun = new WeakSet<FollowedTenant>();
  /** Records that became dead letters and are near enough to be looked at again, per tenant. */
  readonly #deadLettered = new Map<TenantId, Map<string, Position>>();

  constructor(options: FactFoldOptions) {
    this.#options = options;
  }

  async open(followed: FollowedTenant, bounds: LogBounds): Promise<PositionVector> {
    const { facts, checkpoints, generation } = this.#options;
    const standsStill = this.#options.standsStill(followed.tenant);
    if (!standsStill) await facts.prepare(generation);
    const checkpoint = await checkpoints.load({ projection: 'facts', generation, tenant: followed.tenant });
    const vector = resumeFrom(checkpoint, bounds);
    if (!checkpoint && !standsStill && (await this.#options.isEmpty(followed.tenant)))
      this.#begun.add(followed);
    this.#remember(followed.tenant, checkpoint?.deadLettered ?? []);
    await this.#options.seals?.open(followed.tenant, bounds.identity, vector);
    if (standsStill) return vector;
    for (const [partition, to] of vector.entries()) await this.#heal(followed, bounds, partition, to);
    return vector;
  }

  collect(followed: FollowedTenant, { partition, records }: RecordBatch): FactPortion {
    const offsets: bigint[] = [];
    const lines: Uint8Array[] = [];
    const unreadable: PoisonRecord[] = [];
    const { tenant } = followed;
    const keptFromMs = this.#options.keptFromMs(tenant);
    for (const { offset, value, headers } of records) {
      if (headers.timestampMs < keptFromMs || this.#isDeadLettered(tenant, { partition, offset })) continue;
      const line = splicedLine(value, partition, offset);
      if (line) {
        offsets.push(offset);
        lines.push(line);
      } else
        unreadable.push({
          tenant,
          position: { partition, offset },
          reason: 'the value is not a JSON object',
        });
    }
    const isBelow = (records[0]?.offset ?? 0n) < (followed.doubtfulBelow[partition] ?? 0n);
    const doubtful = isBelow && !this.#begun.has(followed);
    const kept =
      keptFromMs === -Infinity ? records : records.filter((one) => one.headers.timestampMs >= keptFromMs);
    return { tenant, partition, offsets, lines, doubtful, unreadable, days: daysOf(kept) };
  }

  async apply(portions: readonly FactPortion[], attempt: number): Promise<ReadonlyMap<TenantId, Pause>> {
    const { facts, generation, seals } = this.#options;
    // Before anything of them is inserted: from then on their days may differ from what was sealed.
    if (seals) {
      await Promise.all(portions.map(({ tenant, partition, days }) => seals.note(tenant, partition, days)));
    }
    await this.#deadLetter(portions.flatMap(({ unreadable }) => unreadable));
    if (attempt === 0) {
      const doubtful = portions.filter((portion) => portion.doubtful);
      const sure = portions.filter((portion) => !portion.doubtful);
      try {
        const missing = await missingOf(facts, generation, doubtful);
        await insertFacts(facts, generation, [...missing, ...sure]);
        return new Map();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
      }
    }
    return this.#applyByTenant(portions);
  }

  async save(followed: FollowedTenant, vector: PositionVector): Promise<void> {
    const { checkpoints, generation, lookBack } = this.#options;
    const { tenant, logIdentity } = followed;
    if (logIdentity === undefined) return;
    const deadLettered = [...(this.#deadLettered.get(tenant)?.values() ?? [])].filter(
      ({ partition, offset }) => offset >= (vector[partition] ?? 0n) - lookBack,
    );
    this.#remember(tenant, deadLettered);
    const key = { projection: 'facts', generation, tenant };
    const checkpoint = { logIdentity, vector, ...(deadLettered.length > 0 && { deadLettered }) };
    await announced({ what: 'checkpoint', ...key }, () => checkpoints.save(key, checkpoint));
  }

  /** After a failure: each tenant by itself, reading back first, so that one cannot hold up the others. */
  async #applyByTenant(portions: readonly FactPortion[]): Promise<ReadonlyMap<TenantId, Pause>> {
    const { facts, generation, maxPoison } = this.#options;
    const refused = new Map<TenantId, Pause>();
    for (const [tenant, own] of Map.groupBy(portions, (portion) => portion.tenant)) {
      try {
        await this.#deadLetter(await insertIsolating(facts, generation, own, maxPoison));
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'PROJECTION_PAUSED') throw error;
        const first = own[0];
        const reason = `${error.message} (${String(error.details['reason'])})`;
        refused.set(tenant, { reason, partition: first?.partition ?? 0, offset: first?.offsets[0] ?? 0n });
      }
    }
    return refused;
  }

  /** Brings back what a power loss took from below the checkpoint: the engine does not wait for the disk. */
  async #heal(followed: FollowedTenant, bounds: LogBounds, partition: number, to: bigint): Promise<void> {
    const { facts, generation, log, lookBack, maxPoison } = this.#options;
    const first = bounds.first[partition] ?? 0n;
    const from = to - lookBack > first ? to - lookBack : first;
    if (from >= to) return;
    const { tenant } = followed;
    const present = await facts.present(generation, { tenant, partition, from, to });
    const known = [...(this.#deadLettered.get(tenant)?.values() ?? [])].filter(
      (position) => position.partition === partition && position.offset >= from && position.offset < to,
    );
    if (BigInt(present.length + known.length) >= to - from) return;
    for await (const records of log.read(followed.log, { partition, from, to })) {
      const portion = this.collect(followed, records);
      await this.#deadLetter(portion.unreadable);
      await this.#deadLetter(await insertIsolating(facts, generation, [portion], maxPoison));
    }
  }

  #remember(tenant: TenantId, positions: readonly Position[]): void {
    this.#deadLettered.set(
      tenant,
      new Map(positions.map((position) => [formatPosition(position), position])),
    );
  }

  #isDeadLettered(tenant: TenantId, position: Position): boolean {
    const known = this.#deadLettered.get(tenant);
    return known !== undefined && known.size > 0 && known.has(formatPosition(position));
  }

  async #deadLetter(poison: readonly PoisonRecord[]): Promise<void> {
    const { log, generation } = this.#options;
    for (const { tenant, position, reason } of poison) {
      if (this.#isDeadLettered(tenant, position)) continue;
      const record = await readOne(log, tenant, position);
      await log.append({ tenant, channel: 'dead_letters' }, [deadLetterOf(record, generation, reason)]);
      this.#remember(tenant, [...(this.#deadLettered.get(tenant)?.values() ?? []), position]);
    }
  }
}

async function readOne(log: EventLog, tenant: TenantId, { partition, offset }: Position): Promise<LogRecord> {
  const range = { partition, from: offset, to: offset + 1n };
  for await (const { records } of log.read({ tenant, channel: 'events' }, range)) {
    if (records[0]) return records[0];
  }
  throw new Fault('LOG_GAP', undefined, { details: { partition, from: offset, to: offset + 1n } });
}

/** The dead letter of a record that the facts of a generation could not take. */
export function deadLetterOf(record: LogRecord, generation: number, reason: string): NewRecord {
  const letter = {
    reason,
    code: 'facts_unreadable',
    projection: 'facts',
    generation,
    partition: record.partition,
    offset: String(record.offset),
    event_id: record.headers.eventId,
  };
  return {
    key: record.key,
    headers: { ...record.headers, source: 'projection', valid: false },
    value: Buffer.from(JSON.stringify(letter)),
    sent: record.value,
  };
}
