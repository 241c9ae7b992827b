import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import express from 'express';
import type { ErrorRequestHandler } from 'express';
import { createRebuildRouter } from '#projections';
import type { ProjectionDocument } from '#projections';
import { runProgram } from '../../ops/cli/program.ts';
import { answerFault, faultOf } from '../../ops/fault-status.ts';
import { eventsOf, openRebuildHouse, withOtherLogic } from '../rebuild-house.ts';
import type { HouseOptions } from '../rebuild-house.ts';
import { tenantId } from '../tenant-id.ts';

const ACME = tenantId('acme');
const UMBRA = tenantId('umbra');

/** The commands about projections over a real socket, on facts that are really rebuilt. */
async function opened(t: TestContext, options: HouseOptions = {}) {
  const house = await openRebuildHouse(options);
  const stop = new AbortController();
  const app = express();
  app.use(express.json());
  app.use(createRebuildRouter({ rebuilds: house.rebuilds, signal: stop.signal }));
  const failed: ErrorRequestHandler = (error, _req, res, _next) => {
    answerFault(res, faultOf(error), 'r');
  };
  app.use(failed);
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    stop.abort();
    server.closeAllConnections();
    server.close();
    await house[Symbol.asyncDispose]();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = async (tenant: string, ...words: string[]) => {
    const written = { out: '', err: '' };
    const end = await runProgram(['projections', ...words, '--tenant', tenant, '--url', url], {
      version: '1',
      nodeVersion: 'v24.0.0',
      start: () => Promise.reject(new Error('not here')),
      engineChecks: () => [],
      lock: () => Promise.reject(new Error('not here')),
      around: {
        env: {},
        out: (text) => (written.out += text),
        err: (text) => (written.err += text),
        fetch,
        readFile: () => '',
        interrupted: () => new AbortController().signal,
      },
    });
    return { ...written, end };
  };
  const show = async (tenant: string): Promise<ProjectionDocument> =>
    JSON.parse((await run(tenant, 'show', 'facts', '--json')).out) as ProjectionDocument;
  return { house, run, show };
}

test('facts are rebuilt, activated, rolled back and dropped from the command line, of one tenant alone', async (t) => {
  const { house, run, show } = await opened(t);
  for (const tenant of [ACME, UMBRA])
    await house.folded(tenant, await house.append(tenant, eventsOf(tenant, 0, 400)));
  const rebuilt = await run('acme', 'rebuild', 'facts', '--as', 'ada', '--reason', 'to be sure');
  assert.deepEqual(rebuilt.end, { exit: 0 }, rebuilt.err + rebuilt.out);
  assert.match(rebuilt.err, /^facts of acme {2}folding /m);
  assert.match(rebuilt.out, /^ {2}verified .* \d+ days? compared, all equal$/m);
  assert.match(rebuilt.out, /^ {2}daybook projections activate facts --tenant acme$/m);
  const ready = await show('acme');
  assert.deepEqual(
    [ready.active_generation, ready.rebuild?.stage, ready.rebuild?.done, ready.rebuild?.by],
    [1, 'ready', 400, { actor: 'ada', reason: 'to be sure' }],
  );

  const again = await run('acme', 'rebuild', 'facts');
  assert.deepEqual(again.end, { exit: 1 });
  assert.match(again.err, /^daybook: PROJECTION_COMMAND_REFUSED: /);
  assert.deepEqual((await run('acme', 'activate', 'facts')).end, { exit: 0 });
  assert.equal((await show('acme')).active_generation, 2);
  assert.deepEqual((await run('acme', 'verify', 'facts')).end, { exit: 0 });
  assert.deepEqual((await run('acme', 'rollback', 'facts')).end, { exit: 0 });
  assert.equal((await show('acme')).active_generation, 1);
  assert.deepEqual((await run('acme', 'drop', 'facts', '2')).end, { exit: 0 });
  assert.deepEqual(
    (await show('acme')).generations.map(({ role, behind }) => [role, behind]),
    [
      ['active', '0'],
      ['dropped', null],
    ],
  );

  const other = await show('umbra');
  assert.deepEqual([other.generations.length, other.rebuild], [1, null]);
  const listed = await run('umbra', 'list');
  assert.match(listed.out, /^facts +1 /m);
  assert.match((await run('nobody', 'list')).err, /TENANT_UNKNOWN/);
  assert.match((await run('acme', 'show', 'fact')).err, /PROJECTION_UNKNOWN/);
});

test('logic that gives other facts is named by day, and serves only once that has been accepted', async (t) => {
  const { house, run, show } = await opened(t, {
    facts: withOtherLogic((event) =>
      event.event_id === 'evt_3' ? { ...event, properties: { page: 9 } } : event,
    ),
  });
  const events = eventsOf(ACME, 0, 60);
  await house.folded(ACME, await house.append(ACME, events));
  const { timestamp = 0 } = events.find(({ event_id: id }) => id === 'evt_3') ?? {};
  const day = new Date(timestamp).toISOString().slice(0, 10);
  const rebuilt = await run('acme', 'rebuild', 'facts', '--activate');
  assert.deepEqual(rebuilt.end, { exit: 3 }, rebuilt.err + rebuilt.out);
  assert.match(rebuilt.out, new RegExp(`^${day}\\S* `, 'm'));
  assert.match(rebuilt.out, /1 different$/m);
  assert.match(
    rebuilt.out,
    new RegExp(`^ {2}daybook projections accept facts \\S*${day}\\S* --tenant acme$`, 'm'),
  );
  assert.match((await run('acme', 'activate', 'facts')).err, /PROJECTION_COMMAND_REFUSED/);
  assert.equal((await show('acme')).active_generation, 1);
  assert.deepEqual((await run('acme', 'accept', 'facts', `${day}*`)).end, { exit: 0 });
  assert.deepEqual((await run('acme', 'activate', 'facts')).end, { exit: 0 });
  assert.equal((await show('acme')).active_generation, 2);
});
