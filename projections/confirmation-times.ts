import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { covers, isBefore } from '#domain';
import type { Position, PositionVector, TenantId } from '#domain';

/** Whose confirmations. */
export type ConfirmedBy = {
  readonly projection: string;
  readonly generation: number;
  readonly tenant: TenantId;
};

/** Since when a read model has had a record. */
export type ConfirmedSince = {
  /** Epoch ms: it had it at this instant. */
  readonly atMs: number;
  /** How long before that it may have had it already. */
  readonly withinMs: number;
};

type Step = { readonly vector: PositionVector; readonly atMs: number };

const STEPS = 24;
/** Confirmations closer together than this are one step. */
const STEP_MS = 1000;
const MOST_LOGS = 4096;
const CHANNEL = 'daybook:projections:applied';

/**
 * Remembers when projections confirmed what, from what they announce, in memory: steps of at least a second, of
 * which older ones are kept ever further apart. Nothing is known of what had been confirmed before it was
 * opened, nor of tenants in which nothing has moved for long while thousands of others did.
 */
export class ConfirmationTimes implements Disposable {
  readonly #clock: () => number;
  readonly #steps = new Map<string, Step[]>();
  readonly #listen = (message: unknown): void => {
    this.#note(message as ConfirmedBy & { readonly vector: PositionVector });
  };

  constructor(options: { /** Epoch ms. */ readonly clock: () => number }) {
    this.#clock = options.clock;
    subscribe(CHANNEL, this.#listen);
  }

  /** Undefined when it has not been confirmed, or was before anything was remembered. */
  since(by: ConfirmedBy, position: Position): ConfirmedSince | undefined {
    const steps = this.#steps.get(keyOf(by)) ?? [];
    const index = steps.findIndex(({ vector }) => isBefore(position, vector));
    const [before, step] = [steps[index - 1], steps[index]];
    // The first step is how far it had come when this began.
    return before && step && { atMs: step.atMs, withinMs: step.atMs - before.atMs };
  }

  [Symbol.dispose](): void {
    unsubscribe(CHANNEL, this.#listen);
  }

  #note({ vector, ...by }: ConfirmedBy & { readonly vector: PositionVector }): void {
    const key = keyOf(by);
    const steps = this.#steps.get(key) ?? [];
    const last = steps.at(-1);
    if (last && covers(last.vector, vector)) return;
    // Moved to the end: the first are those in which nothing has moved for longest.
    this.#steps.delete(key);
    this.#steps.set(key, steps);
    // A clock that is set back must not let a later step come before an earlier one.
    const atMs = Math.max(this.#clock(), last?.atMs ?? 0);
    const before = steps.at(-2);
    if (before && atMs - before.atMs < STEP_MS) steps.pop();
    steps.push({ vector, atMs });
    if (steps.length > STEPS) thinOut(steps);
    if (this.#steps.size > MOST_LOGS) this.#steps.delete(this.#steps.keys().next().value ?? '');
  }
}

/** Leaves out every second step of the older half, but neither the first nor the last of it. */
function thinOut(steps: Step[]): void {
  for (let index = STEPS / 2 - 1; index > 0; index -= 2) steps.splice(index, 1);
}

function keyOf({ projection, generation, tenant }: ConfirmedBy): string {
  return `${projection}/${generation}/${tenant}`;
}
