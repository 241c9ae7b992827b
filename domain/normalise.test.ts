import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS, ACTION_GROUPS } from './action.ts';
import type { EventKind, Json, JsonObject } from './event.ts';
import { ENVELOPE_MEMBERS, kindOf, normalise } from './normalise.ts';
import type { Normalised } from './normalise.ts';
import { scenarioBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

const STAMPS = {
  tenant_id: 'acme',
  newEventId: () => 'evt_new',
  timestamp: 1_730_000_000_000,
  server_time: 1_730_000_000_500,
  schema: 'envelope.behaviour',
  schema_version: 1,
};
const BASE = {
  event_id: 'e',
  tenant_id: 'acme',
  scenario_id: 's',
  user_id: 'u',
  item_id: 'i',
  action_type: 'click',
  context: { device_type: 'pc' },
} as const satisfies JsonObject;

const run = (sent: JsonObject, kind: EventKind = 'behaviour'): Normalised =>
  normalise({ sent, kind, stamps: STAMPS });
const behave = (action: string, members: JsonObject = {}): Normalised =>
  run({ ...BASE, action_type: action, ...members });
const codes = ({ warnings }: Normalised): string[] => warnings.map(({ field, code }) => `${field} ${code}`);

test('the kind is the one named, else told by the action or the name', () => {
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ kind: 'catalog', action_type: 'click' }, 'catalog'],
    [{ kind: 'user', event_name: 'identify' }, 'user'],
    [{ action_type: 'click', event_name: 'x' }, 'behaviour'],
    [{ event_name: 'x' }, 'generic'],
    [{ kind: null, event_name: 'x' }, 'generic'],
    [{}, 'behaviour'],
    [{ kind: 'constructor' }, 'unknown'],
    [{ kind: ['user'] }, 'unknown'],
  ];
  for (const [sent, kind] of cases) assert.equal(kindOf(sent, 'behaviour'), kind);
  assert.equal(kindOf({}, 'generic'), 'generic');
});

test('an event in its documented form is only stamped', () => {
  const { event, warnings, changed } = run(BASE);
  assert.deepEqual(event, {
    ...BASE,
    kind: 'behaviour',
    event_name: 'click',
    timestamp: STAMPS.timestamp,
    server_time: STAMPS.server_time,
    valid_status: 1,
    schema: 'envelope.behaviour',
    schema_version: 1,
  });
  assert.deepEqual([warnings, changed], [[], false]);
});

