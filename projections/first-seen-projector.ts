import { setTimeout as sleep } from 'node:timers/promises';
import { behind } from '#domain';
import type { PositionVector } from '#domain';
import { announced } from './announced.ts';
import type { CheckpointStore } from './checkpoint-store.ts';
import type { FactStore } from './fact-store.ts';
import { FlushSchedule } from './flush-schedule.ts';
import type { FollowedTenant } from './followed-tenant.ts';

export type FirstSeenProjectorOptions = {
  readonly facts: FactStore;
  readonly checkpoints: CheckpointStore;
  readonly generation: number;
  readonly clock: () => number;
  /** How many records per partition one step folds at most. */
  readonly stride: bigint;
  /** How long fewer records wait. */
  readonly afterMs: number;
  /** How many offsets below its checkpoint are folded again at the start. */
  readonly lookBack: bigint;
};

const RETRY_AFTER_MS = 1000;

/** Extends the kept `first_seen` fold behind the confirmed facts, in strides larger than those of the facts. */
export class FirstSeenProjector implements AsyncDisposable {
  readonly #options: FirstSeenProjectorOptions;
  readonly #vectors = new Map<FollowedTenant, PositionVector>();
  readonly #left = new WeakSet<FollowedTenant>();
  readonly #stop = new AbortController();
  #folding: Promise<void> = Promise.resolve();
  readonly #schedule: FlushSchedule;
  readonly #running: Promise<void>;

  constructor(options: FirstSeenProjectorOptions) {
    this.#options = options;
    this.#schedule = new FlushSchedule({
      afterMs: options.afterMs,
      atRecords: Number(options.stride),
      bulkRecords: Number(options.stride),
      clock: options.clock,
      waiting: async (followed) => Number(behind(this.vector(followed), followed.confirmed)),
    });
    this.#running = this.#run();
  }

  /** How far the fold of the tenant has come. */
  vector(followed: FollowedTenant): PositionVector {
    return this.#vectors.get(followed) ?? followed.confirmed.map(() => 0n);
  }

  /** The tenant's confirmed vector has moved. */
  moved(followed: FollowedTenant): void {
    // Where it stands is wanted soon, how far it has come is not.
    if (this.#vectors.has(followed)) this.#schedule.mark(followed);
    else this.#schedule.hurry(followed);
  }

  /** Folds the tenant no more, once nothing of it is in flight. */
  async leave(followed: FollowedTenant): Promise<void> {
    this.#left.add(followed);
    await this.#folding.catch(() => undefined);
    this.#vectors.delete(followed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      for (const followed of await this.#schedule.due(signal)) {
        try {
          this.#folding = this.#fold(followed);
          await this.#folding;
        } catch {
          // The fold may lag: questions read the facts from its vector on. It goes on from there.
          await sleep(RETRY_AFTER_MS, undefined, { signal }).catch(() => undefined);
          this.#schedule.mark(followed);
        }
      }
    }
  }

  async #fold(followed: FollowedTenant): Promise<void> {
    const { facts, generation, stride } = this.#options;
    if (this.#left.has(followed)) return;
    let from = this.#vectors.get(followed) ?? (await this.#load(followed));
    while (!this.#isEnding(followed) && behind(from, followed.confirmed) > 0n) {
      const to = followed.confirmed.map((confirmed, partition) => {
        const most = (from[partition] ?? 0n) + stride;
        return confirmed < most ? confirmed : most;
      });
      const { tenant } = followed;
      const range = { tenant, from, to };
      await announced({ what: 'first_seen', tenant }, () => facts.foldFirstSeen(generation, range));
      await this.#save(followed, to);
      from = to;
    }
  }

  #isEnding(followed: FollowedTenant): boolean {
    return this.#stop.signal.aborted || this.#left.has(followed);
  }

  async #load(followed: FollowedTenant): Promise<PositionVector> {
    const { checkpoints, generation, lookBack } = this.#options;
    const checkpoint = await checkpoints.load({
      projection: 'first_seen',
      generation,
      tenant: followed.tenant,
    });
    const kept = checkpoint?.logIdentity === followed.logIdentity ? checkpoint?.vector : undefined;
    const vector = followed.confirmed.map((confirmed, partition) => {
      const own = kept?.[partition] ?? 0n;
      return own < confirmed ? own : confirmed;
    });
    const from = vector.map((offset) => (offset > lookBack ? offset - lookBack : 0n));
    await this.#options.facts.foldFirstSeen(generation, { tenant: followed.tenant, from, to: vector });
    this.#vectors.set(followed, vector);
    return vector;
  }

  async #save(followed: FollowedTenant, vector: PositionVector): Promise<void> {
    const { checkpoints, generation } = this.#options;
    const { tenant, logIdentity } = followed;
    if (logIdentity === undefined) return;
    const key = { projection: 'first_seen', generation, tenant };
    await announced({ what: 'checkpoint', ...key }, () => checkpoints.save(key, { logIdentity, vector }));
    this.#vectors.set(followed, vector);
  }
}
