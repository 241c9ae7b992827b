import { channel } from 'node:diagnostics_channel';
import { decideExpiry } from '#domain';
import type { StreamStore } from '#log';
import { announced } from './announced.ts';
import type { FactStore } from './fact-store.ts';

/** From when on facts are kept. */
export type Horizon = {
  /** Epoch ms: facts of events before it are gone. */
  readonly beforeMs: number;
  /** Where the control plane says so; answers pinned before it may have used facts that are gone. */
  readonly position: bigint;
};

/** Lets go of facts that are older than wanted: an explicit, recorded step, never a side effect of merging. */
export interface FactsHorizon extends AsyncDisposable {
  /** Undefined as long as nothing has been let go. */
  current(): Horizon | undefined;
  /** Moves the horizon as far as it should be by now and drops what lies before it. Safe to repeat. */
  expire(): Promise<void>;
}

export type FactsHorizonOptions = {
  readonly streams: StreamStore;
  readonly facts: FactStore;
  /** The generations out of which facts before an instant may be dropped now. */
  readonly generations: (beforeMs: number) => readonly number[];
  /** How many days back facts are wanted; 0 keeps all. */
  readonly keepDays: number;
  /** Epoch ms. */
  readonly clock: () => number;
  readonly newId: () => string;
  /** Whether nothing but the facts would be lost: what is kept of them for longer has been made. @default it has */
  readonly mayLetGo?: (beforeMs: number) => boolean;
  /** How often it is looked after. @default 10 minutes */
  readonly everyMs?: number;
};

const STREAM = 'facts-horizon';
const TEN_MINUTES_MS = 600_000;

const expired = channel('daybook:projections:expired');

/** Opens it, drops what a crash may have left before the horizon, and looks after it from then on. */
export async function openFactsHorizon(options: FactsHorizonOptions): Promise<FactsHorizon> {
  const { streams, facts, generations, keepDays, clock, newId, mayLetGo = () => true } = options;
  let horizon: Horizon | undefined;
  let revision: bigint | undefined;
  let expiring: Promise<void> = Promise.resolve();

  async function fold(): Promise<void> {
    for await (const event of streams.read(STREAM, revision === undefined ? 0n : revision + 1n)) {
      revision = event.revision;
      const { beforeMs } = event.data;
      if (event.type === 'facts_expired' && typeof beforeMs === 'number') {
        horizon = { beforeMs, position: event.position };
      }
    }
  }

  async function expireNow(): Promise<void> {
    for (const { type, beforeMs } of decideExpiry(horizon?.beforeMs, { nowMs: clock(), keepDays })) {
      if (!mayLetGo(beforeMs)) return;
      const event = {
        id: newId(),
        type,
        data: { beforeMs },
        metadata: { actor: 'daybook', reason: `facts are kept for ${keepDays} days` },
      };
      // First it is said, then it is done: no answer may be given that a crash in between would make wrong.
      await streams.append(STREAM, [event], revision ?? 'no_stream');
      await fold();
    }
    if (!horizon) return;
    const { beforeMs } = horizon;
    for (const generation of generations(beforeMs)) {
      const months = await announced({ what: 'expiry' }, () => facts.dropBefore(generation, beforeMs));
      if (months.length > 0 && expired.hasSubscribers) expired.publish({ generation, ...horizon, months });
    }
  }

  const expire = (): Promise<void> => {
    expiring = expiring.catch(() => undefined).then(expireNow);
    return expiring;
  };

  await fold();
  await expire();
  const timer = setInterval(() => {
    // What fails now is tried again the next time.
    expire().catch(() => undefined);
  }, options.everyMs ?? TEN_MINUTES_MS);
  timer.unref();
  return {
    current: () => horizon,
    expire,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await expiring.catch(() => undefined);
    },
  };
}
