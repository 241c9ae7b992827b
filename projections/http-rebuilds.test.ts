import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import express from 'express';
import type { ErrorRequestHandler } from 'express';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { Fault } from '#domain';
import type { TenantId } from '#domain';
import { createRebuildRouter } from './http-rebuilds.ts';
import { REBUILD_SCHEMAS } from './rebuild-schemas.ts';
import type { Acting, ProjectionOf, ProjectionStatus, Rebuilds, RebuildStatus } from './rebuilds.ts';

const BY: Acting = { actor: 'ada', reason: 'seconds' };
const REBUILD: RebuildStatus = {
  generation: 2,
  stage: 'different',
  scope: { kind: 'offsets', partition: 1, from: 9_007_199_254_740_993n, to: 9_007_199_254_740_995n },
  by: BY,
  startedAtMs: Date.UTC(2024, 2, 5, 9),
  done: 3,
  total: 4,
  rate: 1.5,
  etaSeconds: null,
  verification: {
    compared: 7,
    different: 1,
    differences: [{ name: '2024-03-04', active: '12', candidate: null, examples: ['2:17'] }],
    checksums: { active: 'aa', candidate: 'bb' },
    vector: [5n, 9_007_199_254_740_995n],
    atMs: Date.UTC(2024, 2, 5, 9, 0, 2),
  },
  accepted: [{ name: '2024-02-*', by: BY }],
  reason: null,
};
const STATUS: ProjectionStatus = {
  projection: 'facts',
  tenant: 'acme' as TenantId,
  version: 2,
  rebuildDue: true,
  active: 1,
  highWater: [5n, 9_007_199_254_740_995n],
  generations: [
    {
      generation: 1,
      role: 'active',
      version: 1,
      createdAtMs: 0,
      confirmed: [5n, 9_007_199_254_740_990n],
      standsStill: 'older logic',
    },
  ],
  rebuild: REBUILD,
};

