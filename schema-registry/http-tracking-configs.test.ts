import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Json, JsonObject, ScenarioTemplate } from '#domain';
import { openConfigDoor } from '../test/config-door.ts';
import type { ConfigDoor } from '../test/config-door.ts';
import { NOW_MS } from '../test/door.ts';
import type { Door } from '../test/door.ts';
import { TRACKING_CONFIG_SCHEMAS } from './openapi-tracking-configs.ts';

const BASE = '/api/v1/tracking-configs';
const NOW = '2026-07-01T12:00:00.000Z';
const DURATION = {
  field_name: 'duration',
  field_type: 'integer',
  required: true,
  min_value: 1,
  max_value: 600,
};
const BUFFER_TIME = { field_name: 'buffer_time', field_type: 'integer', required: false, description: 'ms' };
const FEED = {
  scenario_type: 'video',
  name: 'Vlog feed',
  description: 'The feed of the start page',
  required_fields: [{ ...DURATION, description: 's' }],
};
const TEMPLATES: readonly ScenarioTemplate[] = [
  {
    template_id: 'video',
    scenario_type: 'video',
    name: 'Video',
    description: 'Videos of any length',
    required_fields: [{ ...DURATION, field_type: 'integer' }],
    optional_fields: [{ ...BUFFER_TIME, field_type: 'integer' }],
    recommended_actions: ['impression', 'play'],
  },
  {
    template_id: 'news',
    scenario_type: 'news',
    name: 'News',
    description: 'Articles',
    required_fields: [],
    optional_fields: [{ field_name: 'is_hot', field_type: 'boolean', required: false }],
    recommended_actions: ['read'],
  },
];

type Reply = { readonly status: number; readonly type: string | null; readonly body: JsonObject };

