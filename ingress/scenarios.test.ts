import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Event, Json, JsonObject } from '#domain';
import { createSchemaRegistry } from '#schema-registry';
import type { FieldError } from '#schema-registry';
import { NOW_MS, openDoor } from '../test/door.ts';
import type { Said } from '../test/door.ts';
import { TABLE_SCENARIOS, badValues, fieldOfAction, goodValue } from '../test/scenario-table.ts';
import type { TableAction, TableField, TableScenario } from '../test/scenario-table.ts';
import { examine } from './examine.ts';

let ids = 0;
const registry = createSchemaRegistry();

/** Sends a behaviour through the checks of the door. */
function send(sent: JsonObject): { readonly event: Event; readonly warnings: readonly FieldError[] } {
  const examined = examine(
    { value: sent, errors: [], warnings: [], sent: () => Buffer.from(JSON.stringify(sent)) },
    {
      tenant: undefined,
      mayCreateTenants: true,
      address: undefined,
      source: 'http',
      actor: '',
      fallbackKind: 'behaviour',
    },
    {
      registry,
      whereabouts: () => ({ place: {}, ipPrefix: undefined }),
      newEventId: () => `evt_${++ids}`,
      nowMs: NOW_MS,
      maxAgeDays: 0,
    },
  );
  assert.ok(examined.ok, JSON.stringify(examined));
  const { event, warnings } = examined;
  assert.equal(event.valid_status, 1);
  assert.deepEqual(event.warnings ?? [], warnings);
  return { event, warnings };
}

const said = (warnings: readonly Said[]): string[] => warnings.map(({ field, code }) => `${field} ${code}`);

type Parts = { readonly branch?: JsonObject; readonly extra?: JsonObject; readonly envelope?: JsonObject };

function behaviour({ type }: TableScenario, { action }: TableAction, parts: Parts): JsonObject {
  const { branch = {}, extra = {}, envelope = {} } = parts;
  return {
    tenant_id: 'acme',
    scenario_id: 'feed',
    user_id: 'u',
    item_id: 'i',
    action_type: action,
    context: { device_type: 'pc' },
    ...envelope,
    scenario_type: type,
    scenario_data: { [`${type}_data`]: branch },
    extra_data: extra,
  };
}

const good = (fields: readonly TableField[]): Record<string, Json> =>
  Object.fromEntries(fields.map((field) => [field.name, goodValue(field)]));
const neededBy = (scenario: TableScenario, { required, optional }: TableAction): TableField[] =>
  [...required, ...optional].map((name) => fieldOfAction(scenario, name));

const ACTIONS = TABLE_SCENARIOS.flatMap((scenario) =>
  scenario.actions.map((action) => ({
    scenario,
    action,
    label: `${scenario.type} ${action.action}`,
    /** Of an alias the name it is taken under, which alone is warned of. */
    alias: action.action === 'not_interested' ? ['action_type alias'] : [],
  })),
);

test('the table speaks of eight scenario types and 66 actions', () => {
  assert.equal(TABLE_SCENARIOS.length, 8);
  assert.equal(ACTIONS.length, 66);
});

test('an event that says what its action needs is taken without a warning, wherever it says it', () => {
  for (const { scenario, action, label, alias } of ACTIONS) {
    const needed = good(neededBy(scenario, action));
    const branch = good([...scenario.core, ...scenario.more]);
    const extra = good(scenario.extra);
    const cases: readonly Parts[] = [
      { branch: needed },
      { extra: needed },
      { branch: { ...branch, ...needed } },
      { extra: { ...extra, ...needed } },
    ];
    for (const parts of cases) {
      assert.deepEqual(said(send(behaviour(scenario, action, parts)).warnings), alias, label);
    }
    const inEnvelope = said(send(behaviour(scenario, action, { envelope: needed })).warnings);
    // The envelope itself has a place for these; the others are put into extra data and said so.
    const own = ['position', 'watch_duration', 'completion_rate'];
    const others = Object.keys(needed).filter((name) => !own.includes(name));
    const expected = [...alias, ...others.map((name) => `${name} unknown_field`)];
    assert.deepEqual(inEnvelope, expected, label);
  }
});

/** Measures say of a share above 1 that it looks like a percentage. */
const isNamed = (warnings: readonly Said[], path: string, code: string): boolean =>
  warnings.some(
    ({ field, code: own }) =>
      (field === path || field.startsWith(`${path}[`)) &&
      (own === code || (code === 'range' && own === 'percent')),
  );