/** Alias or odd spelling as sent; what the event has instead; the warnings; whether it counts as changed. */
const ALIASES: readonly (readonly [JsonObject, JsonObject, readonly string[], boolean])[] = [
  [
    { action_type: 'not_interested' },
    { action_type: 'not_interest', event_name: 'not_interest' },
    ['action_type alias'],
    true,
  ],
  [{ event_time: 5 }, { timestamp: STAMPS.timestamp }, [], false],
  [{ scenario_type: 'vlog' }, { scenario_type: 'video' }, ['scenario_type alias'], true],
  [{ scenario_type: 'short_video' }, { scenario_type: 'video' }, ['scenario_type alias'], true],
  [{ scenario_type: 'news' }, { scenario_type: 'news' }, [], false],
  [{ scenario_type: 'opera' }, { scenario_type: undefined as never }, ['scenario_type enum'], true],
  [{ scenario_data: { music_data: {} } }, { scenario_type: 'music' }, [], false],
  [
    { scenario_data: { news_data: {}, video_data: {} } },
    { scenario_type: 'video' },
    ['scenario_data several_branches'],
    false,
  ],
  [
    { scenario_type: 'news', scenario_data: { video_data: {} } },
    { scenario_type: 'news' },
    ['scenario_data differing_values'],
    false,
  ],
  [
    { scenario_data: { game_data: {} } },
    { scenario_type: undefined as never },
    ['scenario_data.game_data unknown_field'],
    false,
  ],
  [
    { scenario_data: { video_data: 7 } },
    { scenario_type: 'video' },
    ['scenario_data.video_data type'],
    false,
  ],
  [{ event_name: 'click' }, { event_name: 'click' }, [], false],
  [{ event_name: 'other' }, { event_name: 'click' }, ['event_name ignored'], true],
  [{ event_id: '' }, { event_id: 'evt_new' }, [], false],
  [{ event_id: null }, { event_id: 'evt_new' }, [], false],
  [
    { device_id: '', platform: null },
    { device_id: undefined as never, platform: undefined as never },
    [],
    true,
  ],
  [
    { server_time: 7, valid_status: 0 },
    { server_time: STAMPS.server_time },
    ['server_time ignored', 'valid_status ignored'],
    true,
  ],
  [{ colour: 'red' }, { extra_data: { colour: 'red' } }, ['colour unknown_field'], true],
  [
    { colour: 'red', extra_data: { colour: 'own' } },
    { extra_data: { colour: 'own' } },
    ['colour unknown_field'],
    true,
  ],
  [
    { context: { device_type: 'pc', network: 'wifi' } },
    { context: { device_type: 'pc' }, extra_data: { network: 'wifi' } },
    ['context.network unknown_field'],
    true,
  ],
  [{ context: { device_type: 'pc', os: null } }, { context: { device_type: 'pc' } }, [], true],
  [{ data: { a: 1 }, properties: { b: 2 } }, { properties: { a: 1, b: 2 } }, [], true],
  [{ extra_data: { position: 4 } }, { position: 4 }, [], false],
  [
    { position: 1, extra_data: { position: 4 }, scenario_data: { video_data: { position: 9 } } },
    { position: 9 },
    ['extra_data.position differing_values', 'position differing_values'],
    true,
  ],
];

test('every alias is brought into the documented form, with a warning where it is another value', () => {
  for (const [members, expected, warnings, changed] of ALIASES) {
    const said = run({ ...BASE, ...members });
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual((said.event as JsonObject)[name], value, `${name} of ${JSON.stringify(members)}`);
    }
    assert.deepEqual(codes(said), warnings, JSON.stringify(members));
    assert.equal(said.changed, changed, JSON.stringify(members));
    assert.deepEqual(said.event.warnings, warnings.length > 0 ? said.warnings : undefined);
  }
});

test('the data of a module event becomes properties, and its session is lifted', () => {
  const { event, changed } = run(
    { event_name: 'session.start', product: 'ai_chatbot', data: { session_id: 's1', user_agent: 'x' } },
    'generic',
  );
  assert.equal(event.session_id, 's1');
  assert.equal(event.product, 'ai_chatbot');
  assert.deepEqual(event.properties, { session_id: 's1', user_agent: 'x' });
  assert.equal(event.user_id, undefined);
  assert.ok(changed);
});

test('members only behaviours have are attributes of the other kinds', () => {
  const said = run({ event_name: 'x', user_id: 'u', amount: 3, position: 2, other: true }, 'generic');
  assert.deepEqual(said.event.properties, { amount: 3, position: 2, other: true });
  assert.deepEqual([said.event.amount, said.event.position], [undefined, undefined]);
});

