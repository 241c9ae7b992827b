import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Event, Json, JsonObject } from './event.ts';
import type { LoggedEvent } from './event-filter.ts';
import { addToItem, createItem, isAboutItem, itemDocument, itemOf } from './item.ts';
import type { ItemDocument } from './item.ts';

const NAMES = [
  'item_created',
  'item_replaced',
  'item_changed',
  'item_updated',
  'item_deleted',
  'item_removed',
];

const event = (name: string, timestamp: number, properties?: JsonObject): Event => ({
  event_id: 'e',
  tenant_id: 'acme',
  kind: 'catalog',
  event_name: name,
  item_id: 'i1',
  timestamp,
  server_time: 0,
  valid_status: 1,
  schema: '',
  schema_version: 1,
  ...(properties ? { properties } : {}),
});

const history = fc
  .array(
    fc.record({
      name: fc.constantFrom(...NAMES),
      at: fc.integer({ min: 1, max: 6 }),
      properties: fc.dictionary(
        fc.constantFrom('title', 'price', 'status', 'embedding', '__proto__'),
        fc.constantFrom<Json>(null, 'inactive', 'active', 1, [0.5]),
        { noNullPrototype: true },
      ),
    }),
    { maxLength: 14 },
  )
  .map((list): LoggedEvent[] =>
    list.map(({ name, at, properties }, index) => ({
      partition: index % 3,
      offset: BigInt(index * 7),
      event: event(name, at, properties as JsonObject),
    })),
  );

/** Plays the events in the order of their own times, as one who reads the story from its beginning. */
function byHand(events: readonly LoggedEvent[]): object {
  const story = [...events].sort(
    (a, b) =>
      a.event.timestamp - b.event.timestamp || a.partition - b.partition || Number(a.offset - b.offset),
  );
  let members = new Map<string, Json>();
  let deleted = false;
  for (const { event: told } of story) {
    const { event_name: name, properties = {} } = told;
    if (name === 'item_deleted' || name === 'item_removed') {
      deleted = true;
      continue;
    }
    if (name === 'item_created' || name === 'item_replaced') {
      members = new Map();
      deleted = false;
    }
    for (const [member, value] of Object.entries(properties)) members.set(member, value);
  }
  const present = [...members].filter(([, value]) => value !== null);
  const status = members.get('status');
  return {
    metadata: Object.fromEntries(present.filter(([name]) => name !== 'status' && name !== 'embedding')),
    embedding: members.get('embedding') ?? undefined,
    status: deleted ? 'deleted' : typeof status === 'string' ? status : 'active',
    version: events.length,
    created_at: Math.min(...events.map((one) => one.event.timestamp)),
    updated_at: Math.max(...events.map((one) => one.event.timestamp)),
  };
}

function fold(events: readonly LoggedEvent[], before?: ItemDocument): ItemDocument {
  const item = before ? itemOf(before) : createItem();
  for (const logged of events) addToItem(item, logged);
  return itemDocument(item);
}

test('an item is what the story of its events says when it is told in the order of their times', () => {
  fc.assert(
    fc.property(
      history.filter((events) => events.length > 0),
      (events) => {
        const { fold: _, ...document } = fold(events);
        assert.deepEqual({ embedding: undefined, ...document }, byHand(events));
      },
    ),
    { numRuns: 500 },
  );
});

test('neither the order of events nor putting the item down after each changes a byte of it', () => {
  const shuffled = history.chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
  );
  fc.assert(
    fc.property(shuffled, ([events, other]) => {
      const expected = fold(events);
      const told = (document: ItemDocument): object => {
        const { fold: _, ...rest } = document;
        return rest;
      };
      assert.deepEqual(told(fold(other)), told(expected));
      let document: ItemDocument | undefined;
      for (const logged of other) {
        const before = document && (JSON.parse(JSON.stringify(document)) as ItemDocument);
        document = fold([logged], before);
      }
      assert.equal(JSON.stringify(document ?? fold([])), JSON.stringify(expected));
    }),
    { numRuns: 500 },
  );
});

test('only catalogue events that name an item are about one', () => {
  assert.equal(isAboutItem(event('anything', 1)), true);
  assert.equal(isAboutItem({ ...event('item_created', 1), kind: 'generic' }), false);
  const { item_id: _, ...none } = event('item_created', 1);
  assert.equal(isAboutItem(none), false);
});