test('every field that is of another type, out of range or none of its values is named by its path', () => {
  for (const { scenario, action, label, alias } of ACTIONS) {
    const needed = good(neededBy(scenario, action));
    const places = [
      { path: `scenario_data.${scenario.type}_data.`, fields: [...scenario.core, ...scenario.more] },
      { path: 'extra_data.', fields: scenario.extra },
    ];
    for (const { path, fields } of places) {
      for (const field of fields) {
        for (const [value, code] of badValues(field)) {
          const members = { ...needed, [field.name]: value };
          const parts = path === 'extra_data.' ? { extra: members } : { branch: members };
          // A wrong value also differs from a good one that says the same elsewhere.
          const warnings = send(behaviour(scenario, action, parts)).warnings.filter(
            (one) => one.code !== 'differing_values',
          );
          const about = `${label} ${path}${field.name} = ${JSON.stringify(value)}: ${said(warnings).join()}`;
          assert.ok(isNamed(warnings, path + field.name, code), about);
          assert.equal(warnings.length, alias.length + 1, about);
        }
      }
    }
  }
});

test('all that is wrong is named at once', () => {
  for (const { scenario, action, label } of ACTIONS) {
    const bad = (fields: readonly TableField[]): JsonObject =>
      Object.fromEntries(fields.map((field) => [field.name, badValues(field)[0]?.[0] ?? null]));
    const branchFields = [...scenario.core, ...scenario.more];
    const sent = behaviour(scenario, action, { branch: bad(branchFields), extra: bad(scenario.extra) });
    const { warnings } = send(sent);
    for (const { name } of branchFields) {
      const path = `scenario_data.${scenario.type}_data.${name}`;
      assert.ok(
        warnings.some(({ field }) => field.startsWith(path)),
        `${label} ${path}`,
      );
    }
    for (const { name } of scenario.extra) {
      assert.ok(
        warnings.some(({ field }) => field.startsWith(`extra_data.${name}`)),
        `${label} ${name}`,
      );
    }
  }
});

test('what an action needs and does not get is named with the action and the scenario', () => {
  for (const { scenario, action, label } of ACTIONS) {
    const needed = good(neededBy(scenario, action));
    for (const name of action.required) {
      for (const absent of [undefined, null, '']) {
        const parts = { ...needed, [name]: absent } as Record<string, Json>;
        if (absent === undefined) Reflect.deleteProperty(parts, name);
        const { warnings } = send(behaviour(scenario, action, { extra: parts }));
        const missing = warnings.filter(({ code }) => code === 'required');
        assert.equal(missing.length, 1, `${label} ${name}: ${said(warnings).join()}`);
        const [{ field, message }] = missing as [FieldError];
        assert.equal(field.split('.').at(-1), name);
        assert.ok(message.includes(`${action.action} in ${scenario.type}`), message);
      }
    }
  }
});

test('a wrong value of what an action needs is named wherever it stands', () => {
  for (const { scenario, action, label } of ACTIONS) {
    const needed = good(neededBy(scenario, action));
    for (const field of neededBy(scenario, action)) {
      const places = ['branch', 'extra', 'envelope'] as const;
      const paths = { branch: `scenario_data.${scenario.type}_data.`, extra: 'extra_data.', envelope: '' };
      for (const place of places) {
        // The envelope's own schema refuses a wrong position.
        if (place === 'envelope' && field.name === 'position') continue;
        for (const [value, code] of badValues(field)) {
          const parts = { [place]: { ...needed, [field.name]: value } };
          const { warnings } = send(behaviour(scenario, action, parts));
          const path = paths[place] + field.name;
          const about = `${label} ${path} = ${JSON.stringify(value)}: ${said(warnings).join()}`;
          assert.ok(isNamed(warnings, path, code), about);
          assert.ok(!warnings.some((warning) => warning.code === 'required'), about);
        }
      }
    }
  }
});

/** The other names under which an action may say what it needs. */
const OTHER_NAMES: readonly (readonly [string, string, string, Json])[] = [
  ['video', 'play', 'video_duration', 60],
  ['ecommerce', 'impression', 'discount_rate', 0.11],
  ['news', 'read_end', 'read_progress', 0.85],
  ['music', 'download', 'quality', 'SQ'],
  ['education', 'learn', 'learning_progress', 0.35],
  ['education', 'learn', 'speed', 1.5],
];
const REPLACED: Readonly<Record<string, string>> = {
  video_duration: 'duration',
  read_progress: 'completion_rate',
  learning_progress: 'completion_rate',
};

test('a field is not missing where it stands under another of its names', () => {
  for (const [type, name, alias, value] of OTHER_NAMES) {
    const found = ACTIONS.find(({ scenario, action }) => scenario.type === type && action.action === name);
    assert.ok(found);
    const needed = good(neededBy(found.scenario, found.action));
    Reflect.deleteProperty(needed, REPLACED[alias] ?? alias);
    const { warnings } = send(
      behaviour(found.scenario, found.action, { extra: { ...needed, [alias]: value } }),
    );
    assert.deepEqual(said(warnings), [], `${type} ${name} ${alias}`);
  }
});

