import type { TestContext } from 'node:test';
import { makeHistory } from '../invariants/history.ts';
import type { Input } from '../invariants/history.ts';
import { PersistentSender } from '../invariants/killing.ts';
import { createRandom, seedOfRun } from '../random.ts';
import type { Told } from './truth.ts';

const DAY_MS = 86_400_000;

/** `--import` of a module beside this one, for `NODE_OPTIONS`. */
export const preload = (module: string): string => `--import=${new URL(module, import.meta.url).href}`;

/** What is sent in one test of faults, portion by portion, and what was said to it. */
export class Trial {
  readonly sender: PersistentSender;
  readonly #history: readonly Input[];
  #given = 0;

  /** Events of both tenants, each batch spread over the range: by default the ten months that end now. */
  constructor(
    t: TestContext,
    options: {
      readonly events: number;
      readonly tenants?: readonly string[];
      readonly seed?: number;
      readonly fromMs?: number;
      readonly toMs?: number;
    },
  ) {
    const { events, tenants = ['acme', 'globex'], seed = seedOfRun(), toMs = Date.now() } = options;
    const { fromMs = toMs - 10 * 30 * DAY_MS } = options;
    t.diagnostic(`seed ${seed} (repeat with DAYBOOK_TEST_SEED=${seed})`);
    this.#history = makeHistory({ seed, tenants, events, fromMs, toMs }).inputs;
    this.sender = new PersistentSender(createRandom(seed));
  }

  /** What was given out so far. */
  get inputs(): readonly Input[] {
    return this.#history.slice(0, this.#given);
  }

  /** Hands the next inputs to the sender. */
  add(count: number): readonly Input[] {
    const portion = this.#history.slice(this.#given, this.#given + count);
    if (portion.length < count) throw new Error(`only ${portion.length} inputs are left`);
    this.#given += count;
    this.sender.add(portion);
    return portion;
  }

  told(): Told {
    return { inputs: this.inputs, answers: this.sender.answers };
  }
}
