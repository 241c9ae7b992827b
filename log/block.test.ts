import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { carriedDigest, encodeBlock, genesisDigest, openBlock, packBody, readBlockHeader } from './block.ts';
import { isFault } from './event-log.contract.ts';

const previous = genesisDigest('11111111-1111-1111-1111-111111111111', 2);

async function block(frames: Buffer): Promise<Buffer> {
  return encodeBlock({ firstOffset: 2 ** 40 + 7, count: 3, body: await packBody(frames), previous });
}

test('small, large and very large bodies come back, the larger ones compressed', async () => {
  for (const [size, isSmaller] of [
    [0, false],
    [100, false],
    [10_000, true],
    [1_000_000, true],
  ] as const) {
    const frames = Buffer.alloc(size, 'all work and no play ');
    const bytes = await block(frames);
    const { header, body } = openBlock(bytes);
    assert.deepEqual(body, frames);
    assert.equal(header.firstOffset, 2 ** 40 + 7);
    assert.equal(header.count, 3);
    assert.equal(header.rawBytes, size);
    assert.equal(bytes.length < size, isSmaller);
  }
});

test('the digest is the SHA-256 of the previous digest, the header and the stored body', async () => {
  const bytes = await block(Buffer.from('frames'));
  const expected = createHash('sha256').update(previous).update(bytes.subarray(64)).digest();
  assert.deepEqual(carriedDigest(bytes), expected);
  assert.deepEqual(Buffer.from(readBlockHeader(bytes).previous), previous);
});

test('no bit of a block can be turned unnoticed', async () => {
  const bytes = await block(Buffer.from('a few frames'));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = Buffer.from(bytes);
    turned[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => openBlock(turned), isFault('LOG_CORRUPT'), `bit ${bit}`);
  }
});

test('a block that is cut off or of a version from the future is refused', async () => {
  const bytes = await block(Buffer.from('a few frames'));
  for (const length of [0, 40, 87, bytes.length - 1]) {
    assert.throws(() => openBlock(bytes.subarray(0, length)), isFault('LOG_CORRUPT'));
  }
  const future = Buffer.from(bytes);
  future[64] = 2;
  assert.throws(() => readBlockHeader(future), isFault('LOG_CORRUPT'));
});

test('every partition of every log has a beginning of its own', () => {
  const all = ['a', 'b'].flatMap((identity) => [0, 1].map((p) => genesisDigest(identity, p).toString('hex')));
  assert.equal(new Set(all).size, 4);
});
