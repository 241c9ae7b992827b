import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS, SCENARIO_TYPES } from '#domain';
import type { ActionType, Event } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { before, historyOf, openAsking, vectorArbitrary } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { behavioursArbitrary, ofTenant, rangeArbitrary, within } from './behaviours.contract.ts';

const DAY = { from: '2024-03-04', to: '2024-03-05' };

type Answer = {
  readonly actions: readonly (Readonly<Record<string, number>> & { readonly action: string })[];
  readonly impressions: number;
  readonly conversions: readonly Readonly<Record<string, unknown>>[];
};

describe('behaviour by action', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const answerOf = async (tenant: string, question: object): Promise<Answer> =>
    (await asking.data('behavior-analysis', tenantId(tenant), question)) as Answer;

  /** A user and what they do, in this order or any other. */
  const does = (user_id: string, ...names: ActionType[]) =>
    names.map((name) => ({
      name,
      kind: 'behaviour' as const,
      at: '2024-03-04T10:00:00Z',
      user_id,
      item_id: 'i1',
      scenario_type: 'video' as const,
    }));

  test('users who went on are among those before, so no rate exceeds 100, by hand', async () => {
    await asking.put(
      historyOf('video', [
        ...does('u1', 'impression', 'impression', 'click', 'play'),
        ...does('u2', 'impression', 'play', 'order'),
        ...does('u3', 'impression'),
        ...does('u4', 'impression', 'click'),
        // Somebody comes by a link and sees no list at all.
        ...does('u5', 'click', 'play', 'play'),
        ...does('u1', 'play_end').map((event) => ({ ...event, watch_duration: 10, completion_rate: 1 })),
        ...does('u2', 'play_end').map((event) => ({ ...event, watch_duration: 1.5 })),
        ...does('u2', 'play_end'),
        ...does('u9', 'impression').map((event) => ({ ...event, scenario_type: 'music' as const })),
      ]),
    );
    const answer = await answerOf('video', { ...DAY, scenario_type: 'video' });
    assert.deepEqual(
      answer.actions.map(({ action }) => action),
      ['impression', 'click', 'play', 'play_end', 'pause', 'like', 'share', 'comment'],
    );
    assert.deepEqual(answer.actions.slice(0, 5).map(Object.values), [
      ['impression', 5, 4, 4, 100, 4, 100, 0, 0],
      ['click', 3, 3, 2, 50, 2, 50, 0, 0],
      ['play', 4, 3, 2, 50, 2, 66.67, 0, 0],
      ['play_end', 3, 2, 2, 50, 2, 66.67, 2, 5.75],
      ['pause', 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    assert.equal(answer.impressions, 5);
    assert.deepEqual(answer.conversions, [
      { name: 'conversion', events: 1, users: 1, rate: 20 },
      { name: 'order', events: 1, users: 1, rate: 20 },
      { name: 'payment', events: 0, users: 0, rate: 0 },
      { name: 'purchase', events: 0, users: 0, rate: 0 },
    ]);
  });

  test('one may choose the actions, their order, and what a conversion is', async () => {
    await asking.put(
      historyOf('chosen', [
        ...does('u1', 'impression', 'share', 'download'),
        ...does('u2', 'download', 'share'),
      ]),
    );
    const answer = await answerOf('chosen', {
      ...DAY,
      actions: ['share', 'download', 'share'],
      conversion_actions: ['share', 'download'],
    });
    assert.deepEqual(
      answer.actions.map(({ action }) => action),
      ['share', 'download'],
    );
    assert.deepEqual(answer.conversions[0], { name: 'conversion', events: 4, users: 2, rate: 400 });
  });

  test('of nobody everything is 0', async () => {
    const { actions, impressions, conversions } = await answerOf('nobody', { scenario_type: 'ecommerce' });
    const numbers = [
      impressions,
      ...[...actions, ...conversions].flatMap((each): unknown[] => Object.values(each).slice(1)),
    ];
    assert.equal(actions.length, 7);
    assert.ok(numbers.every((number) => number === 0));
  });

  test('any list of actions over any history equals counting by hand', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        behavioursArbitrary('placeholder'),
        vectorArbitrary(120),
        fc.record({
          range: rangeArbitrary,
          type: fc.constantFrom(...SCENARIO_TYPES, undefined, undefined),
          actions: fc.uniqueArray(
            fc.oneof(
              fc.constantFrom(...ACTIONS),
              fc.constantFrom('impression' as const, 'click' as const, 'order' as const, 'play_end' as const),
            ),
            { minLength: 1, maxLength: 20 },
          ),
          converting: fc.option(fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 4 }), {
            nil: undefined,
          }),
        }),
        async (drawn, vector, { range, type, actions, converting }) => {
          const history = ofTenant(drawn, `behaviour${++runs}`);
          const tenant = await asking.put(history, vector);
          const seen = before(history, vector).map(({ event }) => event);
          const events = within(seen, range).filter(
            (event) => event.kind === 'behaviour' && (type === undefined || event.scenario_type === type),
          );
          const answer = await asking.data('behavior-analysis', tenant, {
            from: range.fromMs,
            to: range.toMs,
            actions,
            ...(type ? { scenario_type: type } : {}),
            ...(converting ? { conversion_actions: converting } : {}),
          });
          assert.deepEqual(answer, expectedOf(events, actions, converting));
        },
      ),
      { numRuns: 30 },
    );
  });
});

function expectedOf(
  events: readonly Event[],
  actions: readonly string[],
  converting: readonly string[] | undefined,
): object {
  const who = (some: readonly Event[]): Set<string> =>
    new Set(some.flatMap((event) => event.user_id ?? event.device_id ?? event.session_id ?? []));
  const doing = (action: string | undefined) => events.filter((event) => event.event_name === action);
  const share = (some: number, all: number) => (all === 0 ? 0 : Math.round((some * 10_000) / all) / 100);
  const impressions = doing('impression').length;
  const conversion = (name: string, some: readonly Event[]) => ({
    name,
    events: some.length,
    users: who(some).size,
    rate: share(some.length, impressions),
  });
  return {
    actions: actions.map((action, index) => {
      const users = who(doing(action));
      const first = who(doing(actions[0]));
      const previous = who(doing(actions[Math.max(0, index - 1)]));
      const durations = doing(action).flatMap((event) => event.watch_duration ?? []);
      // Each duration to the ms, then their mean to the ms: in whole numbers, so that halves are halves.
      const ms = durations.reduce((sum, duration) => sum + Math.floor(duration * 1000 + 0.5), 0);
      return {
        action,
        events: doing(action).length,
        users: users.size,
        users_of_first: users.intersection(first).size,
        rate_to_first: share(users.intersection(first).size, first.size),
        users_of_previous: users.intersection(previous).size,
        rate_to_previous: share(users.intersection(previous).size, previous.size),
        watch_events: durations.length,
        avg_watch_duration: durations.length === 0 ? 0 : Math.round(ms / durations.length) / 1000,
      };
    }),
    impressions,
    conversions: [
      conversion(
        'conversion',
        events.filter(({ event_name: name, scenario_type: type }) =>
          converting ? converting.includes(name) : name === (type === 'education' ? 'purchase' : 'order'),
        ),
      ),
      ...['order', 'payment', 'purchase'].map((action) => conversion(action, doing(action))),
    ],
  };
}
