import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LogChannel, LogRecord } from '#log';
import { formatCursor, parseCursor } from './raw-cursor.ts';
import { matches } from './raw-filter.ts';
import type { RawFilter } from './raw-filter.ts';
import { showRecord } from './raw-record.ts';

const IDENTITY = '0190b3a2-0000-7000-8000-000000000000';
const ANY = { happened: {}, received: {} };

function recordOf(value: string | Buffer, more: Partial<LogRecord> & { source?: string } = {}): LogRecord {
  const { source = 'http', ...members } = more;
  return {
    partition: 2,
    offset: 17n,
    key: Buffer.from('u1'),
    headers: {
      eventId: 'e1',
      contentHash: Buffer.from('00ff', 'hex'),
      source,
      schema: 's',
      schemaVersion: 3,
      receivedAtMs: Date.UTC(2024, 2, 4, 10),
      timestampMs: 9e15,
      valid: true,
    },
    value: Buffer.from(value),
    ...members,
  };
}

test('a record is shown with its place, headers, event and bytes', () => {
  const shown = showRecord(recordOf('{"a":1}', { sent: Buffer.from('{"a": 1}') }), {
    channel: 'events',
    logIdentity: IDENTITY,
    form: 'both',
  });
  assert.deepEqual(shown, {
    position: { partition: 2, offset: '17' },
    receipt: `dr1_${IDENTITY}_2_h`,
    outcome: 'accepted',
    key: 'u1',
    headers: {
      event_id: 'e1',
      content_hash: '00ff',
      source: 'http',
      schema: 's',
      schema_version: 3,
      received_at: '2024-03-04T10:00:00.000Z',
      timestamp: '9000000000000000',
      valid: true,
    },
    event: { a: 1 },
    raw: '{"a":1}',
    sent: '{"a": 1}',
  });
});

test('bytes that are no UTF-8 are shown as base64, byte for byte', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const shown = showRecord(recordOf(Buffer.from(bytes)), {
        channel: 'events',
        logIdentity: IDENTITY,
        form: 'raw',
      }) as { raw?: string; raw_base64?: string; event?: unknown };
      const again =
        shown.raw === undefined ? Buffer.from(shown.raw_base64 ?? '', 'base64') : Buffer.from(shown.raw);
      assert.deepEqual(again, Buffer.from(bytes));
      assert.ok(!('event' in shown));
    }),
  );
});

test('a dead letter is asked for by what became of it, by its reason, and by what was sent', () => {
  const sent = Buffer.from('{"user_id":"u1","action_type":"order","item_id":7}');
  const letter = recordOf('{"reason":"unknown_action"}', { sent });
  const conflict = recordOf('{"reason":"conflict"}', { sent: Buffer.from('not JSON') });
  const unprojected = recordOf('{"reason":"unreadable"}', { sent, source: 'projection' });
  const found = (filter: Partial<RawFilter>, channel: LogChannel = 'dead_letters'): boolean[] =>
    [letter, conflict, unprojected].map((record) => matches(record, channel, { ...ANY, ...filter }));
  assert.deepEqual(found({ outcome: 'rejected' }), [true, false, false]);
  assert.deepEqual(found({ outcome: 'conflict' }), [false, true, false]);
  assert.deepEqual(found({ outcome: 'not_projected' }), [false, false, true]);
  assert.deepEqual(found({ outcome: 'accepted' }, 'events'), [true, true, true]);
  assert.deepEqual(found({ reason: 'unknown_action' }), [true, false, false]);
  assert.deepEqual(found({ reason: 'unknown_action' }, 'events'), [false, false, false]);
  assert.deepEqual(found({ userId: 'u1', eventName: 'order' }), [true, false, true]);
  assert.deepEqual(found({ itemId: '7' }), [false, false, false], 'a number is no id');
  assert.deepEqual(found({ eventId: 'e1', received: { toMs: Date.UTC(2024, 2, 4, 10) } }), [
    false,
    false,
    false,
  ]);
});

test('a cursor comes back as it was given, and only to the question it was given to', () => {
  const vectors = fc.array(fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }), { minLength: 1, maxLength: 24 });
  fc.assert(
    fc.property(vectors, fc.string(), fc.nat(), (vector, about, at) => {
      const cursor = formatCursor({ logIdentity: IDENTITY, vector }, about);
      assert.deepEqual(parseCursor(cursor, about), { logIdentity: IDENTITY, vector });
      assert.equal(parseCursor(cursor, `${about}.`), undefined);
      const place = at % cursor.length;
      const turned = cursor[place] === '1' ? '2' : '1';
      const changed = cursor.slice(0, place) + turned + cursor.slice(place + 1);
      assert.equal(parseCursor(changed, about), undefined);
    }),
  );
});