/** The routes over something that notes what it is told, and answers the status it is given. */
async function opened(t: TestContext) {
  const told: unknown[][] = [];
  const listeners = new Set<() => void>();
  const now: { status: ProjectionStatus; fault?: Fault } = { status: STATUS };
  const note =
    (name: string) =>
    async (...given: unknown[]): Promise<ProjectionStatus> => {
      told.push([name, ...given]);
      if (now.fault) throw now.fault;
      return now.status;
    };
  const rebuilds: Rebuilds = {
    list: async (tenant) => {
      told.push(['list', tenant]);
      return [now.status];
    },
    show: note('show'),
    onChange: (_of: ProjectionOf, listener: () => void) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    rebuild: note('rebuild'),
    pause: note('pause'),
    resume: note('resume'),
    cancel: note('cancel'),
    verify: note('verify'),
    accept: note('accept'),
    activate: note('activate'),
    rollback: note('rollback'),
    drop: note('drop'),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const stop = new AbortController();
  const app = express();
  app.use(express.json());
  app.use(createRebuildRouter({ rebuilds, signal: stop.signal }));
  const failed: ErrorRequestHandler = (error, _req, res, _next) => {
    const fault = error as Fault;
    res.status(418).json({ code: fault.code, details: fault.details });
  };
  app.use(failed);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/projections`;
  const ask = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json', ...headers },
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  return {
    ask,
    url,
    told,
    now,
    stop,
    changed: () => {
      for (const listener of listeners) listener();
    },
    listeners,
  };
}

const isDescribed = addFormats.default(new Ajv2020({ strict: false })).compile(REBUILD_SCHEMAS.Projection);

const OF = { projection: 'facts', tenant: 'acme' };

test('a projection is shown with offsets as digits and times as ISO 8601', async (t) => {
  const { ask, told } = await opened(t);
  const { status, body } = await ask('/facts?tenant_id=acme');
  assert.equal(status, 200);
  assert.deepEqual(told, [['show', OF]]);
  assert.ok(isDescribed(body), JSON.stringify(isDescribed.errors));
  assert.deepEqual(body, {
    projection: 'facts',
    tenant_id: 'acme',
    version: 2,
    rebuild_due: true,
    active_generation: 1,
    high_water: ['5', '9007199254740995'],
    generations: [
      {
        generation: 1,
        role: 'active',
        version: 1,
        created_at: '1970-01-01T00:00:00.000Z',
        confirmed: ['5', '9007199254740990'],
        behind: '5',
        stands_still: 'older logic',
      },
    ],
    rebuild: {
      generation: 2,
      stage: 'different',
      scope: {
        kind: 'offsets',
        partition: 1,
        from_offset: '9007199254740993',
        to_offset: '9007199254740995',
      },
      by: BY,
      started_at: '2024-03-05T09:00:00.000Z',
      done: 3,
      total: 4,
      rate: 1.5,
      eta_seconds: null,
      verification: {
        at: '2024-03-05T09:00:02.000Z',
        vector: ['5', '9007199254740995'],
        compared: 7,
        different: 1,
        checksums: { active: 'aa', candidate: 'bb' },
        differences: [{ name: '2024-03-04', active: '12', candidate: null, examples: ['2:17'] }],
      },
      accepted: [{ name: '2024-02-*', by: BY }],
      reason: null,
    },
  });
});

test('a list is of one tenant, and leaves out what differs in detail', async (t) => {
  const { ask, told } = await opened(t);
  const { body } = await ask('?tenant_id=acme');
  assert.deepEqual(told, [['list', 'acme']]);
  const [one] = body['projections'] as { rebuild: { verification: object } }[];
  assert.equal('differences' in one!.rebuild.verification, false);
  assert.equal((await ask('')).body['code'], 'TENANT_INVALID');
  assert.equal((await ask('', undefined, { 'x-tenant-id': 'umbra' })).status, 200);
  assert.deepEqual(told.at(-1), ['list', 'umbra']);
  const both = await ask('?tenant_id=acme', undefined, { 'x-tenant-id': 'umbra' });
  assert.equal(both.body['code'], 'TENANT_MISMATCH');
});

test('each command reaches its own with what it needs, who asked and why', async (t) => {
  const { ask, told } = await opened(t);
  const by = { actor: 'ada', reason: 'why' };
  for (const [command, members, status, ...expected] of [
    ['rebuild', {}, 202, { scope: { kind: 'all' }, activate: false }],
    [
      'rebuild',
      { event: 'buy', activate: true },
      202,
      { scope: { kind: 'event', event: 'buy' }, activate: true },
    ],
    [
      'rebuild',
      { partition: 1, from_offset: '9007199254740993', to_offset: '9007199254740995' },
      202,
      { scope: REBUILD.scope, activate: false },
    ],
    [
      'rebuild',
      { from: '2024-03-04', to: Date.UTC(2024, 2, 5) },
      202,
      { scope: { kind: 'time', fromMs: Date.UTC(2024, 2, 4), toMs: Date.UTC(2024, 2, 5) }, activate: false },
    ],
    ['pause', {}, 200],
    ['resume', {}, 202],
    ['cancel', {}, 200],
    ['verify', {}, 202],
    ['accept', { names: ['2024-03-*', 'u1/feed'] }, 200, ['2024-03-*', 'u1/feed']],
    ['activate', {}, 200],
    ['rollback', {}, 200],
    ['drop', { generation: 3 }, 200, 3],
  ] as const) {
    const body = { tenant_id: 'acme', reason: 'why', ...members };
    const reply = await ask(`/facts/${command}`, body, { 'x-user-id': 'ada' });
    assert.equal(reply.status, status, JSON.stringify(reply.body));
    assert.equal(reply.body['projection'], 'facts');
    assert.deepEqual(told.at(-1), [command, OF, ...expected, by]);
  }
  assert.equal((await ask('/facts/pause', { tenant_id: 'acme' })).status, 200);
  assert.deepEqual(told.at(-1), ['pause', OF, { actor: 'anonymous', reason: '' }]);
});

test('a command that is not of the form is refused with all that is wrong, and reaches nothing', async (t) => {
  const { ask, told } = await opened(t);
  for (const [command, members, ...wrong] of [
    ['rebuild', { event: '' }, 'event type'],
    ['rebuild', { event: 'a', from: 0, to: 1 }, 'event, from, to scope'],
    ['rebuild', { partition: 1 }, 'partition scope'],
    [
      'rebuild',
      { partition: -1, from_offset: 'x', to_offset: 2.5 },
      'from_offset type',
      'partition type',
      'to_offset type',
    ],
    ['rebuild', { partition: 1, from_offset: 5, to_offset: '5' }, 'to_offset range'],
    ['rebuild', { from: '2024-03-05', to: '2024-03-05' }, 'to range'],
    ['rebuild', { from: 'noon', to: true }, 'from time', 'to time'],
    ['rebuild', { activate: 'yes', generation: 2 }, 'activate type', 'generation unknown_field'],
    ['accept', {}, 'names type'],
    ['accept', { names: ['a', ''] }, 'names type'],
    ['accept', { names: [] }, 'names type'],
    ['drop', {}, 'generation type'],
    ['drop', { generation: 0 }, 'generation type'],
    ['pause', { event: 'a', reason: 7 }, 'event unknown_field', 'reason type'],
    ['cancel', { reason: 'x'.repeat(1_001) }, 'reason type'],
  ] as const) {
    const { body } = await ask(`/facts/${command}`, { tenant_id: 'acme', ...members });
    assert.equal(body['code'], 'PROJECTION_COMMAND_INVALID', JSON.stringify(members));
    const { errors } = body['details'] as { errors: { field: string; code: string }[] };
    assert.deepEqual(errors.map(({ field, code }) => `${field} ${code}`).sort(), wrong);
  }
  assert.equal((await ask('/facts/pause', [])).body['code'], 'PROJECTION_COMMAND_INVALID');
  assert.equal((await ask('/facts/pause', {})).body['code'], 'TENANT_INVALID');
  assert.deepEqual(told, []);
});

test('what is refused or unknown is passed on, also where progress was asked for', async (t) => {
  const { ask, now } = await opened(t);
  now.fault = new Fault('PROJECTION_COMMAND_REFUSED', undefined, { details: { reason: 'nothing runs' } });
  assert.deepEqual((await ask('/facts/pause', { tenant_id: 'acme' })).body, {
    code: 'PROJECTION_COMMAND_REFUSED',
    details: { reason: 'nothing runs' },
  });
  now.fault = new Fault('PROJECTION_UNKNOWN');
  assert.equal((await ask('/fact?tenant_id=acme')).body['code'], 'PROJECTION_UNKNOWN');
  assert.equal((await ask('/fact/progress?tenant_id=acme')).body['code'], 'PROJECTION_UNKNOWN');
});

/** Lines of an answer that goes on, one at a time. */
async function following(url: string, accept?: string) {
  const request = get(url, { headers: accept === undefined ? {} : { accept } });
  const [response] = (await once(request, 'response')) as [
    NodeJS.ReadableStream & { headers: Record<string, string> },
  ];
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : value;
  };
  return { request, next, type: response.headers['content-type'] };
}

const doneOf = (line: string | undefined): number =>
  (JSON.parse(line ?? 'null') as { rebuild: { done: number } }).rebuild.done;

test('progress tells how it stands at once and whenever it has changed, and ends with the platform', async (t) => {
  const { url, now, changed, stop, listeners, told } = await opened(t);
  const { next, type } = await following(`${url}/facts/progress?tenant_id=acme`);
  assert.equal(type, 'application/x-ndjson; charset=utf-8');
  const first = await next();
  assert.equal(doneOf(first), 3);
  assert.equal(first?.includes('differences'), false);
  // What has not changed is looked at and not told again.
  changed();
  while (told.length < 2) await new Promise((resolve) => setImmediate(resolve));
  now.status = { ...STATUS, rebuild: { ...REBUILD, done: 4 } };
  changed();
  assert.equal(doneOf(await next()), 4);
  assert.equal(listeners.size, 1);
  stop.abort();
  assert.equal(await next(), undefined);
  assert.equal(listeners.size, 0);
});

test('progress is told as server-sent events to those who ask for them, until they go', async (t) => {
  const { url, now, changed, listeners } = await opened(t);
  const { next, type, request } = await following(
    `${url}/facts/progress?tenant_id=acme`,
    'text/event-stream',
  );
  assert.equal(type, 'text/event-stream; charset=utf-8');
  assert.match((await next()) ?? '', /^data: \{"projection":"facts"/);
  assert.equal(await next(), '');
  now.status = { ...STATUS, rebuild: null };
  changed();
  assert.match((await next()) ?? '', /^data: .*"rebuild":null\}$/);
  request.destroy();
  while (listeners.size > 0) await new Promise((resolve) => setImmediate(resolve));
});
