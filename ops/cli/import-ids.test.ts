import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLines } from './import-events.ts';
import { DerivedIds } from './import-ids.ts';
import { parseMapping } from './import-mapping.ts';

const eventOf = (n: number): { n: number; event_name: string } => ({ n, event_name: 'x' });

test('equal events of one file have different ids, and the same again when it is read again', () => {
  const order = [1, 2, 1, 1, 3, 2];
  const first = new DerivedIds();
  const ids = order.map((n) => first.idOf(eventOf(n)));
  assert.equal(new Set(ids).size, ids.length);
  const second = new DerivedIds();
  assert.deepEqual(
    order.map((n) => second.idOf(eventOf(n))),
    ids,
  );
});

test('an id does not depend on what else stands in the file, nor on the order of members', () => {
  const alone = new DerivedIds().idOf(eventOf(5));
  const among = new DerivedIds();
  for (let n = 0; n < 100_000; n++) if (n !== 5) among.idOf(eventOf(n));
  assert.equal(among.idOf({ event_name: 'x', n: 5 }), alone);
});

test('with more different events than it remembers, twins still differ and a second reading is the same', () => {
  const read = (): string[] => {
    const ids = new DerivedIds(2 ** 14);
    return Array.from({ length: 60_000 }, (_, n) => ids.idOf(eventOf(n % 20_000)));
  };
  const ids = read();
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(read(), ids);
});

test('a line without an id gets one and is otherwise as it was; one that has an id is sent as it is', () => {
  const events = new EventLines(parseMapping({ pairs: [] }));
  const send = (text: string): string =>
    events
      .lineOf({
        at: 1,
        text: () => text,
        columns: JSON.parse(text) as Record<string, never>,
        line: () => Buffer.from(text),
      })
      .toString();
  assert.equal(send('{"event_id":"e1", "n": 1.0}'), '{"event_id":"e1", "n": 1.0}\n');
  const bare = send('{ "n": 1.50 }');
  assert.match(bare, /^\{"event_id":"imp_[0-9a-f]{32}", "n": 1\.50 \}\n$/);
  const { event_id: id } = JSON.parse(bare) as { event_id: string };
  // The second of two equal ones, in whatever form its id is said to be missing.
  assert.deepEqual(JSON.parse(send('{"n":1.5,"event_id":null}')), { event_id: `${id}_2`, n: 1.5 });
  assert.deepEqual(JSON.parse(send('{"n":1.5,"event_id":""}')), { event_id: `${id}_3`, n: 1.5 });
  assert.match(send('{}'), /^\{"event_id":"imp_[0-9a-f]{32}"\}\n$/);
});
