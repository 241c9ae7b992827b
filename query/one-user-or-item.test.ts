import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Event } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { before, historyOf, openAsking, vectorArbitrary } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { behavioursArbitrary, ofTenant, rangeArbitrary, within } from './behaviours.contract.ts';

const RANGE = { from: '2024-03-04', to: '2024-03-06' };

/** The dates a range touches in a zone, by the runtime's own calendar. */
function datesOf({ fromMs, toMs }: { fromMs: number; toMs: number }, timeZone: string): string[] {
  const dates = new Set<string>();
  for (let at = fromMs; at < toMs; at += 900_000) dates.add(dateOf(at, timeZone));
  return [...dates.add(dateOf(toMs - 1, timeZone))];
}

function dateOf(ms: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone }).format(ms);
}

function countsBy<Key>(events: readonly Event[], key: (event: Event) => Key): [Key, number][] {
  const counts = new Map<string, [Key, number]>();
  for (const event of events) {
    const name = JSON.stringify(key(event));
    counts.set(name, [key(event), (counts.get(name)?.[1] ?? 0) + 1]);
  }
  return [...counts.values()];
}

describe('one user, one item', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const did = (name: string, at: string, rest: Partial<Event> = {}) => ({
    name,
    kind: 'behaviour' as const,
    at,
    user_id: 'u1',
    item_id: 'i1',
    ...rest,
  });

  test("a user's days, by hand", async () => {
    await asking.put(
      historyOf('days', [
        did('impression', '2024-03-04T10:00:00Z'),
        did('click', '2024-03-04T10:01:00Z'),
        did('click', '2024-03-04T22:30:00Z'),
        did('click', '2024-03-04T10:02:00Z', { user_id: 'u2' }),
        { name: 'click', at: '2024-03-05T23:30:00Z', device_id: 'u1' },
        did('item_put', '2024-03-04T10:03:00Z', { kind: 'catalog' as never }),
        did('click', '2024-03-06T00:00:00Z'),
      ]),
    );
    const answer = await asking.data('user-activity', tenantId('days'), { ...RANGE, user_id: 'u1' });
    const click = { kind: 'behaviour', event: 'click' };
    const impression = { kind: 'behaviour', event: 'impression', count: 1 };
    const generic = { kind: 'generic', event: 'click', count: 1 };
    assert.deepEqual(answer, {
      total: {
        events: 4,
        first_at: '2024-03-04T10:00:00.000Z',
        last_at: '2024-03-05T23:30:00.000Z',
        by_event: [{ ...click, count: 2 }, generic, impression],
      },
      days: [
        { date: '2024-03-04', events: 3, by_event: [{ ...click, count: 2 }, impression] },
        { date: '2024-03-05', events: 1, by_event: [generic] },
      ],
    });
    const nobody = await asking.data('user-activity', tenantId('days'), { ...RANGE, user_id: 'u7' });
    assert.deepEqual(nobody, {
      total: { events: 0, first_at: null, last_at: null, by_event: [] },
      days: [
        { date: '2024-03-04', events: 0, by_event: [] },
        { date: '2024-03-05', events: 0, by_event: [] },
      ],
    });
  });

  test("an item's days, by hand", async () => {
    await asking.put(
      historyOf('item', [
        did('impression', '2024-03-04T10:00:00Z'),
        did('impression', '2024-03-04T10:00:00Z', { user_id: 'u2' }),
        did('click', '2024-03-04T10:01:00Z', { user_id: 'u2' }),
        did('play', '2024-03-04T10:01:00Z', { watch_duration: 1, completion_rate: 0.9 }),
        did('play_end', '2024-03-04T10:01:00Z', { watch_duration: 2.5, completion_rate: 0.25 }),
        did('order', '2024-03-05T10:00:00Z'),
        did('impression', '2024-03-05T10:00:00Z', { item_id: 'i2' }),
        { name: 'click', kind: 'generic', at: '2024-03-04T10:00:00Z', user_id: 'u1', item_id: 'i1' },
        did('impression', '2024-03-06T00:00:00Z'),
      ]),
    );
    const answer = await asking.data('item-stats', tenantId('item'), { ...RANGE, item_id: 'i1' });
    const first = {
      impressions: 2,
      clicks: 1,
      ctr: 50,
      conversions: 0,
      conversion_rate: 0,
      total_watch_duration: 3.5,
      avg_watch_duration: 1.75,
      avg_completion_rate: 0.25,
      actions: [
        { action: 'impression', events: 2 },
        { action: 'click', events: 1 },
        { action: 'play', events: 1 },
        { action: 'play_end', events: 1 },
      ],
    };
    const order = { action: 'order', events: 1 };
    assert.deepEqual(answer, {
      total: {
        ...first,
        conversions: 1,
        conversion_rate: 50,
        actions: [...first.actions, order],
      },
      days: [
        { date: '2024-03-04', ...first },
        {
          date: '2024-03-05',
          impressions: 0,
          clicks: 0,
          ctr: 0,
          conversions: 1,
          conversion_rate: 0,
          total_watch_duration: 0,
          avg_watch_duration: 0,
          avg_completion_rate: 0,
          actions: [order],
        },
      ],
    });
  });

  test('a pinned user stays the same though more is known of them', async () => {
    const history = historyOf('pinneduser', [did('click', '2024-03-04T10:00:00Z')]);
    const tenant = await asking.put(history);
    const question = { ...RANGE, user_id: 'u1' };
    const first = await asking.ask('user-activity', tenant, question);
    const [more] = historyOf('pinneduser', [did('click', '2024-03-04T11:00:00Z')]);
    await asking.put([{ ...more!, offset: 1n }]);
    const { meta: _, ...fresh } = await asking.ask('user-activity', tenant, question);
    const { meta, ...pinned } = await asking.ask('user-activity', tenant, {
      ...question,
      as_of: first.meta.as_of,
    });
    assert.equal((fresh['total'] as { events: number }).events, 2);
    assert.equal((pinned['total'] as { events: number }).events, 1);
    assert.equal(meta.as_of, first.meta.as_of);
  });

  const drawn = fc.record({
    history: behavioursArbitrary('placeholder'),
    vector: vectorArbitrary(120),
    range: rangeArbitrary,
    tz: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
  });
  let runs = 0;

  test('any user of any history equals counting by hand', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.constantFrom('u1', 'u3', 's1'), async (given, user) => {
        const history = ofTenant(given.history, `user${++runs}`);
        const tenant = await asking.put(history, given.vector);
        const { range, tz } = given;
        const own = within(
          before(history, given.vector).map(({ event }) => event),
          range,
        ).filter(
          (event) =>
            (event.user_id ?? event.device_id ?? event.session_id) === user && event.kind !== 'catalog',
        );
        const byEvent = (events: readonly Event[]) =>
          countsBy(events, ({ kind, event_name: event }) => ({ kind, event }))
            .map(([key, count]) => ({ ...key, count }))
            .sort((a, b) => b.count - a.count || (`${a.event} ${a.kind}` < `${b.event} ${b.kind}` ? -1 : 1));
        const answer = (await asking.data('user-activity', tenant, {
          from: range.fromMs,
          to: range.toMs,
          tz,
          user_id: user,
        })) as { total: Record<string, unknown>; days: unknown };
        const times = own.map(({ timestamp }) => timestamp).sort((a, b) => a - b);
        const [events, first, last] = [
          answer.total['events'],
          answer.total['first_at'],
          answer.total['last_at'],
        ];
        assert.equal(events, own.length);
        assert.deepEqual(
          [first, last].map((time) => (time === null ? undefined : Date.parse(time as string))),
          [times[0], times.at(-1)],
        );
        assert.deepEqual(answer.total['by_event'], byEvent(own));
        assert.deepEqual(
          answer.days,
          datesOf(range, tz).map((date) => {
            const ofDay = own.filter(({ timestamp }) => dateOf(timestamp, tz) === date);
            return { date, events: ofDay.length, by_event: byEvent(ofDay) };
          }),
        );
      }),
      { numRuns: 20 },
    );
  });

  test('any item of any history equals counting by hand', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.constantFrom('i1', 'é', "i'3", 'none'), async (given, item) => {
        const history = ofTenant(given.history, `item${++runs}`);
        const tenant = await asking.put(history, given.vector);
        const { range, tz } = given;
        const own = within(
          before(history, given.vector).map(({ event }) => event),
          range,
        ).filter((event) => event.kind === 'behaviour' && event.item_id === item);
        const answer = (await asking.data('item-stats', tenant, {
          from: range.fromMs,
          to: range.toMs,
          tz,
          item_id: item,
        })) as { total: { actions: unknown }; days: { date: string; actions: unknown }[] };
        const { actions: _, ...total } = answer.total;
        assert.deepEqual(total, plainFigures(own));
        assert.deepEqual(
          answer.days.map(({ actions: __, ...figures }) => figures),
          datesOf(range, tz).map((date) => ({
            date,
            ...plainFigures(own.filter(({ timestamp }) => dateOf(timestamp, tz) === date)),
          })),
        );
        const counted = (actions: unknown) =>
          (actions as { action: string; events: number }[])
            .map(({ action, events }) => [action, events])
            .sort();
        assert.deepEqual(counted(answer.total.actions), countsBy(own, (event) => event.event_name).sort());
      }),
      { numRuns: 20 },
    );
  });
});

