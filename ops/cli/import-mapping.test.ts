import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain';
import { RowMapper } from './import-mapped.ts';
import { parseMapping } from './import-mapping.ts';
import type { MappingSource } from './import-mapping.ts';
import { CommandFailed } from './output.ts';

function mapped(source: Partial<MappingSource>, row: JsonObject): unknown {
  const result = new RowMapper(parseMapping({ pairs: [], ...source })).map(row);
  // Drafts have no prototype; a copy by JSON has.
  return result.ok ? (JSON.parse(JSON.stringify(result.event)) as unknown) : result.problem;
}

test('columns become members by the mapping, by their name, or attributes', () => {
  const cases: [name: string, source: Partial<MappingSource>, row: JsonObject, event: unknown][] = [
    [
      'a pair, a form, a constant',
      { pairs: ['uid=user_id', 'ts=timestamp:epoch_s', '=pc=context.device_type', '=shop=scenario_id'] },
      { uid: 'u1', ts: '1700000000.5' },
      {
        user_id: 'u1',
        timestamp: 1_700_000_000_500,
        context: { device_type: 'pc' },
        scenario_id: 'shop',
      },
    ],
    [
      'names of the envelope need no rule',
      {},
      {
        user_id: 'u1',
        event_name: 'seen',
        timestamp: '2024-03-01T10:00:00Z',
        position: '3',
        'context.os': 'iOS',
      },
      {
        user_id: 'u1',
        event_name: 'seen',
        timestamp: 1_709_287_200_000,
        position: 3,
        context: { os: 'iOS' },
      },
    ],
    [
      'other columns of a generic event are properties',
      {},
      { event_name: 'seen', colour: 'red', size: '7' },
      { event_name: 'seen', properties: { colour: 'red', size: '7' } },
    ],
    [
      'other columns of a behaviour are extra data',
      { pairs: ['verb=action_type'] },
      { verb: 'click', colour: 'red' },
      { action_type: 'click', extra_data: { colour: 'red' } },
    ],
    [
      'the kind decides where there is no name',
      { kind: 'generic' },
      { colour: 'red' },
      { kind: 'generic', properties: { colour: 'red' } },
    ],
    [
      'what a rule says wins over a column that happens to be called so',
      { pairs: ['ts=timestamp'] },
      { event_name: 'x', ts: '5', timestamp: 'text' },
      { event_name: 'x', timestamp: 5, properties: { timestamp: 'text' } },
    ],
    [
      'own properties and other columns come together, the own ones first',
      { pairs: ['a=properties.colour'] },
      { event_name: 'x', a: 'blue', colour: 'red', size: '7' },
      { event_name: 'x', properties: { colour: 'blue', size: '7' } },
    ],
    [
      'renamed values',
      { file: { members: { action_type: { from: 'verb', values: { buy: 'purchase' } } } } },
      { verb: 'buy' },
      { action_type: 'purchase' },
    ],
    [
      'constants of any type, and columns that are dropped',
      { file: { members: { 'properties.old': { constant: true }, event_name: '=legacy' }, others: 'drop' } },
      { secret: 'x', user_id: 'u' },
      { properties: { old: true }, event_name: 'legacy', user_id: 'u' },
    ],
    [
      'a member of a nested column',
      { pairs: ['device.id=device_id', 'device.screen.width=properties.width'] },
      { event_name: 'x', device: { id: 'd1', screen: { width: 320 } } },
      {
        event_name: 'x',
        device_id: 'd1',
        properties: { width: 320, device: { id: 'd1', screen: { width: 320 } } },
      },
    ],
    [
      'one column for two members; a pair wins over the file',
      { pairs: ['b=user_id'], file: { members: { user_id: 'a', device_id: 'b', event_name: '=x' } } },
      { a: '1', b: '2' },
      { user_id: '2', device_id: '2', event_name: 'x', properties: { a: '1' } },
    ],
    [
      'what is empty or null says nothing',
      { pairs: ['a=user_id'] },
      { a: '', b: null, event_name: 'x' },
      { event_name: 'x' },
    ],
    [
      'whole objects as JSON',
      {},
      { event_name: 'x', properties: '{"a":1}', other: 'o' },
      { event_name: 'x', properties: { a: 1, other: 'o' } },
    ],
    [
      'a wrong value names its column',
      { pairs: ['preis=amount'] },
      { preis: '9,50' },
      { field: 'preis', code: 'format', message: 'is "9,50", not a number' },
    ],
    [
      'two values in one place',
      { pairs: ['a=context', 'b=context.os'] },
      { a: '{"os":"iOS"}', b: 'Android' },
      { field: 'b', code: 'format', message: 'cannot be put into context.os, which has a value already' },
    ],
  ];
  for (const [name, source, row, event] of cases) assert.deepEqual(mapped(source, row), event, name);
});

test('a column called __proto__ is a column', () => {
  const row = JSON.parse('{"event_name":"x","__proto__":"p"}') as JsonObject;
  const result = new RowMapper(parseMapping({ pairs: [] })).map(row);
  assert.ok(result.ok);
  assert.equal(JSON.stringify(result.event), '{"event_name":"x","properties":{"__proto__":"p"}}');
});

test('everything that is wrong with a mapping is said at once', () => {
  const file = {
    members: {
      colour: 'c',
      user_id: 7,
      timestamp: { from: 'ts', as: 'epoch' },
      item_id: { form: 'x' },
    },
    others: 'maybe',
    more: 1,
  };
  assert.throws(
    () => parseMapping({ file, pairs: ['nothing'], kind: 'odd', tz: 'Nowhere/Land' }),
    (error: unknown) => {
      assert.ok(error instanceof CommandFailed);
      for (const part of [
        '"more"',
        '"colour"',
        '"user_id" must be the name of a column',
        '"timestamp": "as"',
        '"item_id": "form"',
        '"item_id" needs "from" or "constant"',
        '"nothing"',
        '"others"',
        'Nowhere/Land',
        'the kind must be one of',
      ]) {
        assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      }
      return true;
    },
  );
});
