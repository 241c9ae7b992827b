import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, TenantId } from '#domain';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Door, DoorReply } from '../test/door.ts';

const TRACK = '/api/v1/behaviors/track';
const VALIDATE = '/api/v1/behaviors/validate';

const CLICK = {
  tenant_id: 'acme',
  scenario_id: 'vlog_feed',
  user_id: 'user_1',
  item_id: 'item_1',
  action_type: 'click',
  timestamp: NOW_MS - 1000,
  context: { device_type: 'mobile' },
} as const satisfies JsonObject;

const FIELDS = {
  required_fields: [
    { field_name: 'duration', field_type: 'integer', min_value: 1, max_value: 3600 },
    { field_name: 'position', field_type: 'integer' },
  ],
  optional_fields: [{ field_name: 'quality', field_type: 'enum', enum_values: ['hd', 'sd'] }],
} satisfies JsonObject;

async function configure(door: Door, definition: JsonObject = {}): Promise<void> {
  const changed = await door.configs.change(
    {
      type: 'create',
      tenant: 'acme' as TenantId,
      scenario: 'vlog_feed',
      definition: { scenario_type: 'video', name: 'Vlog feed', ...FIELDS, ...definition },
    },
    { actor: 'ada', authenticated: false },
  );
  assert.ok(changed.ok);
}

function saidBy({ status, body }: DoorReply, member = 'validation_warnings'): readonly string[] {
  assert.equal(status, 200, JSON.stringify(body));
  const said = body[member] as unknown as { field: string; code: string }[];
  return said.map(({ field, code }) => `${field} ${code}`);
}

test('a behaviour against its config is kept with warnings, and says by which version it was checked', async () => {
  await using door = await openDoor();
  await configure(door);
  const reply = await door.post(TRACK, {
    ...CLICK,
    scenario_data: { video_data: { duration: 4000, quality: '4k' } },
  });
  assert.equal(reply.body['outcome'], 'accepted');
  const warnings = [
    { field: 'scenario_data.video_data.duration', code: 'range', message: 'must be <= 3600' },
    { field: 'scenario_data.video_data.position', code: 'required', message: 'is required' },
    { field: 'scenario_data.video_data.quality', code: 'enum', message: 'must be one of hd, sd' },
  ];
  assert.deepEqual(reply.body['validation_warnings'], warnings);
  assert.deepEqual(reply.body['warnings'], warnings);
  const [kept] = await door.events();
  assert.ok(kept);
  assert.deepEqual(kept.value['warnings'], warnings);
  assert.equal(kept.value['valid_status'], 1);
  assert.equal(kept.value['schema'], 'config.acme.vlog_feed');
  assert.equal(kept.value['schema_version'], 1);
  assert.equal(kept.sent, undefined, 'nothing of it was changed');
  assert.equal(door.ingress.counts().warned, 1);
});

test('fields may come from the branch, extra_data or the envelope', async () => {
  await using door = await openDoor();
  await configure(door);
  const good = { ...CLICK, scenario_data: { video_data: { duration: 60 } }, position: 3 };
  assert.deepEqual(saidBy(await door.post(TRACK, good), 'warnings'), []);
  const extra = { ...CLICK, extra_data: { duration: 60, position: 3, quality: 'uhd' } };
  assert.deepEqual(saidBy(await door.post(TRACK, extra)), ['extra_data.quality enum']);
  // What the envelope does not know is put into extra_data before it is looked for.
  const flat = { ...CLICK, duration: 0, position: 3 };
  assert.deepEqual(saidBy(await door.post(TRACK, flat)), ['extra_data.duration range']);
});

test('a member of the envelope that the config forbids is a validation warning too', async () => {
  await using door = await openDoor();
  await configure(door, {
    required_fields: [{ field_name: 'position', field_type: 'integer', max_value: 10 }],
  });
  assert.deepEqual(saidBy(await door.post(TRACK, { ...CLICK, position: 11 })), ['position range']);
});

test('a member with two things wrong is named once', async () => {
  await using door = await openDoor();
  await configure(door, {
    required_fields: [{ field_name: 'completion_rate', field_type: 'number', min_value: 0, max_value: 1 }],
  });
  const percentage = {
    ...CLICK,
    action_type: 'play_end',
    scenario_data: { video_data: { completion_rate: 85, watch_duration: 5 } },
  };
  assert.deepEqual(saidBy(await door.post(TRACK, percentage)), [
    'scenario_data.video_data.completion_rate percent',
  ]);
});