test('the data of two scenario types warns, and that of the type named is checked', () => {
  const [video, shop] = TABLE_SCENARIOS;
  assert.ok(video && shop);
  const [click] = video.actions.filter(({ action }) => action === 'like');
  assert.ok(click);
  const sent = {
    ...behaviour(video, click, {}),
    scenario_data: { video_data: { duration: 0 }, ecommerce_data: { price: 'much' } },
  };
  assert.deepEqual(said(send(sent).warnings), [
    'scenario_data several_branches',
    'scenario_data.video_data.duration range',
  ]);
  assert.deepEqual(said(send({ ...sent, scenario_type: 'ecommerce' }).warnings), [
    'scenario_data several_branches',
    'scenario_data.ecommerce_data.price type',
  ]);
});

test('custom data is free', () => {
  const free: JsonObject = { duration: 'long', position: [], any: { thing: [null, 1, 'x'] }, price: -1 };
  for (const type of [{ scenario_type: 'custom' }, {}]) {
    const sent = {
      tenant_id: 'acme',
      scenario_id: 'feed',
      user_id: 'u',
      item_id: 'i',
      action_type: 'share',
      context: { device_type: 'pc' },
      ...type,
      scenario_data: { custom_data: { ...free, position: 3 } },
    };
    const { event, warnings } = send(sent);
    assert.deepEqual(said(warnings), []);
    assert.equal(event.scenario_type, 'custom');
    assert.deepEqual(event.scenario_data, sent.scenario_data);
  }
});

test('an event without a scenario type is checked by none', () => {
  const sent = {
    tenant_id: 'acme',
    scenario_id: 'feed',
    user_id: 'u',
    item_id: 'i',
    action_type: 'click',
    context: { device_type: 'pc' },
    extra_data: { duration: 'long', stock: 'many' },
  };
  const { event, warnings } = send(sent);
  assert.deepEqual(said(warnings), []);
  assert.deepEqual(event.extra_data, sent.extra_data);
});

test('whatever stands in scenario data, the event is taken and keeps it as it was sent', () => {
  const names = TABLE_SCENARIOS.flatMap(({ core, more, extra }) =>
    [...core, ...more, ...extra].map(({ name }) => name),
  );
  const members = fc.dictionary(fc.constantFrom(...names, 'position', 'share_to'), fc.jsonValue());
  fc.assert(
    fc.property(fc.constantFrom(...ACTIONS), members, members, ({ scenario, action }, branch, extra) => {
      const sent = behaviour(scenario, action, {
        branch: branch as JsonObject,
        extra: extra as JsonObject,
      });
      const { event } = send(sent);
      assert.equal(event.scenario_data, sent['scenario_data']);
    }),
    { numRuns: 2000 },
  );
});

test('over HTTP, of each action a good event and one with all wrong are kept, and the answer says why', async () => {
  await using door = await openDoor();
  let sent = 0;
  for (const { scenario, action, label } of ACTIONS) {
    const needed = good(neededBy(scenario, action));
    const wrong = Object.fromEntries(
      scenario.core.map((field) => [field.name, badValues(field).at(-1)?.[0] ?? null]),
    );
    const events = [
      { ...behaviour(scenario, action, { extra: needed }), event_id: `${label} good` },
      { ...behaviour(scenario, action, { extra: needed, branch: wrong }), event_id: `${label} bad` },
    ];
    const { body } = await door.post('/api/v1/behaviors/track/batch', { events });
    const results = body['results'] as readonly { outcome: string; validation_warnings?: Said[] }[];
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['accepted', 'accepted'],
      label,
    );
    // Results without a warning leave the member out.
    assert.deepEqual(results[0]?.validation_warnings ?? [], [], label);
    for (const { name } of scenario.core) {
      const path = `scenario_data.${scenario.type}_data.${name}`;
      assert.ok(
        results[1]?.validation_warnings?.some(({ field }) => field.startsWith(path)),
        `${label} ${path}`,
      );
    }
    sent += events.length;
  }
  const { body: unplaced } = await door.post('/api/v1/behaviors/track', {
    ...behaviour(TABLE_SCENARIOS[0]!, { action: 'click', required: [], optional: [] }, {}),
    event_id: 'unplaced bad',
  });
  assert.deepEqual(said(unplaced['validation_warnings'] as unknown as Said[]), ['position required']);
  const kept = await door.events();
  assert.equal(kept.length, sent + 1);
  for (const { value } of kept) {
    assert.equal(value['valid_status'], 1);
    const bad = (value['event_id'] as string).endsWith('bad');
    if (bad) assert.ok((value['warnings'] as readonly Json[]).length > 0);
  }
  assert.deepEqual(await door.deadLetters(), []);
});
