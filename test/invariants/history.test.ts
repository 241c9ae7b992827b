import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS, canonicalJson } from '#domain';
import type { Event, Json } from '#domain';
import { makeHistory } from './history.ts';
import { settle } from './ledger.ts';
import type { Answer, Kept } from './ledger.ts';
import { funnelUsers, retentionValues } from './oracles.ts';

const options = {
  seed: 7,
  tenants: ['acme', 'globex'],
  events: 20_000,
  fromMs: Date.UTC(2023, 2, 1),
  toMs: Date.UTC(2025, 2, 1),
};
const { inputs } = makeHistory(options);
const valid = inputs.flatMap((input) => (input.event ? [input.event] : []));

test('a history is the same for the same seed and another for another', () => {
  assert.deepEqual(makeHistory(options).inputs, inputs);
  assert.notDeepEqual(makeHistory({ ...options, seed: 8 }).inputs, inputs);
});

test('a history speaks of all actions, all kinds and both years', () => {
  assert.deepEqual(
    new Set(valid.flatMap(({ action_type }) => (action_type ? [action_type] : []))),
    new Set(ACTIONS),
  );
  assert.deepEqual(
    new Set(valid.map(({ kind }) => kind)),
    new Set(['behaviour', 'generic', 'user', 'catalog']),
  );
  const months = new Set(valid.map(({ timestamp }) => new Date(timestamp).toISOString().slice(0, 7)));
  assert.equal(months.size, 24);
  assert.equal(new Set(valid.map(({ scenario_type }) => scenario_type)).size, 10);
});

test('inputs of one variant say the same and inputs of two do not', () => {
  const groups = Map.groupBy(inputs, ({ tenant, eventId }) => `${tenant} ${eventId}`);
  const said = (text: string): string => canonicalJson(JSON.parse(text) as Json);
  let rewritten = 0;
  for (const group of groups.values()) {
    const variants = Map.groupBy(group, ({ variant }) => variant);
    for (const same of variants.values()) {
      if (same[0]?.event) assert.equal(new Set(same.map(({ text }) => said(text))).size, 1);
      if (new Set(same.map(({ text }) => text)).size > 1) rewritten++;
    }
    if (variants.has(0) && variants.has(1)) {
      assert.notEqual(said(variants.get(0)![0]!.text), said(variants.get(1)![0]!.text));
    }
  }
  assert.ok(rewritten > 200, `${rewritten} rewritten`);
});

test('the ledger finds two accepted, a wrong position, a missing offset and a wrong outcome', () => {
  const event = valid[0]!;
  const input = { tenant: 'acme', eventId: 'e', text: '{}', event, variant: 0 };
  const same = [
    { ...input, index: 0 },
    { ...input, index: 1 },
  ];
  const at = (outcome: Answer['outcome'], offset: bigint): Answer => ({ outcome, partition: 0, offset });
  const problems = (first: Answer, second: Answer): number =>
    settle(same, new Map([...[first, second].entries()])).problems.length;
  assert.equal(problems(at('accepted', 0n), at('duplicate', 0n)), 0);
  assert.equal(problems(at('duplicate', 0n), at('accepted', 0n)), 0);
  assert.equal(problems(at('accepted', 0n), at('accepted', 1n)), 1);
  assert.equal(problems(at('accepted', 0n), at('duplicate', 1n)), 1);
  assert.equal(problems(at('accepted', 1n), at('duplicate', 1n)), 1);
  assert.equal(problems(at('accepted', 0n), at('conflict', 0n)), 1);
  assert.equal(problems(at('rejected', 0n), at('rejected', 0n)), 1);
});

test('a history tells right rules from wrong ones: the end of a window, the order of equal times, the zone', () => {
  const seen = new Set<string>();
  const kept: Kept[] = [];
  for (const { tenant, eventId, event } of inputs) {
    if (tenant !== 'acme' || !event || seen.has(eventId)) continue;
    seen.add(eventId);
    kept.push({ event, partition: 0, offset: BigInt(kept.length) });
  }
  const range = { fromMs: options.fromMs, toMs: options.toMs };
  const steps = ['impression', 'click', 'view'].map((name) => (event: Event) => event.event_name === name);
  const users = (events: readonly Kept[], windowMs: number): number[] =>
    funnelUsers(events, { ...range, steps, windowMs });
  const backwards = kept.map((one) => ({ ...one, offset: -one.offset }));
  assert.notDeepEqual(
    users(kept, 3_600_000),
    users(kept, 3_600_000 - 1),
    'nobody stands on the end of the window',
  );
  assert.notDeepEqual(users(kept, 3_600_000), users(backwards, 3_600_000), 'no two steps at one instant');
  const retained = (timeZone: string): unknown =>
    retentionValues(
      kept.map(({ event }) => event),
      {
        ...range,
        timeZone,
        periods: 3,
        starts: ({ event_name }) => event_name === 'impression',
        returns: () => true,
      },
    );
  assert.notDeepEqual(retained('UTC'), retained('America/New_York'));
});
