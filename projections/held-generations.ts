import { setTimeout as sleep } from 'node:timers/promises';
import { behind, covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { GenerationOf, ReadModel } from './read-model.ts';

export type HeldGenerationsOptions = {
  readonly model: ReadModel;
  readonly tenant: TenantId;
  /** Whether a generation is of other logic than this process has, and so never moves. */
  readonly isStill: (generation: number) => boolean;
  /** How far a generation may go when nobody holds it. */
  readonly limitOf: (generation: number) => Promise<PositionVector | 'here' | undefined>;
};

/** Every how often it is tried again to reach a vector when something stands still meanwhile. */
export const RETRY_MS = 500;

/** Brings generations of one tenant's read model to one vector and holds them there. */
export class HeldGenerations {
  readonly #options: HeldGenerationsOptions;

  constructor(options: HeldGenerationsOptions) {
    this.#options = options;
  }

  /** A vector that both cover. */
  async common(both: readonly number[], signal: AbortSignal): Promise<PositionVector> {
    const { model, isStill } = this.#options;
    const states = await Promise.all(both.map((one) => model.state(this.#of(one))));
    const vector = states.reduce<PositionVector>((most, state) => higher(most, state?.confirmed ?? []), []);
    const still = states.find((state, index) => isStill(both[index] ?? 0) || state?.paused);
    const target = still?.confirmed ?? vector;
    for (const one of both) await this.reach(one, target, signal);
    return target;
  }

  /** Lets both stand at one vector. */
  async standTogether(both: readonly number[], signal: AbortSignal): Promise<PositionVector> {
    const { model, isStill } = this.#options;
    const vectors: PositionVector[] = [];
    for (const one of both) vectors.push(await this.freeze(one, signal));
    const target = vectors.reduce((most, vector) => higher(most, vector), []);
    for (const one of both) {
      if (!isStill(one)) await model.limit(this.#of(one), target);
      await this.reach(one, target, signal);
    }
    return target;
  }

  /** Resolves once the generation covers the vector; one that never moves and does not is an error. */
  async reach(generation: number, vector: PositionVector, signal: AbortSignal): Promise<void> {
    const { model, isStill } = this.#options;
    while (!(await model.waitFor(this.#of(generation), vector, signal))) {
      signal.throwIfAborted();
      const state = await model.state(this.#of(generation));
      if (isStill(generation) && !covers(state?.confirmed ?? [], vector)) {
        throw new Error(
          `Generation ${generation} is of other logic and stands ${behind(state?.confirmed ?? [], vector)} records before the other one.`,
        );
      }
      await sleep(RETRY_MS, undefined, { signal });
    }
  }

  /** Lets a generation go no further and answers where it stands. */
  async freeze(generation: number, signal: AbortSignal): Promise<PositionVector> {
    const { model, isStill } = this.#options;
    if (!isStill(generation)) return unlessAborted(model.limit(this.#of(generation), 'here'), signal);
    return (await model.state(this.#of(generation)))?.confirmed ?? [];
  }

  /** Lets a generation go on as far as it may. */
  async release(generation: number): Promise<void> {
    const { model, isStill, limitOf } = this.#options;
    if (!isStill(generation)) await model.limit(this.#of(generation), await limitOf(generation));
  }

  #of(generation: number): GenerationOf {
    return { tenant: this.#options.tenant, generation };
  }
}

/** While its store is down a read model has something in flight for as long as that lasts. */
export async function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => {
    aborted.reject(signal.reason as Error);
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([value, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function higher(one: PositionVector, other: PositionVector): PositionVector {
  const length = Math.max(one.length, other.length);
  return Array.from({ length }, (_, partition) => {
    const [a, b] = [one[partition] ?? 0n, other[partition] ?? 0n];
    return a > b ? a : b;
  });
}
