import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProjectionDocument, RebuildDocument } from '#projections';
import { runProgram } from './program.ts';
import type { ProgramOptions } from './program.ts';

const REBUILD: RebuildDocument = {
  generation: 2,
  stage: 'folding',
  scope: { kind: 'all' },
  by: { actor: 'ada', reason: 'seconds' },
  started_at: '2024-03-05T09:00:00.000Z',
  done: 120_000,
  total: 285_000,
  rate: 31_200,
  eta_seconds: 5.3,
  verification: null,
  accepted: [],
  reason: null,
};
const DIFFERENT: RebuildDocument = {
  ...REBUILD,
  stage: 'different',
  done: 285_000,
  rate: null,
  eta_seconds: null,
  verification: {
    at: '2024-03-05T09:00:09.000Z',
    vector: ['285000'],
    compared: 31,
    different: 3,
    checksums: { active: 'aa', candidate: 'bb' },
    differences: [
      { name: '2024-02-29', active: '5 rows', candidate: '6 rows', examples: ['2:17 only rebuilt'] },
      { name: '2024-03-04', active: '12 rows', candidate: null, examples: [] },
      { name: "it's \u001b[31m", active: null, candidate: '1 row', examples: ['a', 'b'] },
    ],
  },
  accepted: [{ name: '2024-02-*', by: { actor: 'ada', reason: '' } }],
};
const STATUS: ProjectionDocument = {
  projection: 'facts',
  tenant_id: 'acme',
  version: 2,
  rebuild_due: false,
  active_generation: 1,
  high_water: ['285000'],
  generations: [
    {
      generation: 1,
      role: 'active',
      version: 1,
      created_at: '2024-03-01T00:00:00.000Z',
      confirmed: ['285000'],
      behind: '0',
      stands_still: null,
    },
  ],
  rebuild: REBUILD,
};
const at = (rebuild: Partial<RebuildDocument>): ProjectionDocument => ({
  ...STATUS,
  rebuild: { ...REBUILD, ...rebuild },
});

type Answer = string | ((signal: AbortSignal | null | undefined) => Response);

/** The command line with a platform that answers as it is told to. */
function surroundings(answers: Readonly<Record<string, Answer>>, interactive = false) {
  const written = { out: '', err: '' };
  const asked: { what: string; body: unknown; actor: string | null }[] = [];
  const interrupt = new AbortController();
  const ask = async (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(address);
    const { method = 'GET', body, headers, signal } = init ?? {};
    asked.push({
      what: `${method} ${url.pathname}${url.search}`,
      body: typeof body === 'string' ? (JSON.parse(body) as unknown) : undefined,
      actor: new Headers(headers).get('x-user-id'),
    });
    const answer = answers[`${method} ${url.pathname}`];
    assert.ok(answer !== undefined, `${method} ${url.pathname}`);
    return typeof answer === 'string' ? new Response(answer) : answer(signal);
  };
  const options: ProgramOptions = {
    version: '1',
    nodeVersion: 'v24.0.0',
    start: () => Promise.reject(new Error('not here')),
    engineChecks: () => [],
    lock: () => Promise.reject(new Error('not here')),
    around: {
      env: {},
      out: (text) => (written.out += text),
      err: (text) => (written.err += text),
      fetch: ask,
      readFile: () => '',
      interrupted: () => interrupt.signal,
      interactive,
      columns: 80,
    },
  };
  const run = (...words: string[]) => runProgram(['projections', ...words, '-t', 'acme'], options);
  return { run, written, asked, interrupt };
}

const json = (value: unknown): string => JSON.stringify(value);
const lines = (...statuses: ProjectionDocument[]): string => statuses.map((one) => `${json(one)}\n`).join('');

