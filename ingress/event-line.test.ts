import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson, normalise } from '#domain';
import type { JsonObject } from '#domain';
import { eventLine } from './event-line.ts';

const STAMPS = {
  tenant_id: 'acme',
  newEventId: () => 'evt_new',
  timestamp: 1_730_000_000_000,
  server_time: 1_730_000_000_500,
  schema: 'envelope.behaviour',
  schema_version: 1,
};
const BASE = { user_id: 'u', item_id: 'i', action_type: 'order', context: { os: 'x', device_type: 'pc' } };

test('the line is the event, whichever way it is written', () => {
  const names = fc.constantFrom(
    ...[
      'event_id',
      'tenant_id',
      'kind',
      'event_name',
      'timestamp',
      'event_time',
      'device_id',
      'amount',
      'position',
    ],
    ...[
      'scenario_data',
      'extra_data',
      'properties',
      'scenario_type',
      'valid_status',
      'unknown',
      '__proto__',
      '7',
    ],
  );
  const values = fc.constantFrom(
    ...['acme', '', 'é"\n😀', 'video', 'order', 'behaviour', null, 3, 0.5, 1_730_000_000_000],
    ...[{ z: 1, a: [{ d: 1, c: 2 }] }, { video_data: { b: 1, a: 2 } }],
  );
  const members = fc.dictionary(names, values, { noNullPrototype: true });
  fc.assert(
    fc.property(members, (extra) => {
      const sent = { ...BASE, ...extra } as JsonObject;
      const { event } = normalise({ sent, kind: 'behaviour', stamps: STAMPS });
      const line = eventLine(event, sent, canonicalJson(sent));
      assert.ok(!line.includes('\n'));
      assert.equal(canonicalJson(JSON.parse(line) as JsonObject), canonicalJson(event as JsonObject));
      // Each member once: written again it has the same length.
      assert.equal(JSON.stringify(JSON.parse(line)).length, line.length);
    }),
    { numRuns: 1000 },
  );
});
