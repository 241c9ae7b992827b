import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { portionsOf } from './import-portions.ts';
import type { PortionLimits } from './import-portions.ts';

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function linesOf(body: AsyncIterable<Buffer>, limits: PortionLimits): Promise<string[]> {
  const lines: string[] = [];
  for await (const { firstLine, bytes, ends } of portionsOf(body, limits)) {
    assert.equal(firstLine, lines.length + 1);
    assert.ok(ends.length <= limits.portionLines);
    let start = 0;
    for (const [index, end] of ends.entries()) {
      // All but its last line bring a portion no further than its limit.
      if (index < ends.length - 1) assert.ok(end + 1 < limits.portionBytes);
      lines.push(bytes.toString('utf8', start, end));
      start = end + 1;
    }
  }
  return lines;
}

test('however a body comes in pieces, its portions hold its lines', async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '\r', '"', '\n', '😀') }), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.record({
        portionBytes: fc.integer({ min: 1, max: 30 }),
        portionLines: fc.integer({ min: 1, max: 5 }),
      }),
      async (parts, sizes, sizeLimits) => {
        const whole = parts.join('');
        const expected = whole.split('\n');
        if (expected.at(-1) === '') expected.pop();
        const limits = { ...sizeLimits, lineBytes: 1000 };
        assert.deepEqual(await linesOf(inPieces(Buffer.from(whole), sizes), limits), expected);
      },
    ),
  );
});

test('of a line beyond the limit only the beginning is kept, and the next line is whole', async () => {
  const body = Buffer.from(`${'x'.repeat(100)}\nnext\n`);
  const limits = { portionBytes: 1000, portionLines: 10, lineBytes: 10 };
  assert.deepEqual(await linesOf(inPieces(body, [7]), limits), ['x'.repeat(10), 'next']);
});

test('a body without an end is read with the memory of one portion', async () => {
  const line = Buffer.from(`${'y'.repeat(1023)}\n`);
  async function* endless(): AsyncGenerator<Buffer> {
    for (let n = 0; n < 100_000; n++) yield line;
  }
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let lines = 0;
  for await (const { ends } of portionsOf(endless(), {
    portionBytes: 1024 * 1024,
    portionLines: 5000,
    lineBytes: 2048,
  })) {
    lines += ends.length;
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.equal(lines, 100_000);
  // 100 MB went through; collecting is the engine's to time, so some portions may wait for it.
  assert.ok(most < 64 * 1024 * 1024, `${most} bytes held`);
});
