import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPosition, parseTenantId } from '#domain';
import type { Position, TenantId } from '#domain';
import type { LogRecord, OffsetRange } from '#log';
import type { RawLog } from './explain-log.ts';
import { rangesOf, readAt } from './record-ranges.ts';

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const TENANT: TenantId = parsed.tenant;
const NAME = { tenant: TENANT, channel: 'events' } as const;
const NEXT = [700n, 0n, 3_000n];

/** A log of numbered records, read in batches of 100, which ends early for those who go away. */
function openLog(): { readonly log: RawLog; readonly asked: OffsetRange[] } {
  const asked: OffsetRange[] = [];
  const log: RawLog = {
    async *read(_name, range, signal) {
      asked.push(range);
      const { partition, from, to = 0n } = range;
      for (let start = from; start < to; start += 100n) {
        if (signal?.aborted) return;
        const length = to - start < 100n ? to - start : 100n;
        const records = Array.from({ length: Number(length) }, (_, n) => {
          return { partition, offset: start + BigInt(n) } as LogRecord;
        });
        yield await Promise.resolve({ partition, records });
      }
    },
    bounds: () => Promise.resolve({ identity: 'log', first: [0n, 0n, 0n], next: NEXT }),
  };
  return { log, asked };
}

const at = (partition: number, ...offsets: number[]): Position[] =>
  offsets.map((offset) => ({ partition, offset: BigInt(offset) }));

test('neighbouring positions are one range, others are not', () => {
  assert.deepEqual(rangesOf([...at(2, 600, 0, 255), ...at(0, 256)]), [
    { partition: 0, from: 256n, to: 257n, only: new Set([256n]) },
    { partition: 2, from: 0n, to: 256n, only: new Set([0n, 255n]) },
    { partition: 2, from: 600n, to: 601n, only: new Set([600n]) },
  ]);
});

test('records at positions come in the order asked for, without those that are not in the log', async () => {
  const position = fc.record({ partition: fc.nat({ max: 3 }), offset: fc.bigInt({ min: 0n, max: 3_200n }) });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(position, { selector: (one) => `${one.partition}/${one.offset}` }),
      async (positions) => {
        const { log, asked } = openLog();
        const found = await readAt(log, { name: NAME, positions });
        assert.deepEqual(
          found.map(formatPosition),
          positions.filter(({ partition, offset }) => offset < (NEXT[partition] ?? 0n)).map(formatPosition),
        );
        assert.ok(asked.length <= found.length);
      },
    ),
  );
});

test('a reader who goes away gets no part of the records', async () => {
  const { log } = openLog();
  const positions = at(2, 5, 1_000, 2_000);
  await assert.rejects(readAt(log, { name: NAME, positions }, AbortSignal.abort()), { name: 'AbortError' });
});
