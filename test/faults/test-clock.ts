import { syncBuiltinESMExports } from 'node:module';
import promises from 'node:timers/promises';

// Loaded before the product, in each of its threads: a clock that is ahead or goes back, and long rests cut short,
// so that what happens every half minute happens now.

/** How far the clock is off, and from which moment of the process on it is off otherwise. */
export type TestClock = {
  readonly aheadMs?: number;
  readonly stepAfterMs?: number;
  /** Added once `stepAfterMs` have passed; negative steps back. */
  readonly stepMs?: number;
  /** Rests of at least 10 s are this many times shorter. @default 1 */
  readonly hurry?: number;
};

const LONG_MS = 10_000;

const text = process.env['TEST_CLOCK'];
if (text !== undefined) setClock(JSON.parse(text) as TestClock);

function setClock({ aheadMs = 0, stepAfterMs = Infinity, stepMs = 0, hurry = 1 }: TestClock): void {
  const now = Date.now;
  const startedAt = performance.now();
  Date.now = () => now() + aheadMs + (performance.now() - startedAt >= stepAfterMs ? stepMs : 0);
  const shorter = (ms: number): number => (ms >= LONG_MS ? ms / hurry : ms);
  const rest = promises.setTimeout;
  promises.setTimeout = (ms = 0, value, options) => rest(shorter(ms), value, options);
  const every = globalThis.setInterval;
  globalThis.setInterval = ((run: () => void, ms: number) => every(run, shorter(ms))) as typeof setInterval;
  syncBuiltinESMExports();
}