test('list tells of every projection how far it is, and how to rebuild one that is due', async () => {
  const due = {
    ...STATUS,
    projection: 'items',
    rebuild_due: true,
    generations: [{ ...STATUS.generations[0]!, behind: '1200', stands_still: 'older logic' }],
    rebuild: null,
  };
  const { run, written, asked } = surroundings({
    'GET /api/v1/projections': json({ projections: [STATUS, due] }),
  });
  assert.deepEqual(await run('list'), { exit: 0 });
  assert.equal(asked[0]?.what, 'GET /api/v1/projections?tenant_id=acme');
  assert.equal(
    written.out,
    [
      'projection  generation  version            behind  stands still  last rebuild',
      '----------  ----------  -----------------  ------  ------------  -------------------------',
      'facts                1  2                  0                     generation 2 folding 42 %',
      'items                1  1, the code has 2  1,200   older logic',
      '',
      'items was folded by older logic and does not go on by newer. Rebuild it:',
      '  daybook projections rebuild items --tenant acme',
      '',
    ].join('\n'),
  );
});

test('a rebuild is begun with what was asked, watched, and shown when it is over', async () => {
  const { run, written, asked } = surroundings({
    'POST /api/v1/projections/facts/rebuild': json(at({ done: 0, rate: null, eta_seconds: null })),
    'GET /api/v1/projections/facts/progress': lines(
      at({}),
      at({ done: 140_000 }),
      at({ stage: 'verifying', done: 285_000, rate: null, eta_seconds: null }),
      { ...STATUS, rebuild: { ...DIFFERENT, verification: null } },
    ),
    'GET /api/v1/projections/facts': json({ ...STATUS, rebuild: DIFFERENT }),
  });
  const words = ['--event', 'buy', '--reason', 'seconds', '--as', 'ada'];
  assert.deepEqual(await run('rebuild', 'facts', ...words), { exit: 3 });
  assert.deepEqual(asked[0], {
    what: 'POST /api/v1/projections/facts/rebuild',
    body: { tenant_id: 'acme', activate: false, event: 'buy', reason: 'seconds' },
    actor: 'ada',
  });
  assert.equal(
    written.err,
    [
      'facts of acme  folding  [####------]  42 %  5.3 s left  31,200/s  120,000 of 285,000 records',
      'facts of acme  verifying  [##########]  100 %  285,000 of 285,000 records',
      'facts of acme  different  [##########]  100 %  285,000 of 285,000 records',
      '',
    ].join('\n'),
  );
  assert.match(written.out, /verified {2}2024-03-05T09:00:09.000Z, 31 days compared, 3 different/);
});

test('what is due is not offered while it is under way, nor differences listed of what was given up', async () => {
  const shown = async (rebuild: RebuildDocument, due = true): Promise<string> => {
    const { run, written } = surroundings({
      'GET /api/v1/projections/facts': json({ ...STATUS, rebuild_due: due, rebuild }),
    });
    await run('show', 'facts');
    return written.out;
  };
  assert.doesNotMatch(await shown(REBUILD), /projections rebuild/);
  assert.match(await shown({ ...REBUILD, stage: 'cancelled' }), /daybook projections rebuild facts/);
  const cancelled = await shown({ ...DIFFERENT, stage: 'cancelled' });
  assert.match(cancelled, /3 different/);
  assert.doesNotMatch(cancelled, /2024-03-04/);
});

test('which generation serves is said by its role, also after a rollback', async () => {
  const [first] = STATUS.generations;
  const generations = (roles: readonly string[]) =>
    roles.map((role, index) => ({ ...first!, generation: index + 1, role }));
  const next = async (active: number, ...roles: string[]): Promise<string> => {
    const status = {
      ...at({ stage: 'activated' }),
      active_generation: active,
      generations: generations(roles),
    };
    const { run, written } = surroundings({ 'GET /api/v1/projections/facts': json(status) });
    await run('show', 'facts');
    return written.out.slice(written.out.indexOf('\nGeneration') + 1);
  };
  assert.equal(
    await next(1, 'active', 'previous'),
    'Generation 1 serves, and generation 2 may again. Let the one before serve again:\n' +
      '  daybook projections rollback facts --tenant acme\n' +
      'Or let one go:\n' +
      '  daybook projections drop facts 2 --tenant acme\n',
  );
  assert.match(
    await next(3, 'previous', 'previous', 'active'),
    /^Generation 3 serves, and generations 1, 2 may/,
  );
  assert.equal(await next(2, 'dropped', 'active'), 'Generation 2 serves.\n');
});

