import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  INTERVALS,
  bucketEdges,
  bucketOf,
  formatDate,
  formatInstant,
  parseInstant,
  parseZone,
} from './time-buckets.ts';
import type { Interval, Zone } from './time-buckets.ts';

const zone = (name: string): Zone => parseZone(name)!;
const at = (text: string): number => Date.parse(text);
const edges = (from: string, to: string, interval: Interval, tz: string): readonly number[] =>
  bucketEdges({ fromMs: at(from), toMs: at(to), interval, zone: zone(tz), limit: 1000 })!;
const HOUR = 3_600_000;

test('a day has 23 hours in spring and 25 in autumn where the zone says so', () => {
  const widths = (from: string, to: string) =>
    edges(from, to, 'day', 'Europe/Berlin')
      .map((edge, index, all) => (edge - (all[index - 1] ?? edge)) / HOUR)
      .slice(1);
  assert.deepEqual(widths('2024-03-30T12:00:00Z', '2024-04-01T12:00:00Z'), [24, 23, 24]);
  assert.deepEqual(widths('2024-10-26T12:00:00Z', '2024-10-28T12:00:00Z'), [24, 25, 24]);
});

test('weeks start on Monday and months on the first, in the zone', () => {
  const utc = edges('2024-03-06T00:00:00Z', '2024-03-12T00:00:00Z', 'week', 'UTC');
  assert.deepEqual(utc, [at('2024-03-04'), at('2024-03-11'), at('2024-03-18')]);
  const sunday = edges('2024-03-10T12:00:00Z', '2024-03-10T13:00:00Z', 'week', 'UTC');
  assert.deepEqual(sunday, [at('2024-03-04'), at('2024-03-11')]);
  assert.deepEqual(edges('2024-02-10T00:00:00Z', '2024-03-01T00:00:00Z', 'month', 'Asia/Kolkata'), [
    at('2024-01-31T18:30:00Z'),
    at('2024-02-29T18:30:00Z'),
    at('2024-03-31T18:30:00Z'),
  ]);
});

test('hours start where the wall clock shows a full one', () => {
  assert.deepEqual(edges('2024-03-04T10:00:00Z', '2024-03-04T11:00:00Z', 'hour', 'Asia/Kolkata'), [
    at('2024-03-04T09:30:00Z'),
    at('2024-03-04T10:30:00Z'),
    at('2024-03-04T11:30:00Z'),
  ]);
});

test('a midnight that is skipped begins its day at the skip; a date that is skipped has no day', () => {
  // Clocks in São Paulo went from 24:00 on 3 November 2018 to 01:00.
  const [, second] = edges('2018-11-03T12:00:00Z', '2018-11-04T12:00:00Z', 'day', 'America/Sao_Paulo');
  assert.equal(second, at('2018-11-04T03:00:00Z'));
  // Samoa had no 30 December 2011.
  const days = edges('2011-12-29T12:00:00Z', '2011-12-31T12:00:00Z', 'day', 'Pacific/Apia');
  assert.deepEqual(
    days.slice(0, -1).map((edge) => formatDate(edge, zone('Pacific/Apia'))),
    ['2011-12-29', '2011-12-31', '2012-01-01'],
  );
});

test('buckets tile the range: ascending, and every instant in exactly one that starts on its own date', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...INTERVALS),
      fc.integer({ min: at('1999-01-01'), max: at('2030-01-01') }),
      fc.integer({ min: 1, max: 500 * HOUR }),
      fc.integer({ min: 0, max: 500 * HOUR }),
      (tz, interval, fromMs, length, inside) => {
        const toMs = fromMs + length;
        const all = bucketEdges({ fromMs, toMs, interval, zone: zone(tz), limit: 1000 })!;
        assert.ok(all[0]! <= fromMs && all.at(-1)! >= toMs && all.at(-2)! < toMs);
        all.slice(1).forEach((edge, index) => {
          assert.ok(edge > all[index]!);
        });
        const ms = fromMs + (inside % length);
        const start = all[bucketOf(ms, all)]!;
        const clock = (when: number) => formatInstant(when, zone(tz));
        if (interval === 'day') assert.equal(clock(start).slice(0, 10), clock(ms).slice(0, 10));
        if (interval === 'month') assert.equal(clock(start).slice(0, 7), clock(ms).slice(0, 7));
        if (interval === 'hour') assert.equal(clock(start).slice(14, 16), '00');
        else assert.equal(clock(start).slice(11, 19), '00:00:00');
      },
    ),
    { numRuns: 300 },
  );
});

test('refuses more buckets than the limit', () => {
  const question = { fromMs: 0, toMs: 10 * HOUR, interval: 'hour' as const, zone: zone('UTC') };
  assert.equal(bucketEdges({ ...question, limit: 9 }), undefined);
  assert.equal(bucketEdges({ ...question, limit: 10 })?.length, 11);
});

test('an instant is ISO 8601 or epoch ms; a date alone is midnight in the zone', () => {
  const berlin = zone('Europe/Berlin');
  for (const [text, expected] of [
    ['2024-03-04', '2024-03-03T23:00:00Z'],
    ['2024-07-04', '2024-07-03T22:00:00Z'],
    ['2024-03-04T10:30', '2024-03-04T09:30:00Z'],
    ['2024-03-04T10:30:15.1239', '2024-03-04T09:30:15.123Z'],
    ['2024-03-04T10:30:00Z', '2024-03-04T10:30:00Z'],
    ['2024-03-04T10:30:00+05:30', '2024-03-04T05:00:00Z'],
    ['2024-03-04 10:30:00-0800', '2024-03-04T18:30:00Z'],
    ['2024-03-31T02:30:00', '2024-03-31T01:00:00Z'],
    ['2024-10-27T02:30:00', '2024-10-27T00:30:00Z'],
    ['1709510400000', '2024-03-04T00:00:00Z'],
    [1709510400000, '2024-03-04T00:00:00Z'],
  ] as const) {
    assert.equal(parseInstant(text, berlin), at(expected), String(text));
  }
});

test('what is no instant is refused', () => {
  const wrong = [
    '',
    'now',
    '2024-02-30',
    '2024-13-01',
    '2024-03-04T24:00',
    '2024-03-04T10:60',
    '04.03.2024',
    '1e3',
    '1850-01-01',
    '2300-01-01',
    1.5,
    NaN,
    1e300,
  ];
  for (const value of wrong) assert.equal(parseInstant(value, zone('UTC')), undefined, String(value));
});

test('an unknown zone is none', () => {
  for (const name of ['Mars/Base', '', "UTC'; --"]) assert.equal(parseZone(name), undefined, name);
});
