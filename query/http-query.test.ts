import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before as beforeAll, describe, test } from 'node:test';
import express from 'express';
import type { NextFunction, Request, Response } from 'express';
import { Fault } from '#domain';
import { historyOf, openAsking } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';
import { createQueryRouter } from './http-query.ts';
import { describeQueries } from './openapi.ts';

type Reply = { readonly status: number; readonly body: Record<string, unknown> };

describe('questions over HTTP', () => {
  let asking: Asking;
  let base = '';
  let close: () => void;
  const held = Promise.withResolvers<undefined>();
  const stopped = Promise.withResolvers<undefined>();

  beforeAll(async () => {
    asking = await openAsking();
    await asking.put(
      historyOf(
        'acme',
        ['impression', 'click'].map((name) => ({
          name,
          kind: 'behaviour' as const,
          at: '2024-03-04T10:00:00Z',
          user_id: 'u1',
          item_id: 'i1',
        })),
      ),
    );
    const app = express();
    app.use(express.json());
    app.use(
      createQueryRouter({
        ask: (name, request) => {
          const { question, signal } = request;
          if ((question as { scenario_id?: string }).scenario_id !== 'held') {
            return asking.queries.ask(name, request);
          }
          // A question that takes until its caller goes away.
          held.resolve(undefined);
          return new Promise((_, reject) => {
            signal?.addEventListener('abort', () => {
              stopped.resolve(undefined);
              reject(new Fault('QUERY_TOO_DEAR'));
            });
          });
        },
      }),
    );
    app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
      res
        .status(500)
        .json(error instanceof Fault ? { code: error.code, ...error.details } : { code: String(error) });
    });
    const server = app.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/analytics`;
    close = () => {
      server.closeAllConnections();
      server.close();
    };
  });
  after(async () => {
    close();
    await asking[Symbol.asyncDispose]();
  });

  const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> => {
    const reply = await fetch(`${base}/${path}`, { headers });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  const post = async (
    path: string,
    question: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> => {
    const reply = await fetch(`${base}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(question),
    });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
  };
  const RANGE = 'from=2024-03-04&to=2024-03-05';

  test('lists in an address may be repeated or separated by commas', async () => {
    const names = ({ body }: Reply) =>
      (body['trends'] as { metric_name: string }[]).map(({ metric_name: name }) => name);
    const repeated = await get(`trend?tenant_id=acme&${RANGE}&metrics=ctr&metrics=clicks`);
    const separated = await get(`trend?tenant_id=acme&${RANGE}&metrics=ctr,clicks`);
    assert.deepEqual(names(repeated), ['ctr', 'clicks']);
    assert.deepEqual(names(separated), ['ctr', 'clicks']);
  });

  test('numbers in an address are read as such', async () => {
    const { body } = await get(
      `distribution?tenant_id=acme&start_time=1709510400000&end_time=1709596800000&limit=1`,
    );
    assert.deepEqual(body['distribution'], [{ label: 'i1', count: 1 }]);
    const wrong = await get(`distribution?tenant_id=acme&limit=many`);
    assert.deepEqual([wrong.body['code'], (wrong.body['errors'] as object[]).length], ['QUERY_INVALID', 1]);
  });

  test('a simple event question may stand in an address', async () => {
    const { body } = await get(`events?tenant_id=acme&${RANGE}&event=click`);
    assert.deepEqual(body['series'], [
      { breakdown: null, points: [{ time: '2024-03-04T00:00:00.000Z', value: 1 }] },
    ]);
  });

  test('every figure from facts may be asked for by an address alone', async () => {
    const asked = {
      'hot-items': `${RANGE}&order=ctr&min_impressions=1&filters=[{"property":"item_id","op":"=","value":"i1"}]`,
      'behavior-analysis': `${RANGE}&actions=impression,click&conversion_actions=click`,
      'scenario-metrics': `${RANGE}&scenario_type=video&interval=hour`,
      minutes: 'from=2024-03-04T10:00:00Z&to=2024-03-04T10:01:00Z',
      'user-activity': `${RANGE}&user_id=u1`,
      'item-stats': `${RANGE}&item_id=i1`,
    };
    const bodies: Record<string, Record<string, unknown>> = {};
    for (const [name, question] of Object.entries(asked)) {
      const { status, body } = await get(`${name}?tenant_id=acme&${question}`);
      assert.equal(status, 200, `${name} ${JSON.stringify(body)}`);
      bodies[name] = body;
    }
    assert.deepEqual(bodies['hot-items']?.['items'], [
      { item_id: 'i1', total_impressions: 1, total_clicks: 1, ctr: 100, conversions: 0 },
    ]);
    assert.deepEqual((bodies['behavior-analysis']?.['conversions'] as object[])[0], {
      name: 'conversion',
      events: 1,
      users: 1,
      rate: 100,
    });
    assert.deepEqual(bodies['minutes']?.['points'], [{ time: '2024-03-04T10:00:00.000Z', pv: 2, uv: 1 }]);
    assert.equal((bodies['item-stats']?.['total'] as { clicks: number }).clicks, 1);
    const wrong = await get(`behavior-analysis?tenant_id=acme&actions=dance`);
    assert.deepEqual([wrong.body['code'], (wrong.body['errors'] as object[]).length], ['QUERY_INVALID', 1]);
  });

  test('the tenant comes from the question, else from the header, and both must agree', async () => {
    const header = { 'x-tenant-id': 'acme' };
    const figures = async (reply: Promise<Reply>) => (await reply).body['overview'];
    assert.deepEqual(
      await figures(get(`dashboard?${RANGE}`, header)),
      await figures(get(`dashboard?${RANGE}&tenant_id=acme`)),
    );
    assert.equal((await get(`dashboard?${RANGE}`)).body['code'], 'TENANT_INVALID');
    assert.equal((await get(`dashboard?tenant_id=a-dlq`)).body['code'], 'TENANT_INVALID');
    assert.equal((await get(`dashboard?tenant_id=acme&tenant_id=globex`)).body['code'], 'TENANT_INVALID');
    assert.equal((await get(`dashboard?tenant_id=globex`, header)).body['code'], 'TENANT_MISMATCH');
    const question = { tenant_id: 'globex', start: { event: 'any' } };
    assert.equal((await post('retention', question, header)).body['code'], 'TENANT_MISMATCH');
  });

  test('a question by body may be pinned in its address', async () => {
    const question = {
      tenant_id: 'acme',
      from: '2024-03-04',
      to: '2024-03-05',
      steps: [{ event: 'impression' }, { event: 'click' }],
    };
    const first = await post('funnel', question);
    const token = (first.body['meta'] as { as_of: string }).as_of;
    const pinned = await post(`funnel?as_of=${token}`, question);
    assert.deepEqual(pinned.body['steps'], first.body['steps']);
    assert.equal((pinned.body['meta'] as { as_of: string }).as_of, token);
  });

  test('a body that is no object is refused', async () => {
    assert.equal((await post('funnel', [1])).body['code'], 'QUERY_INVALID');
    const reply = await fetch(`${base}/funnel`, { method: 'POST', body: 'steps' });
    assert.equal(((await reply.json()) as { code: string }).code, 'QUERY_INVALID');
  });

  test('a caller who goes away stops the question', async () => {
    const leaving = new AbortController();
    const asked = fetch(`${base}/dashboard?tenant_id=acme&scenario_id=held`, {
      signal: leaving.signal,
    }).catch(() => undefined);
    await held.promise;
    leaving.abort();
    await asked;
    await stopped.promise;
  });

  test('every route is described with an example', () => {
    const { paths } = describeQueries() as {
      paths: Record<string, Record<string, { responses: Record<number, unknown> }>>;
    };
    const routes = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    assert.deepEqual(routes.sort(), [
      'get /api/analytics/behavior-analysis',
      'get /api/analytics/daily-stats',
      'get /api/analytics/dashboard',
      'get /api/analytics/distribution',
      'get /api/analytics/events',
      'get /api/analytics/hot-items',
      'get /api/analytics/item-stats',
      'get /api/analytics/minutes',
      'get /api/analytics/range',
      'get /api/analytics/scenario-metrics',
      'get /api/analytics/trend',
      'get /api/analytics/user-activity',
      'post /api/analytics/events',
      'post /api/analytics/funnel',
      'post /api/analytics/retention',
    ]);
    assert.equal(JSON.stringify(paths).match(/"operationId"/g)?.length, routes.length);
    const described = JSON.stringify(paths['/api/analytics/minutes']?.['get']?.responses[200]);
    for (const member of ['points', 'time', 'pv', 'uv', 'meta']) {
      assert.ok(new RegExp(`"${member}":\\{"(type|\\$ref)"`).test(described), member);
    }
  });
});
