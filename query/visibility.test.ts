import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, covers, formatReceipt, parseTenantId } from '#domain';
import type { PositionVector } from '#domain';
import type { GenerationProgress, ProjectionState } from '#projections';
import { LATEST, inOneGeneration } from './visibility.ts';

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const { tenant } = parsed;
const LOG = '018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a10';

type State = ProjectionState & { readonly generation: number };

/** Two generations, of which the second is behind until it is waited for. */
function progressOf(activate: () => number): GenerationProgress<State> & { readonly waited: number[] } {
  const confirmed = new Map<number, PositionVector>([
    [1, [5n]],
    [2, [3n]],
  ]);
  const waited: number[] = [];
  return {
    waited,
    generation: activate,
    async state() {
      const generation = activate();
      return {
        generation,
        logIdentity: LOG,
        confirmed: confirmed.get(generation)!,
        highWater: [5n],
        waitingSinceMs: undefined,
        paused: undefined,
      };
    },
    async waitFor(_, vector) {
      const generation = activate();
      waited.push(generation);
      confirmed.set(generation, vector);
      return covers(confirmed.get(generation)!, vector);
    },
  };
}

test('a generation that is activated while another one is read is waited for and read instead', async () => {
  let active = 1;
  const progress = progressOf(() => active);
  const read: (readonly [number, bigint])[] = [];
  const wait = { waitFor: LATEST, timeoutMs: 1000 };
  const answer = await inOneGeneration(progress, { tenant, wait }, async (state) => {
    read.push([state!.generation, state!.confirmed[0]!]);
    active = 2;
    return state!.generation;
  });
  assert.equal(answer, 2);
  assert.deepEqual(read, [
    [1, 5n],
    [2, 5n],
  ]);
  assert.deepEqual(progress.waited, [1, 2]);
});

test('without an activation everything is done once, and who waits for another log is told', async () => {
  const progress = progressOf(() => 2);
  const position = { partition: 0, offset: 3n };
  const waitFor = (logIdentity: string): string => formatReceipt({ logIdentity, ...position });
  let times = 0;
  const ask = (logIdentity: string) =>
    inOneGeneration(
      progress,
      { tenant, wait: { waitFor: waitFor(logIdentity), timeoutMs: 1000 } },
      async (state) => {
        times++;
        return state?.confirmed;
      },
    );
  assert.deepEqual(await ask(LOG), [4n]);
  assert.equal(times, 1);
  await assert.rejects(
    ask('018f6d2e-7a11-7c3e-9d7e-0b1f6f1f2a11'),
    (error) => error instanceof Fault && error.code === 'QUERY_INVALID',
  );
});
