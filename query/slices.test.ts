import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { formatDate, parseZone } from '#domain';
import type { LoggedEvent } from '#domain';
import { dayOf, eventOf, openAsking } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { sourcesOf, usableSeals } from './slices.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const day = (number: number, seal = number) => ({ day: number, seal, vector: [1n] });

test('a seal serves where the vector has come at least as far in every partition', () => {
  const seals = [
    { day: 1, seal: 1, vector: [5n, 2n] },
    { day: 2, seal: 2, vector: [6n, 1n] },
    { day: 3, seal: 3, vector: [5n, 3n] },
  ];
  const usable = (vector: readonly bigint[]) => usableSeals(seals, vector).map(({ seal }) => seal);
  assert.deepEqual(usable([6n, 3n]), [1, 2, 3]);
  assert.deepEqual(usable([5n, 3n]), [1, 3]);
  assert.deepEqual(usable([9n, 0n]), []);
  assert.deepEqual(usable([]), []);
  assert.deepEqual(usableSeals(undefined, [9n]), []);
});

test('whole sealed days come from days, what is left over at the ends from facts', () => {
  const sources = sourcesOf(
    { fromMs: 10 * DAY_MS + HOUR_MS, toMs: 14 * DAY_MS + 5 },
    [10 * DAY_MS, 11 * DAY_MS, 12 * DAY_MS, 13 * DAY_MS, 14 * DAY_MS, 15 * DAY_MS],
    { sealed: [day(9), day(10), day(11), day(13), day(14), day(15)] },
  );
  assert.deepEqual(sources, {
    slices: {
      grain: 'day',
      seals: [11, 13],
      pieces: [
        { fromMs: 11 * DAY_MS, toMs: 12 * DAY_MS },
        { fromMs: 13 * DAY_MS, toMs: 14 * DAY_MS },
      ],
    },
    facts: [
      { fromMs: 10 * DAY_MS + HOUR_MS, toMs: 11 * DAY_MS },
      { fromMs: 12 * DAY_MS, toMs: 13 * DAY_MS },
      { fromMs: 14 * DAY_MS, toMs: 14 * DAY_MS + 5 },
    ],
  });
});

test('buckets that change at full hours come from hours, those that do not from facts', () => {
  const range = { fromMs: 10 * DAY_MS, toMs: 12 * DAY_MS };
  const sealed = [day(10), day(11)];
  const hours = sourcesOf(range, [10 * DAY_MS, 10 * DAY_MS + 15 * HOUR_MS, 12 * DAY_MS], { sealed });
  assert.deepEqual(hours, {
    slices: { grain: 'hour', seals: [10, 11], pieces: [range] },
    facts: [],
  });
  const half = sourcesOf(range, [10 * DAY_MS, 11 * DAY_MS - HOUR_MS / 2, 12 * DAY_MS], { sealed });
  assert.deepEqual(half, { slices: undefined, facts: [range] });
  assert.deepEqual(sourcesOf(range, [], {}), { slices: undefined, facts: [range] });
});

test('every instant of a range has one source, and slices are of sealed days', () => {
  const time = fc.integer({ min: 0, max: 8 * 24 * 4 }).map((quarters) => (quarters * HOUR_MS) / 4);
  fc.assert(
    fc.property(
      fc.tuple(time, time).filter(([one, other]) => one < other),
      fc.uniqueArray(time, { maxLength: 4 }),
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
      ([fromMs, toMs], edges, days) => {
        const sealed = days.map((number) => day(number, number + 100));
        const { slices, facts } = sourcesOf(
          { fromMs, toMs },
          edges.sort((a, b) => a - b),
          { sealed },
        );
        const holds = (pieces: readonly { fromMs: number; toMs: number }[], ms: number) =>
          pieces.filter((piece) => ms >= piece.fromMs && ms < piece.toMs).length;
        for (let ms = 0; ms < 8 * DAY_MS; ms += HOUR_MS / 4) {
          const inSlices = holds(slices?.pieces ?? [], ms);
          const inRange = ms >= fromMs && ms < toMs ? 1 : 0;
          assert.equal(inSlices + holds(facts, ms), inRange);
          if (inSlices > 0) assert.ok(slices?.seals.includes(dayOf(ms) + 100));
        }
      },
    ),
  );
});

describe('rows read', () => {
  const EVENTS_A_DAY = 6000;
  const SEALED = 12;
  const NAMES = ['impression', 'click', 'view'];
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  test('of sealed days the slices are read and no facts, whatever the number of events', async () => {
    const first = dayOf(Date.UTC(2024, 2, 4));
    const history = Array.from({ length: (SEALED + 1) * EVENTS_A_DAY }, (_, index): LoggedEvent => ({
      partition: 0,
      offset: BigInt(index),
      event: eventOf('bound', {
        kind: 'behaviour',
        name: NAMES[index % NAMES.length]!,
        // Day after day, every hour.
        at: first * DAY_MS + Math.floor((index / EVENTS_A_DAY) * DAY_MS),
        user_id: `u${index % 40}`,
        item_id: `i${index % 7}`,
        scenario_id: 'feed',
      }),
    }));
    const tenant = await asking.put(history);
    const date = (number: number) => formatDate((first + number) * DAY_MS, parseZone('UTC')!);
    const asked = {
      range: { from: date(0), to: date(SEALED) },
      trend: { from: date(0), to: date(SEALED), interval: 'hour', metrics: ['ctr', 'active_users'] },
      dashboard: { from: date(0), to: date(SEALED) },
      'daily-stats': { date: date(3) },
    } as const;
    const rowsOf = async (name: keyof typeof asked, more: object = {}): Promise<number> =>
      (await asking.ask(name, tenant, { ...asked[name], ...more })).meta.rows_read;
    const before = await rowsOf('range', { now: '2024-05-01' });
    assert.ok(before >= SEALED * EVENTS_A_DAY, `${before} rows read from facts`);

    const days = Array.from({ length: SEALED }, (_, index) => first + index);
    assert.equal((await asking.seal(tenant, days)).length, SEALED);
    // One row a day or hour for the one scenario; a question of two statements reads them twice.
    assert.ok((await rowsOf('range')) <= 2 * SEALED);
    assert.ok((await rowsOf('trend')) <= 24 * SEALED);
    assert.ok((await rowsOf('daily-stats')) <= 2 * SEALED);
    // The items of the catalogue are looked for in all facts.
    assert.ok((await rowsOf('dashboard')) <= SEALED + EVENTS_A_DAY * (SEALED + 1));
    // With the open day its own facts are read, and of each event's name and part a granule more at most.
    const open = await rowsOf('range', { to: date(SEALED + 1) });
    const granules = 2 * NAMES.length * 8192;
    assert.ok(open <= 2 * (SEALED + EVENTS_A_DAY) + granules, `${open} rows read with the open day`);
  });
});
