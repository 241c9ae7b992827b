import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAsOf, formatReceipt, parseAsOf, parseReceipt } from './token.ts';

const MOST = 2n ** 63n - 1n;
const offset = fc.bigInt({ min: 0n, max: MOST });

test('a receipt is one word that says again what it was made of', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat({ max: 1000 }), offset, (logIdentity, partition, at) => {
      const receipt = { logIdentity, partition, offset: at };
      const token = formatReceipt(receipt);
      assert.match(token, /^[\w-]+$/);
      assert.deepEqual(parseReceipt(token), receipt);
    }),
  );
});

test('an as-of pin is one word that says again what it was made of', () => {
  const vector = fc.array(offset, { minLength: 1, maxLength: 24 });
  fc.assert(
    fc.property(
      fc.uuid(),
      fc.nat({ max: 1e6 }),
      offset,
      vector,
      (logIdentity, generation, controlPosition, offsets) => {
        const pin = { logIdentity, generation, controlPosition, vector: offsets };
        const token = formatAsOf(pin);
        assert.match(token, /^[\w.-]+$/);
        assert.deepEqual(parseAsOf(token), pin);
      },
    ),
  );
});

test('what is no token is none, and no text whatever throws', () => {
  const uuid = 'f04d8e46-7d9a-45be-882b-2c1eb44af8b0';
  for (const text of [
    '',
    'dr1',
    `dr1_${uuid}_0`,
    `dr2_${uuid}_0_0`,
    `dr1_${uuid}_0_0 `,
    `dr1_x_0_0`,
    `da1_${uuid}_0_0_`,
  ]) {
    assert.equal(parseReceipt(text), undefined, text);
    assert.equal(parseAsOf(text), undefined, text);
  }
  assert.equal(parseAsOf(`dr1_${uuid}_0_0`), undefined);
  assert.equal(parseReceipt(`da1_${uuid}_0_0_0`), undefined);
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseReceipt(`dr1_${uuid}_${text}`);
      parseAsOf(`da1_${uuid}_${text}`);
    }),
  );
});
