import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '#domain';
import { deviceTypeOf, fromTracker } from './tracker-alias.ts';

const input = (value: Json): Parameters<typeof fromTracker>[0] => ({
  value,
  errors: [],
  warnings: [],
  sent: () => new Uint8Array(0),
});
const PC = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36';

test('every member of a tracker becomes the member of the envelope', () => {
  const cases: readonly (readonly [Json, Json])[] = [
    [
      { action: 'click', itemId: 'i', userId: 'u', tenantId: 't', scenarioId: 's' },
      { action_type: 'click', item_id: 'i', user_id: 'u', tenant_id: 't', scenario_id: 's' },
    ],
    [
      { actionType: 'view', eventId: 'e', deviceId: 'd', sessionId: 'x', pageUrl: '/', extraData: { aB: 1 } },
      {
        action_type: 'view',
        event_id: 'e',
        device_id: 'd',
        session_id: 'x',
        page_url: '/',
        extra_data: { aB: 1 },
      },
    ],
    [
      { experimentId: 'a', experimentGroup: 'b', scenarioData: {} },
      { experiment_id: 'a', experiment_group: 'b', scenario_data: {} },
    ],
    [{ user_id: 'u', userId: 'other' }, { user_id: 'u' }],
    [{ userId: 'other', user_id: 'u' }, { user_id: 'u' }],
    [
      { favouriteColour: 'red', timestamp: 5 },
      { favouriteColour: 'red', timestamp: 5 },
    ],
  ];
  for (const [sent, expected] of cases) {
    const mapped = fromTracker(input(sent), PC);
    assert.deepEqual(mapped.value, { ...(expected as object), context: { device_type: 'pc' } });
    assert.equal(mapped.original, sent);
    assert.deepEqual(mapped.warnings, []);
  }
});

test('the device type is the event’s, else told by the User-Agent, else pc with a warning', () => {
  const told = (sent: Json, agent?: string): unknown[] => {
    const { value, warnings } = fromTracker(input(sent), agent);
    return [(value as { context: unknown }).context, warnings.map(({ code }) => code)];
  };
  assert.deepEqual(told({ deviceType: 'tablet' }, PC), [{ device_type: 'tablet' }, []]);
  assert.deepEqual(told({ context: { deviceType: 'tablet', os: 'x' } }, PC), [
    { device_type: 'tablet', os: 'x' },
    [],
  ]);
  assert.deepEqual(told({ context: { os: 'x' } }, PC), [{ os: 'x', device_type: 'pc' }, []]);
  assert.deepEqual(told({}, undefined), [{ device_type: 'pc' }, ['device_type_assumed']]);
  assert.deepEqual(told({ context: 7 }, PC), [7, []]);
});

test('User-Agents of the usual browsers', () => {
  const agents: readonly (readonly [string | undefined, string | undefined])[] = [
    [PC, 'pc'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15',
      'pc',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0', 'pc'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148', 'mobile'],
    [
      'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36',
      'mobile',
    ],
    ['Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Chrome/126.0 Safari/537.36', 'tablet'],
    ['Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148', 'tablet'],
    ['curl/8.5.0', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [agent, expected] of agents) assert.equal(deviceTypeOf(agent), expected, agent);
});

test('what is no object stays what it is', () => {
  for (const value of [null, 7, 'x', [1]] satisfies Json[]) {
    const sent = input(value);
    assert.equal(fromTracker(sent, PC), sent);
  }
});
