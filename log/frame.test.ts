import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isFault } from './event-log.contract.ts';
import type { NewRecord } from './event-log.ts';
import { FrameReader, FrameWriter } from './frame.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const bytes = fc.uint8Array({ maxLength: 300 });
const record: fc.Arbitrary<NewRecord> = fc
  .record({
    key: bytes,
    value: bytes,
    sent: fc.option(bytes, { nil: undefined }),
    headers: fc.record({
      eventId: text,
      contentHash: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      source: text,
      schema: text,
      schemaVersion: fc.integer({ min: 0, max: 0xffff_ffff }),
      receivedAtMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
      timestampMs: fc.double({ noNaN: true }),
      valid: fc.boolean(),
    }),
  })
  .map(({ sent, ...rest }) => (sent ? { ...rest, sent } : rest));

/** Plain arrays, so that kinds of byte array do not matter. */
function plain({ key, value, sent, headers }: NewRecord): unknown {
  return {
    key: [...key],
    value: [...value],
    sent: sent && [...sent],
    headers: { ...headers, contentHash: [...headers.contentHash] },
  };
}

test('records come out of their frames as they went in', () => {
  const writer = new FrameWriter();
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), (records) => {
      writer.clear();
      for (const one of records) writer.write(one);
      assert.equal(writer.count, records.length);
      const reader = new FrameReader(Buffer.from(writer.written()));
      const read = records.map((_, i) => reader.record(3, BigInt(i)));
      assert.ok(reader.done);
      assert.deepEqual(read.map(plain), records.map(plain));
      assert.ok(read.every(({ partition, offset }, i) => partition === 3 && offset === BigInt(i)));
      const identities = new FrameReader(Buffer.from(writer.written()));
      for (const { headers } of records) {
        const { eventId, contentHash } = identities.identity();
        assert.deepEqual([eventId, [...contentHash]], [headers.eventId, [...headers.contentHash]]);
      }
    }),
  );
});

function oneFrame(): Buffer {
  const writer = new FrameWriter();
  writer.write({
    key: Buffer.from('key'),
    value: Buffer.from('{"a":1}'),
    headers: {
      eventId: 'evt_1',
      contentHash: new Uint8Array(16).fill(7),
      source: 'http',
      schema: 'envelope.behaviour',
      schemaVersion: 2,
      receivedAtMs: 1_700_000_000_012,
      timestampMs: 1_700_000_000_000,
      valid: true,
    },
  });
  return Buffer.from(writer.written());
}

// Composed by hand from the layout when version 1 was made; a log is for ever, so these bytes must stay readable.
const VERSION_1 = Buffer.from(
  '61000000' + // 97 bytes follow
    '01011000' + // version 1, valid, hash of 16
    '05000000040000001200000003000000' + // id 5, source 4, schema 18, key 3
    '0000000002000000' + // nothing sent, schema version 2
    '00c08056febc7842' + // received at 1700000000012
    '00008056febc7842' + // happened at 1700000000000
    '07'.repeat(16) +
    '6576745f31' + // evt_1
    '68747470' + // http
    '656e76656c6f70652e6265686176696f7572' + // envelope.behaviour
    '6b6579' + // key
    '7b2261223a317d', // {"a":1}
  'hex',
);

test('a frame of version 1 stays readable for ever', () => {
  const { headers, key, value } = new FrameReader(VERSION_1).record(0, 0n);
  assert.equal(headers.eventId, 'evt_1');
  assert.equal(headers.source, 'http');
  assert.equal(headers.schema, 'envelope.behaviour');
  assert.equal(headers.schemaVersion, 2);
  assert.equal(headers.valid, true);
  assert.equal(headers.receivedAtMs, 1_700_000_000_012);
  assert.equal(headers.timestampMs, 1_700_000_000_000);
  assert.equal(Buffer.from(key).toString(), 'key');
  assert.equal(Buffer.from(value).toString(), '{"a":1}');
  assert.deepEqual(oneFrame(), VERSION_1);
});

test('a frame of a version from the future is refused', () => {
  const frame = oneFrame();
  frame[4] = 2;
  assert.throws(() => new FrameReader(frame).record(0, 0n), isFault('LOG_CORRUPT'));
  assert.throws(() => new FrameReader(frame).identity(), isFault('LOG_CORRUPT'));
});

test('a frame that is cut off anywhere, or whose lengths lie, is refused', () => {
  const frame = oneFrame();
  for (let length = 1; length < frame.length; length++) {
    const reader = new FrameReader(frame.subarray(0, length));
    assert.throws(() => reader.record(0, 0n), isFault('LOG_CORRUPT'), `${length} bytes`);
  }
  for (const at of [8, 12, 16, 20, 24]) {
    const lying = Buffer.from(frame);
    lying.writeUInt32LE(100_000, at);
    assert.throws(() => new FrameReader(lying).record(0, 0n), isFault('LOG_CORRUPT'), `length at ${at}`);
  }
});
