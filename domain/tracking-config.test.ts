import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from './event.ts';
import type { TenantId } from './tenant-id.ts';
import { decideTrackingConfig, evolveTrackingConfig } from './tracking-config.ts';
import type { TrackingConfig, TrackingConfigCommand, TrackingConfigDecision } from './tracking-config.ts';

const at = { tenant: 'acme' as TenantId, scenario: 'vlog_feed' };
const VIDEO = { scenario_type: 'video', name: 'Vlog feed' } satisfies JsonObject;
const create = (definition: JsonObject = VIDEO): TrackingConfigCommand => ({
  type: 'create',
  ...at,
  definition,
});
const update = (changes: JsonObject, expectedVersion?: number): TrackingConfigCommand => ({
  type: 'update',
  ...at,
  changes,
  ...(expectedVersion === undefined ? {} : { expectedVersion }),
});
const deactivate = { type: 'deactivate', ...at } as const;

/** Decides the commands one after the other, at 1, 2, 3, … ms. */
function decideAll(commands: readonly TrackingConfigCommand[]) {
  let state: TrackingConfig | undefined;
  const decisions: TrackingConfigDecision[] = [];
  for (const [index, command] of commands.entries()) {
    const decided = decideTrackingConfig(state, command, index + 1);
    decisions.push(decided);
    if (decided.ok) for (const event of decided.events) state = evolveTrackingConfig(state, event);
  }
  return { state, decisions };
}

test('a config is created, changed, deactivated and brought back, each as one version', () => {
  const { state, decisions } = decideAll([
    create(),
    update({ description: 'A feed', optional_fields: [{ field_name: 'a', field_type: 'string' }] }),
    deactivate,
    create({ ...VIDEO, name: 'Again' }),
  ]);
  assert.deepEqual(
    decisions.flatMap((decided) =>
      decided.ok ? decided.events.map(({ type, version }) => `${version} ${type}`) : 'no',
    ),
    ['1 config_created', '2 config_updated', '3 config_deactivated', '4 config_reactivated'],
  );
  assert.deepEqual(state, {
    ...at,
    version: 4,
    status: 'active',
    definition: {
      scenario_type: 'video',
      name: 'Again',
      required_fields: [],
      optional_fields: [],
      recommended_actions: [],
    },
    createdAtMs: 1,
    updatedAtMs: 4,
  });
});

test('an update touches the members it names, and null takes one away', () => {
  const field = { field_name: 'a', field_type: 'string', required: true };
  const { state } = decideAll([
    create({ ...VIDEO, description: 'A feed', template_id: 'video', required_fields: [field] }),
    update({ name: 'New' }),
    update({ description: null }),
  ]);
  assert.deepEqual(state?.definition, {
    scenario_type: 'video',
    name: 'New',
    template_id: 'video',
    required_fields: [field],
    optional_fields: [],
    recommended_actions: [],
  });
});

test('a field that is required cannot be declared optional beside it', () => {
  const field = { field_name: 'a', field_type: 'string' };
  const { decisions } = decideAll([
    create({ ...VIDEO, required_fields: [field] }),
    update({ optional_fields: [field] }),
  ]);
  assert.deepEqual(decisions[1], {
    ok: false,
    reason: 'invalid',
    errors: [
      {
        field: 'optional_fields[0].field_name',
        code: 'duplicate',
        message: 'stands at required_fields[0].field_name already',
      },
    ],
  });
});

test('what changes nothing makes no version', () => {
  const { state, decisions } = decideAll([
    create(),
    update({ name: 'Vlog feed' }),
    update({}),
    deactivate,
    deactivate,
  ]);
  assert.equal(state?.version, 2);
  assert.deepEqual(
    decisions.map((decided) => decided.ok && decided.events.length),
    [1, 0, 0, 1, 0],
  );
});

test('what cannot be is refused with the reason', () => {
  const refusals = (commands: readonly TrackingConfigCommand[]) => decideAll(commands).decisions.at(-1);
  assert.deepEqual(refusals([update({})]), { ok: false, reason: 'not_found' });
  assert.deepEqual(refusals([deactivate]), { ok: false, reason: 'not_found' });
  assert.deepEqual(refusals([create(), create()]), { ok: false, reason: 'exists', actual: 1 });
  assert.deepEqual(refusals([create(), deactivate, update({ name: 'x' })]), {
    ok: false,
    reason: 'inactive',
    actual: 2,
  });
  const overtaken = { ok: false, reason: 'version_conflict', actual: 1 };
  assert.deepEqual(refusals([create(), update({ name: 'x' }, 2)]), overtaken);
  assert.deepEqual(refusals([create(), { ...deactivate, expectedVersion: 0 }]), overtaken);
  const errorsOf = (command: TrackingConfigCommand, before: readonly TrackingConfigCommand[] = []) => {
    const refused = refusals([...before, command]);
    return refused?.ok === false && refused.reason === 'invalid'
      ? refused.errors.map(({ field }) => field)
      : refused;
  };
  assert.deepEqual(errorsOf({ ...create({}), scenario: '' }), ['scenario_id', 'scenario_type', 'name']);
  assert.deepEqual(errorsOf({ ...create(), scenario: 'x'.repeat(256) }), ['scenario_id']);
  assert.deepEqual(errorsOf({ ...create(), scenario: '\udc00' }), ['scenario_id']);
  assert.deepEqual(errorsOf(update({ template_id: 'news' }), [create()]), ['template_id']);
  assert.deepEqual(errorsOf(update({ name: null }), [create()]), ['name']);
});

type Story = { readonly version: number; readonly active: boolean; readonly name: string };

/** The same rules once more, about nothing but a name. */
function tell(story: Story, command: TrackingConfigCommand): Story {
  const { version, active, name } = story;
  switch (command.type) {
    case 'create':
      if (active) return story;
      return { version: version + 1, active: true, name: command.definition['name'] as string };
    case 'update': {
      const { changes, expectedVersion = version } = command;
      if (!active || expectedVersion !== version || changes['name'] === name) return story;
      return { version: version + 1, active, name: changes['name'] as string };
    }
    case 'deactivate':
      return active ? { version: version + 1, active: false, name } : story;
  }
}

test('after any commands the versions are 1, 2, 3, … and the newest is what the last change said', () => {
  const names = fc.constantFrom('one', 'two', 'three');
  const commands = fc.array(
    fc.oneof(
      names.map((name) => create({ ...VIDEO, name })),
      fc
        .tuple(names, fc.option(fc.nat(6), { nil: undefined }))
        .map(([name, expected]) => update({ name }, expected)),
      fc.constant<TrackingConfigCommand>(deactivate),
    ),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(commands, (asked) => {
      const told = asked.reduce(tell, { version: 0, active: false, name: '' });
      const { state, decisions } = decideAll(asked);
      const versions = decisions.flatMap((decided) =>
        decided.ok ? decided.events.map((event) => event.version) : [],
      );
      assert.deepEqual(
        versions,
        Array.from({ length: told.version }, (_, n) => n + 1),
      );
      assert.deepEqual(
        {
          version: state?.version ?? 0,
          active: state?.status === 'active',
          name: state?.definition.name ?? '',
        },
        told,
      );
    }),
  );
});