test('the config says what the scenario is, where the event does not', async () => {
  await using door = await openDoor();
  await configure(door, { scenario_type: 'news', required_fields: [], optional_fields: [] });
  await door.post(TRACK, { ...CLICK, position: 3 });
  const both = { video_data: { watch_duration: 5 }, news_data: { read_duration: 7 } };
  const read = { ...CLICK, action_type: 'read', scenario_data: both, extra_data: { stay_duration: 7 } };
  assert.deepEqual(saidBy(await door.post(TRACK, read)), ['scenario_data several_branches']);
  const named = { ...CLICK, scenario_type: 'video', position: 3 };
  assert.deepEqual(saidBy(await door.post(TRACK, named)), ['scenario_type differing_values']);
  const kept = await door.events();
  assert.deepEqual(
    kept.map(({ value }) => [value['scenario_type'], value['watch_duration']]),
    [
      ['news', undefined],
      ['news', 7],
      ['video', undefined],
    ],
  );
});

test('custom data is checked by a custom config, and by nothing without one', async () => {
  await using door = await openDoor();
  const custom = {
    ...CLICK,
    scenario_type: 'custom',
    scenario_data: { custom_data: { duration: 'long' } },
    position: 1,
  };
  assert.deepEqual(saidBy(await door.post(TRACK, custom), 'warnings'), []);
  await configure(door, { scenario_type: 'custom' });
  assert.deepEqual(saidBy(await door.post(TRACK, custom)), ['scenario_data.custom_data.duration type']);
});

test('other scenarios, other tenants and other kinds are no business of a config', async () => {
  await using door = await openDoor();
  await configure(door);
  const others = [
    { ...CLICK, scenario_id: 'other_feed' },
    { ...CLICK, tenant_id: 'other' },
    { ...CLICK, kind: 'generic', event_name: 'pageview', action_type: null },
  ];
  for (const event of others) assert.deepEqual(saidBy(await door.post(TRACK, event), 'warnings'), []);
  const kept = [...(await door.events()), ...(await door.events('other'))];
  assert.deepEqual(kept.map(({ value }) => value['schema']).toSorted(), [
    'envelope.behaviour',
    'envelope.behaviour',
    'envelope.generic',
  ]);
});

test('what the envelope refuses stays refused', async () => {
  await using door = await openDoor();
  await configure(door);
  const { status, body } = await door.post(TRACK, { ...CLICK, user_id: '' });
  assert.equal(status, 400);
  assert.deepEqual(
    (body['errors'] as unknown as { field: string }[]).map(({ field }) => field),
    ['user_id'],
  );
});

test('a retry after the config has changed is a duplicate, never a conflict', async () => {
  await using door = await openDoor();
  const event = { ...CLICK, event_id: 'evt_1' };
  await door.post(TRACK, event);
  await configure(door);
  const again = await door.post(TRACK, event);
  assert.equal(again.body['outcome'], 'duplicate');
  const [kept] = await door.events();
  assert.equal(kept?.value['schema'], 'envelope.behaviour', 'what was kept stays as it was checked');
});

test('a dry run warns as the real one would', async () => {
  await using door = await openDoor();
  await configure(door);
  const reply = await door.post(VALIDATE, { ...CLICK, position: 1 });
  assert.equal(reply.body['success'], true);
  assert.deepEqual(saidBy(reply), ['scenario_data.video_data.duration required']);
});

test('a list of very many wrong elements is one warning', async () => {
  await using door = await openDoor();
  await configure(door, {
    required_fields: [{ field_name: 'tags', field_type: 'array', item_type: 'string' }],
  });
  const tags = Array.from({ length: 100_000 }, () => 0);
  assert.deepEqual(saidBy(await door.post(TRACK, { ...CLICK, position: 1, extra_data: { tags } })), [
    'extra_data.tags[0] type',
  ]);
});

test('a config may declare a field by a name that the documented form writes otherwise', async () => {
  await using door = await openDoor();
  await configure(door, {
    scenario_type: 'ecommerce',
    required_fields: [{ field_name: 'category', field_type: 'string' }],
    optional_fields: [{ field_name: 'stock', field_type: 'integer', max_value: 10 }],
  });
  const good = { ...CLICK, position: 1, extra_data: { category: 'phones', stock: 7 } };
  assert.deepEqual(saidBy(await door.post(TRACK, good), 'warnings'), []);
  const bad = { ...CLICK, position: 1, extra_data: { stock: 70 } };
  assert.deepEqual(saidBy(await door.post(TRACK, bad)), [
    'scenario_data.ecommerce_data.category required',
    'extra_data.stock range',
  ]);
});