describe('tracking configs over HTTP', () => {
  let opened: ConfigDoor;
  let door: Door;
  let base = '';

  beforeAll(async () => {
    opened = await openConfigDoor(TEMPLATES);
    door = opened.door;
    base = opened.address;
  });
  after(() => opened[Symbol.asyncDispose]());

  const ask = async (method: string, path: string, body?: Json, headers: Record<string, string> = {}) => {
    const reply = await fetch(base + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const type = reply.headers.get('content-type');
    return { status: reply.status, type, body: (await reply.json()) as JsonObject } satisfies Reply;
  };
  /** Code of a fault, and where it says something is wrong. */
  const refused = ({ status, body }: Reply): string => {
    const { code, details } = body['error'] as { code: string; details?: { errors?: { field: string }[] } };
    return [status, code, ...(details?.errors ?? []).map(({ field }) => field)].join(' ');
  };
  const track = (tenant: string, scenario: string, video_data: JsonObject) =>
    door.post('/api/v1/behaviors/track', {
      tenant_id: tenant,
      scenario_id: scenario,
      user_id: 'u1',
      item_id: 'i1',
      action_type: 'click',
      timestamp: NOW_MS - 1000,
      position: 1,
      context: { device_type: 'mobile' },
      scenario_data: { video_data },
    });
  const warned = async (...asked: Parameters<typeof track>): Promise<readonly string[]> => {
    const { status, body } = await track(...asked);
    assert.equal(status, 200);
    return (body['validation_warnings'] as unknown as { field: string; code: string }[]).map(
      ({ field, code }) => `${field} ${code}`,
    );
  };

  test('the templates are listed', async () => {
    const { status, body } = await ask('GET', `${BASE}/templates/`);
    assert.equal(status, 200);
    assert.deepEqual(body, { templates: TEMPLATES });
  });

  test('changing a tracking config changes the warnings of the next event without a restart', async () => {
    const address = `${BASE}/mymx/first`;
    assert.deepEqual(await warned('mymx', 'first', { duration: 700 }), []);
    const steps: (readonly [status: number, () => Promise<Reply>, warnings: readonly string[]])[] = [
      [
        201,
        () => ask('POST', `${BASE}/`, { tenant_id: 'mymx', scenario_id: 'first', ...FEED }),
        ['scenario_data.video_data.duration range'],
      ],
      [
        200,
        () =>
          ask('PUT', address, {
            required_fields: [],
            optional_fields: [{ ...BUFFER_TIME, required: false }],
          }),
        [],
      ],
      [
        200,
        () => ask('PUT', address, { required_fields: [{ field_name: 'title', field_type: 'string' }] }),
        ['scenario_data.video_data.title required'],
      ],
      [200, () => ask('DELETE', address), []],
    ];
    for (const [expected, step, warnings] of steps) {
      const { status, body } = await step();
      assert.equal(status, expected, JSON.stringify(body));
      assert.deepEqual(await warned('mymx', 'first', { duration: 700 }), warnings);
    }
  });

  test('a config is created, read, changed and deactivated, with who and why', async () => {
    const address = `${BASE}/mymx/vlog_feed`;
    const created = await ask(
      'POST',
      `${BASE}/`,
      { tenant_id: 'mymx', scenario_id: 'vlog_feed', ...FEED, reason: 'first' },
      { 'x-user-id': 'ada' },
    );
    assert.equal(created.status, 201);
    assert.deepEqual(created.body, {
      tenant_id: 'mymx',
      scenario_id: 'vlog_feed',
      version: 1,
      status: 'active',
      ...FEED,
      optional_fields: [],
      recommended_actions: [],
      created_at: NOW,
      updated_at: NOW,
      change: { type: 'config_created', by: 'ada', authenticated: false, reason: 'first' },
      lint: [],
    });
    assert.deepEqual((await ask('GET', address)).body, created.body);

    const changed = await ask('PUT', address, { optional_fields: [BUFFER_TIME], expected_version: 1 });
    const lint = [
      {
        field: 'optional_fields[0]',
        code: 'no_range',
        message: 'buffer_time is a number without min_value and max_value',
      },
    ];
    const change = { type: 'config_updated', by: 'anonymous', authenticated: false };
    const second = { ...created.body, version: 2, optional_fields: [BUFFER_TIME], change, lint };
    assert.deepEqual(changed.body, second);
    assert.equal(
      refused(await ask('PUT', address, { name: 'x', expected_version: 1 })),
      '409 SCHEMA_VERSION_CONFLICT',
    );
    assert.equal(
      refused(await ask('DELETE', `${address}?expected_version=1`)),
      '409 SCHEMA_VERSION_CONFLICT',
    );

    const gone = await ask('DELETE', `${address}?expected_version=2&reason=unused`, undefined, {
      'x-user-id': 'bob',
    });
    const last = {
      ...second,
      version: 3,
      status: 'inactive',
      change: { type: 'config_deactivated', by: 'bob', authenticated: false, reason: 'unused' },
    };
    assert.equal(gone.status, 200);
    assert.deepEqual(gone.body, last);
    assert.deepEqual((await ask('GET', address)).body, last);
    assert.equal(refused(await ask('PUT', address, { name: 'x' })), '409 SCHEMA_INACTIVE');

    const versions = await ask('GET', `${address}/versions`);
    assert.deepEqual(versions.body, { versions: [created.body, second, last] });
    assert.deepEqual((await ask('GET', `${address}/versions/2`)).body, second);
    assert.equal(refused(await ask('GET', `${address}/versions/4`)), '404 SCHEMA_NOT_FOUND');
    assert.equal(refused(await ask('GET', `${address}/versions/x`)), '404 SCHEMA_NOT_FOUND');

    const back = await ask('POST', BASE, { tenant_id: 'mymx', scenario_id: 'vlog_feed', ...FEED });
    assert.equal(back.status, 201);
    assert.equal(back.body['version'], 4);
    assert.equal(
      refused(await ask('POST', BASE, { tenant_id: 'mymx', scenario_id: 'vlog_feed', ...FEED })),
      '409 SCHEMA_EXISTS',
    );
  });

  test('a config is made from a template, with what its author adds', async () => {
    const asked = { tenant_id: 'mymx', scenario_id: 'templated', template_id: 'video', name: 'My feed' };
    const { status, body } = await ask('POST', `${BASE}/from-template`, asked);
    assert.equal(status, 201);
    const { version, template_id, name, description, required_fields, optional_fields, recommended_actions } =
      body;
    assert.deepEqual(
      { version, template_id, name, description, required_fields, optional_fields, recommended_actions },
      {
        version: 1,
        template_id: 'video',
        name: 'My feed',
        description: 'Videos of any length',
        required_fields: [DURATION],
        optional_fields: [BUFFER_TIME],
        recommended_actions: ['impression', 'play'],
      },
    );
    assert.deepEqual(await warned('mymx', 'templated', { duration: 601 }), [
      'scenario_data.video_data.duration range',
    ]);
    assert.equal(
      refused(
        await ask('POST', `${BASE}/from-template`, { ...asked, scenario_id: 'x', template_id: 'film' }),
      ),
      '400 SCHEMA_INVALID template_id',
    );
  });

  test('configs are listed by tenant, type and status', async () => {
    for (const [scenario_id, scenario_type] of [
      ['b', 'video'],
      ['a', 'video'],
      ['c', 'news'],
    ] as const) {
      await ask('POST', BASE, { tenant_id: 'lists', scenario_id, scenario_type, name: 'x' });
    }
    await ask('DELETE', `${BASE}/lists/b`);
    const list = async (query: string, headers: Record<string, string> = {}): Promise<Json> => {
      const { status, body } = await ask('GET', `${BASE}/?${query}`, undefined, headers);
      assert.equal(status, 200);
      const configs = body['configs'] as readonly JsonObject[];
      assert.equal(body['total'], configs.length);
      return configs.map((config) => config['scenario_id'] ?? null);
    };
    assert.deepEqual(await list('tenant_id=lists'), ['a', 'b', 'c']);
    assert.deepEqual(await list('', { 'x-tenant-id': 'lists' }), ['a', 'b', 'c']);
    assert.deepEqual(await list('tenant_id=lists&scenario_type=video'), ['a', 'b']);
    assert.deepEqual(await list('tenant_id=lists&scenario_type=video&status=active'), ['a']);
    assert.deepEqual(await list('tenant_id=lists&status=inactive'), ['b']);
    assert.deepEqual(await list('tenant_id=nobody'), []);
  });

  test('the schema of a config is JSON Schema that holds valid and invalid apart', async () => {
    await ask('POST', BASE, { tenant_id: 'mymx', scenario_id: 'schema', ...FEED });
    const { type, body } = await ask('GET', `${BASE}/mymx/schema/schema`);
    assert.match(type ?? '', /^application\/schema\+json/);
    assert.equal(body['$comment'], 'config.mymx.schema, version 1');
    const validate = new Ajv2020().compile(body);
    assert.equal(validate({ duration: 600 }), true);
    assert.equal(validate({ duration: 601 }), false);
    assert.equal(validate({}), false);
  });

  test('what is wrong with a request is said by name, and changes nothing', async () => {
    const at = { tenant_id: 'mymx', scenario_id: 'bad' };
    const cases: (readonly [string, string, string, Json?, Record<string, string>?])[] = [
      ['400 SCHEMA_INVALID scenario_id scenario_type name', 'POST', BASE, { tenant_id: 'mymx' }],
      ['400 SCHEMA_INVALID ', 'POST', BASE, []],
      ['400 SCHEMA_INVALID ', 'POST', BASE],
      ['400 SCHEMA_INVALID scenario_id', 'POST', BASE, { ...at, ...FEED, scenario_id: 7 }],
      ['400 SCHEMA_INVALID reason', 'POST', BASE, { ...at, ...FEED, reason: 7 }],
      ['400 SCHEMA_INVALID version', 'POST', BASE, { ...at, ...FEED, version: 7 }],
      [
        '400 SCHEMA_INVALID required_fields[0].field_type optional_fields[0].field_name',
        'POST',
        BASE,
        {
          ...at,
          ...FEED,
          required_fields: [{ field_name: 'a', field_type: 'x' }],
          optional_fields: [{ field_name: 'a', field_type: 'string' }],
        },
      ],
      ['400 TENANT_INVALID tenant_id', 'POST', BASE, { ...FEED, scenario_id: 'bad' }],
      ['400 TENANT_INVALID tenant_id', 'POST', BASE, { ...at, ...FEED, tenant_id: 'A B' }],
      ['403 TENANT_MISMATCH', 'POST', BASE, { ...at, ...FEED }, { 'x-tenant-id': 'other' }],
      ['400 TENANT_INVALID tenant_id', 'GET', BASE],
      ['400 TENANT_INVALID tenant_id', 'GET', `${BASE}/A/bad`],
      [
        '400 SCHEMA_INVALID scenario_type status',
        'GET',
        `${BASE}?tenant_id=mymx&scenario_type=film&status=gone`,
      ],
      ['404 SCHEMA_NOT_FOUND', 'GET', `${BASE}/mymx/bad`],
      ['404 SCHEMA_NOT_FOUND', 'GET', `${BASE}/mymx/bad/versions`],
      ['404 SCHEMA_NOT_FOUND', 'GET', `${BASE}/mymx/bad/versions/1`],
      ['404 SCHEMA_NOT_FOUND', 'GET', `${BASE}/mymx/bad/schema`],
      ['404 SCHEMA_NOT_FOUND', 'PUT', `${BASE}/mymx/bad`, { name: 'x' }],
      ['404 SCHEMA_NOT_FOUND', 'DELETE', `${BASE}/mymx/bad`],
      ['403 TENANT_MISMATCH', 'PUT', `${BASE}/mymx/bad`, { tenant_id: 'other' }],
      ['400 SCHEMA_INVALID scenario_id', 'PUT', `${BASE}/mymx/bad`, { scenario_id: 'x' }],
      ['400 SCHEMA_INVALID expected_version', 'PUT', `${BASE}/mymx/bad`, { expected_version: '1' }],
      ['400 SCHEMA_INVALID expected_version', 'DELETE', `${BASE}/mymx/bad?expected_version=x`],
      ['405 METHOD_NOT_ALLOWED', 'PATCH', `${BASE}/mymx/bad`, {}],
      ['405 METHOD_NOT_ALLOWED', 'PUT', BASE, {}],
    ];
    for (const [expected, method, path, body, headers] of cases) {
      assert.equal(
        refused(await ask(method, path, body, headers)),
        expected,
        `${method} ${path} ${JSON.stringify(body)}`,
      );
    }
    assert.equal(door.configs.get('mymx' as never, 'bad'), undefined);
  });

  test('no route shows or changes what is another tenant’s, under whatever id', async () => {
    const scenario_id = 'shared/id ü';
    const path = (tenant: string): string => `${BASE}/${tenant}/${encodeURIComponent(scenario_id)}`;
    await ask('POST', BASE, { tenant_id: 'one', scenario_id, ...FEED, name: 'of one' });
    await ask('POST', BASE, { tenant_id: 'two', scenario_id, ...FEED, name: 'of two' });
    const before = JSON.stringify((await ask('GET', `${path('two')}/versions`)).body);
    await ask('PUT', path('one'), { name: 'changed', required_fields: [] });
    await ask('DELETE', path('one'));
    const headers = { 'x-tenant-id': 'one' };
    const asked: (readonly [string, string, Json?])[] = [
      ['GET', path('two')],
      ['GET', `${path('two')}/versions`],
      ['GET', `${path('two')}/versions/1`],
      ['GET', `${path('two')}/schema`],
      ['GET', `${BASE}?tenant_id=two`],
      ['PUT', path('two'), { name: 'x' }],
      ['DELETE', path('two')],
    ];
    for (const [method, address, body] of asked) {
      assert.equal(
        refused(await ask(method, address, body, headers)),
        '403 TENANT_MISMATCH',
        `${method} ${address}`,
      );
    }
    assert.equal(JSON.stringify((await ask('GET', `${path('two')}/versions`)).body), before);
    assert.ok(!JSON.stringify((await ask('GET', `${BASE}?tenant_id=one`)).body).includes('of two'));
    assert.deepEqual(await warned('one', scenario_id, {}), []);
    assert.deepEqual(await warned('two', scenario_id, {}), ['scenario_data.video_data.duration required']);
  });

  test('every documented example is answered as documented', async () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'api', components: { schemas: TRACKING_CONFIG_SCHEMAS } });
    const fits = ajv.compile({ $ref: 'api#/components/schemas/TrackingConfig' });
    const examples = TRACKING_CONFIG_SCHEMAS;
    const replies = [
      await ask('POST', BASE, { ...examples.NewTrackingConfig.examples[0], tenant_id: 'docs' }),
      await ask('PUT', `${BASE}/docs/vlog_feed`, examples.TrackingConfigChange.examples[0]),
      await ask('POST', `${BASE}/from-template`, {
        ...examples.TrackingConfigFromTemplate.examples[0],
        tenant_id: 'docs2',
      }),
    ];
    for (const { status, body } of replies) {
      assert.ok(status < 300, JSON.stringify(body));
      assert.ok(fits(body), ajv.errorsText(fits.errors));
    }
  });
});