test('differences are a table with an example, what is accepted is marked, and the next command is given', async () => {
  const { run, written } = surroundings({
    'GET /api/v1/projections/facts': json({ ...STATUS, rebuild: DIFFERENT }),
  });
  assert.deepEqual(await run('show', 'facts'), { exit: 0 });
  assert.equal(
    written.out.slice(written.out.indexOf('differs')),
    [
      'differs        active   rebuilt  for example        accepted',
      '-------------  -------  -------  -----------------  --------',
      '2024-02-29     5 rows   6 rows   2:17 only rebuilt  yes',
      '2024-03-04     12 rows  nothing',
      "it's \\x1b[31m  nothing  1 row    a",
      '',
      'Accept what is meant to differ, by name (one that ends in * accepts all that begin so):',
      "  daybook projections accept facts 2024-03-04 'it'\\''s \\x1b[31m' --tenant acme",
      'Or give it up; the active generation was never touched:',
      '  daybook projections cancel facts --tenant acme',
      '',
    ].join('\n'),
  );
});

test('of many differences the first are listed, and one name stands for those to accept', async () => {
  const shown = async (listed: number, different: number): Promise<string> => {
    const differences = Array.from({ length: listed }, (_, n) => ({
      name: `u${n}`,
      active: null,
      candidate: 'x',
      examples: [],
    }));
    const verification = { ...DIFFERENT.verification!, different, differences };
    const { run, written } = surroundings({
      'GET /api/v1/projections/facts': json({ ...STATUS, rebuild: { ...DIFFERENT, verification } }),
    });
    await run('show', 'facts');
    return written.out;
  };
  const some = await shown(30, 30);
  assert.match(some, /^u19 [^]*^and 10 more; --json has the first 1,000 with all examples$/m);
  assert.doesNotMatch(some, /^u20 /m);
  assert.match(some, /^ {2}daybook projections accept facts NAME --tenant acme$/m);
  const tooMany = await shown(1_000, 70_000);
  assert.match(tooMany, /^and 69,980 more;/m);
  assert.match(tooMany, /^ {2}daybook projections accept facts '\*' --tenant acme$/m);
});

test('on a terminal progress is one line, written again and again', async () => {
  const { run, written } = surroundings(
    {
      'POST /api/v1/projections/facts/rebuild': json(at({ done: 0 })),
      'GET /api/v1/projections/facts/progress': lines(
        at({}),
        at({ done: 285_000 }),
        at({ stage: 'ready' }),
        at({ stage: 'activated' }),
      ),
      'GET /api/v1/projections/facts': json(at({ stage: 'activated' })),
    },
    true,
  );
  assert.deepEqual(await run('rebuild', 'facts', '--activate'), { exit: 0 });
  const told = written.err.split('\r\u001b[2K').slice(1);
  assert.deepEqual(
    told.map((line) => line.split('  ')[1] ?? ''),
    ['folding', 'folding', 'ready', 'activated', ''],
    'ready is not the end of one that activates itself',
  );
  assert.equal(written.err.includes('\n'), false);
  assert.equal(told[0], 'facts of acme  folding  [####------]  42 %  5.3 s left  31,200/s  120,000 of 28');
  assert.ok(told.every((line) => line.length < 80));
});

