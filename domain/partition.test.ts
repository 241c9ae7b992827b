import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { murmur2, partitionOf } from './partition.ts';

// The values of Kafka's own test of its `Utils.murmur2`.
const KNOWN: readonly (readonly [key: string, hash: number])[] = [
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('keys hash as in Kafka', () => {
  for (const [key, hash] of KNOWN) assert.equal(murmur2(bytes(key)), hash, key);
});

test('a partition is the positive hash modulo the number of partitions', () => {
  // -973932308 & 0x7fffffff = 1173551340; 479470107 is positive already.
  assert.equal(partitionOf(bytes('21'), 6), 1_173_551_340 % 6);
  assert.equal(partitionOf(bytes('abc'), 10), 7);
});

test('every key has a partition of the log, always the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: 24 }), (key, partitions) => {
      const partition = partitionOf(key, partitions);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
      assert.equal(partitionOf(Uint8Array.from(key), partitions), partition);
    }),
  );
});

test('keys spread evenly', () => {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 40_000; i++) counts[partitionOf(bytes(`user-${i}`), 4)]! += 1;
  assert.ok(
    counts.every((count) => count > 9_500 && count < 10_500),
    counts.join(' '),
  );
});
