import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain';
import { load } from './load.ts';
import { makeMonth } from './month.ts';

const month = makeMonth({ seed: 2, days: 2, events: 2500, endAt: Date.parse('2025-06-04T15:30:00Z') });

/** A log in memory that answers the later of two batches first. */
function slowLog() {
  const standing = new Map<string, string>();
  const batches: number[] = [];
  let waiting: (() => void)[] = [];
  const answer = (event: JsonObject) => {
    const { event_id: id, ...rest } = event;
    const body = JSON.stringify(rest);
    const first = standing.get(id as string);
    if (rest['action_type'] !== undefined && rest['user_id'] === undefined) return 'rejected' as const;
    if (first !== undefined) return first === body ? ('duplicate' as const) : ('conflict' as const);
    standing.set(id as string, body);
    return 'accepted' as const;
  };
  return {
    batches,
    standing,
    async send(events: readonly JsonObject[]) {
      batches.push(events.length);
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setImmediate(() => {
          for (const go of waiting.reverse()) go();
          waiting = [];
        });
      });
      return events.map((event) => ({ outcome: answer(event) }));
    },
  };
}

test('what stands under an id is what was sent first, however the batches overtake each other', async () => {
  const log = slowLog();
  const progress: number[] = [];
  const answered = await load(month, {
    send: (events) => log.send(events),
    onAnswered: (done) => progress.push(done),
  });
  const total = month.inputs.length + month.again.length;
  for (const outcome of ['accepted', 'duplicate', 'conflict', 'rejected'] as const) {
    const expected = [...month.inputs, ...month.again].filter((input) => input.expected === outcome).length;
    assert.equal(answered[outcome], expected, outcome);
  }
  for (const { event, expected } of month.inputs) {
    const { event_id: id, ...rest } = event;
    if (expected === 'accepted') assert.equal(log.standing.get(id as string), JSON.stringify(rest));
  }
  assert.ok(log.batches.every((size) => size >= 1 && size <= 100));
  assert.equal(progress.at(-1), total);
});

test('a batch that cannot be sent ends the loading', async () => {
  const refused = new Error('refused');
  const loading = load(month, { send: () => Promise.reject(refused), onAnswered: () => undefined });
  await assert.rejects(loading, refused);
});
