import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from './event.ts';
import { FIELD_ALIASES } from './field-aliases.ts';
import { normalise } from './normalise.ts';
import type { Normalised } from './normalise.ts';
import { scenarioBranch } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

function taken(type: ScenarioType, members: JsonObject, action = 'like'): Normalised {
  return normalise({
    sent: {
      event_id: 'e',
      scenario_id: 's',
      user_id: 'u',
      item_id: 'i',
      action_type: action,
      context: { device_type: 'pc' },
      scenario_type: type,
      ...members,
    },
    kind: 'behaviour',
    stamps: {
      tenant_id: 'acme',
      newEventId: () => 'evt_new',
      timestamp: 1,
      server_time: 2,
      schema: 'envelope.behaviour',
      schema_version: 1,
    },
  });
}

const codes = ({ warnings }: Normalised): string[] => warnings.map(({ field, code }) => `${field} ${code}`);

/** X11, X12: scenario type, name and value in extra data, the canonical name and value, another value. */
const ALIASES: readonly (readonly [ScenarioType, string, Json, string, Json, Json])[] = [
  ['video', 'video_duration', 60, 'duration', 60, 61],
  ['video', 'full_screen', true, 'is_fullscreen', true, false],
  ['video', 'sound_on', true, 'is_muted', false, true],
  ['video', 'sound_on', false, 'is_muted', true, false],
  ['video', 'speed', 1.5, 'playback_speed', 1.5, 2],
  ['ecommerce', 'stock', 100, 'stock_count', 100, 99],
  ['ecommerce', 'discount_rate', 0.11, 'discount', 0.11, 0.15],
  ['ecommerce', 'category', '数码产品/手机', 'category_path', '数码产品/手机', '/家居'],
  ['news', 'publish_time', 1_730_000_000, 'publish_time', 1_730_000_000_000, 1_730_000_000_001],
  ['music', 'quality', 'SQ', 'audio_quality', '无损', '高品'],
  ['music', 'quality', 'HQ', 'audio_quality', '高品', '标准'],
  ['music', 'quality', '标准', 'audio_quality', '标准', '无损'],
  ['music', 'is_vip', true, 'is_vip_only', true, false],
  ['education', 'difficulty', '中级', 'difficulty_level', '中级', '高级'],
  ['education', 'learning_progress', 0.35, 'progress', 0.35, 0.92],
  ['education', 'speed', 1.5, 'playback_speed', 1.5, 2],
];

test('every alias of extra data is kept under the canonical name, with the canonical value', () => {
  for (const [type, alias, value, field, canonical] of ALIASES) {
    const said = taken(type, { extra_data: { before: 1, [alias]: value, after: null } });
    assert.deepEqual(said.event.extra_data, { before: 1, [field]: canonical, after: null }, alias);
    assert.deepEqual(codes(said), [], alias);
    assert.equal(said.changed, true, 'the bytes as sent keep the name as sent');
  }
});

test('the table above has every alias there is', () => {
  const known = Object.entries(FIELD_ALIASES).flatMap(([type, aliases]) =>
    aliases.map(({ alias, field }) => `${type} ${alias} ${field}`),
  );
  assert.deepEqual(
    new Set(ALIASES.map(([type, alias, , field]) => `${type} ${alias} ${field}`)),
    new Set(known),
  );
});

test('scenario data goes before an alias; a value that differs warns, an equal one does not', () => {
  for (const [type, alias, value, field, canonical, other] of ALIASES) {
    const branch = (one: Json): JsonObject => ({
      scenario_data: { [scenarioBranch(type)]: { [field]: one } },
    });
    const equal = taken(type, { ...branch(canonical), extra_data: { [alias]: value } });
    assert.deepEqual(codes(equal), [], alias);
    const differing = taken(type, { ...branch(other), extra_data: { [alias]: value } });
    assert.deepEqual(codes(differing), [`extra_data.${alias} differing_values`], alias);
    assert.deepEqual(differing.event.scenario_data, branch(other)['scenario_data']);
    assert.ok(differing.warnings[0]?.message.endsWith(`, ${other as string | number}`));
  }
});

test('in extra data the canonical name goes before the alias', () => {
  for (const [type, alias, value, field, , other] of ALIASES) {
    if (alias === field) continue;
    const said = taken(type, { extra_data: { [alias]: value, [field]: other } });
    assert.deepEqual(said.event.extra_data, { [field]: other });
    assert.deepEqual(codes(said), [`extra_data.${alias} differing_values`], alias);
    // What is null is not said.
    assert.deepEqual(taken(type, { extra_data: { [alias]: value, [field]: null } }).event.extra_data, {
      [field]: ALIASES.find((row) => row[1] === alias && row[2] === value)?.[4],
    });
  }
});