/** S9-04: scenario type, action, where what stands, and the seconds and share it means. */
const CONSUMED: readonly (readonly [ScenarioType, string, JsonObject, JsonObject, number?, number?])[] = [
  ['video', 'play_end', { watch_duration: 175, completion_rate: 0.97 }, {}, 175, 0.97],
  ['video', 'play_end', {}, { watch_duration: 45, completion_rate: 0.75 }, 45, 0.75],
  ['video', 'play', { duration: 180 }, {}],
  ['video', 'like', { watch_duration: 175, completion_rate: 0.97 }, {}],
  ['news', 'read_end', { read_duration: 120, read_progress: 0.85 }, {}, 120, 0.85],
  ['news', 'read_end', {}, { read_duration: 120, completion_rate: 0.5 }, 120, 0.5],
  ['news', 'read', {}, { stay_duration: 30, scroll_depth: 85 }, 30],
  ['music', 'play_end', { play_duration: 240 }, { completion_rate: 0.75 }, 240, 0.75],
  ['education', 'learn', { study_duration: 1650, progress: 0.92 }, {}, 1650, 0.92],
  ['education', 'learn', {}, { watch_duration: 60, learning_progress: 0.35 }, 60, 0.35],
  ['education', 'trial', {}, { watch_duration: 60 }, 60],
  ['education', 'complete', { study_duration: 10 }, {}, 10, 1],
  ['content', 'read', { completion_rate: 0.5, read_duration: 7 }, {}, 7],
  ['custom', 'play_end', { watch_duration: 1.5, completion_rate: 0 }, {}, 1.5, 0],
];

test('every consumption becomes seconds and a share, by the names of its scenario', () => {
  for (const [type, action, branch, extra_data, duration, completion] of CONSUMED) {
    const said = behave(action, { scenario_data: { [scenarioBranch(type)]: branch }, extra_data });
    const label = `${type} ${action}`;
    assert.deepEqual([said.event.watch_duration, said.event.completion_rate], [duration, completion], label);
    assert.deepEqual(codes(said), [], label);
    // Under a name that is not kept.
    assert.equal(said.changed, Object.hasOwn(extra_data, 'learning_progress'), label);
  }
});

test('no action outside of consumption has a duration, and none outside of buying an amount', () => {
  const data = { watch_duration: 5, completion_rate: 0.5, payment_amount: 9, currency: 'EUR' };
  for (const action of ACTIONS) {
    const { event } = behave(action, { extra_data: data });
    assert.equal(event.watch_duration, ACTION_GROUPS[action] === 'consumption' ? 5 : undefined, action);
    const buys = ['order', 'payment', 'purchase'].includes(action);
    assert.deepEqual([event.amount, event.currency], buys ? [9, 'EUR'] : [undefined, undefined], action);
  }
});

test('scenario data comes before extra data, and both before the envelope; differing values warn', () => {
  const said = behave('play_end', {
    scenario_data: { video_data: { watch_duration: 1 } },
    extra_data: { watch_duration: 2, completion_rate: 0.2 },
    watch_duration: 1,
    completion_rate: 0.3,
  });
  assert.deepEqual([said.event.watch_duration, said.event.completion_rate], [1, 0.2]);
  assert.deepEqual(codes(said), [
    'extra_data.watch_duration differing_values',
    'completion_rate differing_values',
  ]);
  assert.ok(said.changed);
});

test('a share that is a percentage or no number is left out with a warning; complete counts as 1', () => {
  const cases: readonly (readonly [Json, string])[] = [
    [85, 'percent'],
    [1.01, 'percent'],
    [-0.1, 'range'],
    [101, 'range'],
    ['0.5', 'type'],
  ];
  for (const [completion_rate, code] of cases) {
    const said = behave('play_end', { extra_data: { completion_rate } });
    assert.equal(said.event.completion_rate, undefined);
    assert.deepEqual(codes(said), [`extra_data.completion_rate ${code}`]);
  }
  const seconds = behave('play_end', { extra_data: { watch_duration: -1 } });
  assert.deepEqual(
    [seconds.event.watch_duration, codes(seconds)],
    [undefined, ['extra_data.watch_duration range']],
  );
  const complete = behave('complete', { extra_data: { completion_rate: 0.4 } });
  assert.deepEqual(
    [complete.event.completion_rate, codes(complete)],
    [1, ['completion_rate differing_values']],
  );
});