/** The documented figures in the plainest words. Each measure is rounded before it is added (MF-05). */
function plainFigures(events: readonly Event[]): object {
  const many = (action: string) => events.filter((event) => event.event_name === action).length;
  const rate = (part: number) =>
    many('impression') === 0 ? 0 : Math.round((part * 10_000) / many('impression')) / 100;
  const conversions = events.filter(
    ({ event_name: name, scenario_type: type }) => name === (type === 'education' ? 'purchase' : 'order'),
  ).length;
  const ms = events.flatMap(({ watch_duration: s }) => (s === undefined ? [] : [Math.floor(s * 1000 + 0.5)]));
  const shares = events
    .filter((event) => ['play_end', 'read_end', 'learn', 'complete'].includes(event.event_name))
    .flatMap(({ completion_rate: share }) => (share === undefined ? [] : [Math.floor(share * 1e6 + 0.5)]));
  const mean = (values: readonly number[]) =>
    values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    impressions: many('impression'),
    clicks: many('click'),
    ctr: rate(many('click')),
    conversions,
    conversion_rate: rate(conversions),
    total_watch_duration: ms.reduce((sum, value) => sum + value, 0) / 1000,
    avg_watch_duration: Math.round(mean(ms)) / 1000,
    avg_completion_rate: Math.round(mean(shares) / 100) / 10_000,
  };
}