test('extra data goes before the envelope, where an alias is one too', () => {
  for (const [type, alias, value, field, canonical, other] of ALIASES) {
    const alone = taken(type, { [alias]: value });
    assert.deepEqual(alone.event.extra_data, { [field]: canonical });
    assert.deepEqual(codes(alone), [`${alias} unknown_field`]);
    if (alias === field) continue;
    const both = taken(type, { [alias]: value, extra_data: { [field]: other } });
    assert.deepEqual(both.event.extra_data, { [field]: other });
    assert.deepEqual(codes(both), [`${alias} unknown_field`, `extra_data.${alias} differing_values`]);
  }
});

test('an alias means nothing in another scenario type, or without one', () => {
  const extra_data = { difficulty: 'hard', stock: 3, quality: 'SQ', is_hot: true, publish_time: 5 };
  for (const type of ['content', 'social', 'personalized', 'custom'] as const) {
    const said = taken(type, { extra_data });
    assert.deepEqual([said.event.extra_data, said.changed], [extra_data, false]);
  }
  const untyped = taken('custom', { scenario_type: null, extra_data });
  assert.deepEqual(untyped.event.extra_data, extra_data);
});

test('hot news need not be breaking news, and the duration of a course is not that of a lesson', () => {
  const news = taken('news', { extra_data: { is_hot: true } });
  assert.deepEqual([news.event.extra_data, news.changed], [{ is_hot: true }, false]);
  const course = taken('education', { extra_data: { duration: 36_000, category: '编程/Python' } });
  assert.deepEqual(course.event.extra_data, { duration: 36_000, category: '编程/Python' });
});

test('a value without a canonical form stays as it was sent', () => {
  const values: readonly (readonly [ScenarioType, JsonObject])[] = [
    ['video', { sound_on: 'yes' }],
    ['music', { quality: 'Dolby' }],
    ['music', { quality: 'constructor' }],
    ['news', { publish_time: 'yesterday' }],
    ['news', { publish_time: 1_730_000_000.5 }],
    ['news', { publish_time: -1 }],
    ['news', { publish_time: 1_730_000_000_000 }],
    ['video', { video_duration: null }],
  ];
  for (const [type, extra_data] of values) {
    const said = taken(type, { extra_data });
    assert.deepEqual([said.event.extra_data, said.changed, codes(said)], [extra_data, false, []]);
  }
});

test('seconds are told from milliseconds in extra data alone', () => {
  const times: readonly (readonly [number, number])[] = [
    [0, 0],
    [1, 1000],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000],
  ];
  for (const [sent, ms] of times) {
    assert.deepEqual(taken('news', { extra_data: { publish_time: sent } }).event.extra_data, {
      publish_time: ms,
    });
  }
  const scenario_data = { news_data: { publish_time: 1_730_000_000 } };
  assert.deepEqual(taken('news', { scenario_data }).event.scenario_data, scenario_data);
});

test('whatever stands in both places warns when it differs, lists by their elements', () => {
  const said = taken('video', {
    scenario_data: { video_data: { tags: ['a'], list: ['a', 'b'], own: { x: 1, y: 2 }, gone: null } },
    extra_data: { tags: ['b'], list: ['a', 'b'], own: { y: 2, x: 1 }, gone: 1, more: 2 },
  });
  assert.deepEqual(codes(said), ['extra_data.tags differing_values']);
});

test('a measure that differs is warned of once', () => {
  const said = taken(
    'education',
    {
      scenario_data: { education_data: { study_duration: 1650, progress: 0.92 } },
      extra_data: { learning_progress: 0.35 },
    },
    'learn',
  );
  assert.deepEqual([said.event.watch_duration, said.event.completion_rate], [1650, 0.92]);
  assert.deepEqual(codes(said), ['extra_data.learning_progress differing_values']);
});

test('members called like those of every object are kept', () => {
  const extra_data = JSON.parse('{"__proto__":{"a":1},"constructor":2,"stock":3}') as JsonObject;
  const { event } = taken('ecommerce', { extra_data });
  assert.equal(JSON.stringify(event.extra_data), '{"__proto__":{"a":1},"constructor":2,"stock_count":3}');
});