test('Ctrl-C leaves the rebuild running and says so', async () => {
  const { run, written, interrupt, asked } = surroundings({
    'POST /api/v1/projections/facts/rebuild': json(at({ done: 0 })),
    'GET /api/v1/projections/facts/progress': (signal) =>
      new Response(
        new ReadableStream({
          start: (stream) => {
            stream.enqueue(new TextEncoder().encode(lines(at({}))));
            signal?.addEventListener('abort', () => {
              stream.error(signal.reason);
            });
            setImmediate(() => {
              interrupt.abort();
            });
          },
        }),
      ),
  });
  assert.deepEqual(await run('rebuild', 'facts'), { exit: 4 });
  assert.match(written.err, /^The rebuild goes on in the platform\. See how it stands, or end it:$/m);
  assert.match(written.err, /^ {2}daybook projections show facts --tenant acme$/m);
  assert.equal(asked.length, 2, 'nothing was cancelled');
});

test('a platform that goes while a rebuild is watched is said to have gone', async () => {
  const { run, written } = surroundings({
    'POST /api/v1/projections/facts/rebuild': json(at({ done: 0 })),
    'GET /api/v1/projections/facts/progress': lines(at({})),
  });
  assert.deepEqual(await run('rebuild', 'facts'), { exit: 4 });
  assert.match(written.err, /The platform has gone; the rebuild goes on when it is started again/);
});

test('how a rebuild ended is told by the exit code; nobody need wait for it', async () => {
  for (const [stage, exit] of [
    ['ready', 0],
    ['activated', 0],
    ['failed', 1],
    ['cancelled', 1],
    ['different', 3],
    ['paused', 4],
  ] as const) {
    const { run } = surroundings({
      'POST /api/v1/projections/facts/resume': json(at({ done: 0 })),
      'GET /api/v1/projections/facts/progress': lines(at({ stage })),
      'GET /api/v1/projections/facts': json(at({ stage })),
    });
    assert.deepEqual(await run('resume', 'facts'), { exit }, stage);
  }
  const { run, asked, written } = surroundings({
    'POST /api/v1/projections/facts/rebuild': json(at({ done: 0 })),
  });
  assert.deepEqual(await run('rebuild', 'facts', '--no-wait', '--json'), { exit: 0 });
  assert.equal(asked.length, 1);
  assert.deepEqual(JSON.parse(written.out), at({ done: 0 }));
});

test('every other command sends what it was told, and shows how it stands then', async () => {
  for (const [words, body] of [
    [['pause'], {}],
    [['cancel'], {}],
    [['activate'], {}],
    [['rollback'], {}],
    [['accept', '2024-03-*', 'u1/feed'], { names: ['2024-03-*', 'u1/feed'] }],
    [['drop', '3'], { generation: 3 }],
  ] as const) {
    const [command, ...rest] = words;
    const path = `POST /api/v1/projections/facts/${command}`;
    const { run, asked, written } = surroundings({ [path]: json(at({ stage: 'activated' })) });
    assert.deepEqual(await run(command, 'facts', ...rest), { exit: 0 }, command);
    assert.deepEqual(asked, [{ what: path, body: { tenant_id: 'acme', ...body }, actor: null }]);
    assert.match(written.out, /^facts of acme, logic of version 2$/m);
  }
  const { run, written } = surroundings({});
  assert.deepEqual(await run('drop', 'facts', 'three'), { exit: 1 });
  assert.match(written.err, /<generation> must be a whole number/);
});

test('offsets and times go to the platform as they were given', async () => {
  const { run, asked } = surroundings({ 'POST /api/v1/projections/facts/rebuild': json(at({})) });
  const begin = ['rebuild', 'facts', '--no-wait'];
  await run(...begin, '--partition', '2', '--from-offset', '5', '--to-offset', '9007199254740993');
  await run(...begin, '--from', '2024-03-04', '--to', '2024-03-05T12:00:00Z');
  assert.deepEqual(
    asked.map(({ body }) => body),
    [
      { tenant_id: 'acme', activate: false, partition: 2, from_offset: '5', to_offset: '9007199254740993' },
      { tenant_id: 'acme', activate: false, from: '2024-03-04', to: '2024-03-05T12:00:00Z' },
    ],
  );
});