/** Action, members, the amount and currency they mean, warnings. */
const AMOUNTS: readonly (readonly [
  string,
  JsonObject,
  number | undefined,
  string | undefined,
  readonly string[],
])[] = [
  ['order', { extra_data: { total_amount: 299.9 } }, 299.9, undefined, []],
  [
    'order',
    { scenario_data: { ecommerce_data: { currency: 'CNY' } }, total_amount: 5 },
    5,
    'CNY',
    ['total_amount unknown_field'],
  ],
  ['payment', { extra_data: { payment_amount: 0.1, total_amount: 9 } }, 0.1, undefined, []],
  ['purchase', { amount: 12, currency: 'USD' }, 12, 'USD', []],
  ['payment', { extra_data: { payment_amount: '199.99' } }, 199.99, undefined, []],
  ['payment', { extra_data: { payment_amount: -3 } }, -3, undefined, []],
  [
    'payment',
    { extra_data: { payment_amount: 'much' } },
    undefined,
    undefined,
    ['extra_data.payment_amount type'],
  ],
  [
    'payment',
    { extra_data: { payment_amount: 1e14 } },
    undefined,
    undefined,
    ['extra_data.payment_amount range'],
  ],
  ['payment', { extra_data: { payment_amount: 1, currency: 7 } }, 1, undefined, ['extra_data.currency type']],
];

test('the amount of an order, payment or purchase is kept to the digit', () => {
  for (const [action, members, amount, currency, warnings] of AMOUNTS) {
    const said = behave(action, members);
    assert.deepEqual([said.event.amount, said.event.currency, codes(said)], [amount, currency, warnings]);
  }
});

test('the place is the sender’s, else the one looked up, never a mixture', () => {
  const stamps = { ...STAMPS, country: 'CN', region: 'Beijing', city: 'Beijing' };
  const placed = (members: JsonObject): unknown => {
    const { country, region, city } = normalise({
      sent: { ...BASE, ...members },
      kind: 'behaviour',
      stamps,
    }).event;
    return [country, region, city];
  };
  assert.deepEqual(placed({}), ['CN', 'Beijing', 'Beijing']);
  assert.deepEqual(placed({ country: 'FR' }), ['FR', undefined, undefined]);
  assert.deepEqual(placed({ country: '' }), ['CN', 'Beijing', 'Beijing']);
});

const OBJECTS = ['scenario_data', 'extra_data', 'properties', 'data'];
const FILLED = ['event_id', 'tenant_id', 'kind', 'action_type', 'timestamp', 'event_time', 'context'];

test('nothing a sender says is lost: a member that is not in the event as it was sent makes it changed', () => {
  const names = [...ENVELOPE_MEMBERS.filter((name) => !FILLED.includes(name)), 'x', '__proto__'];
  const member = fc.constantFrom(...names).chain((name) => {
    const value: fc.Arbitrary<Json> = OBJECTS.includes(name)
      ? fc.constantFrom({ a: 1 }, { video_data: { watch_duration: 2 } }, { completion_rate: 0.5, amount: 3 })
      : ['position', 'watch_duration', 'completion_rate', 'amount'].includes(name)
        ? fc.constantFrom(1, 2, null)
        : fc.constantFrom('click', 'video', 'EUR', '', null);
    return fc.tuple(fc.constant(name), value);
  });
  fc.assert(
    fc.property(fc.array(member), fc.constantFrom(...ACTIONS), (members, action) => {
      const sent = { ...BASE, ...Object.fromEntries(members), action_type: action };
      const { event, changed } = run(sent);
      const lost = Object.keys(sent).filter(
        (name) =>
          !FILLED.includes(name) &&
          JSON.stringify((event as JsonObject)[name]) !== JSON.stringify((sent as JsonObject)[name]),
      );
      // What is put into extra data or properties stands beside what was there.
      const gone = lost.filter((name) => !OBJECTS.includes(name) && name !== 'event_name');
      if (gone.length > 0) assert.ok(changed, gone.join());
    }),
    { numRuns: 3000 },
  );
});

test('the same input gives the same event', () => {
  const sent = { ...BASE, foo: 1, extra_data: { position: 2 } };
  assert.deepEqual(run(sent), run(structuredClone(sent)));
});
