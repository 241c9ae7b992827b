import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);

/** Starts the pool behind `threads.ts` imported first, as main.ts does, and counts libuv's own threads. */
const PROBE = `
  import './ops/threads.ts';
  import { readFileSync, readdirSync } from 'node:fs';
  const { pbkdf2 } = await import('node:crypto');
  await new Promise((resolve) => pbkdf2('a', 'b', 1, 8, 'sha256', resolve));
  const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
  console.log(names.filter((name) => name.startsWith('libuv')).length);
`;

const threadsWith = (env: Record<string, string>): number => {
  const { UV_THREADPOOL_SIZE: _, ...others } = process.env;
  const run = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', PROBE], {
    cwd: root,
    env: { ...others, ...env },
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  return Number(run.stdout);
};

test(
  'the first import of the process widens the pool before it is used, unless somebody has chosen',
  { skip: process.platform !== 'linux' && 'threads are counted in /proc' },
  () => {
    assert.equal(threadsWith({}), 32);
    assert.equal(threadsWith({ UV_THREADPOOL_SIZE: '8' }), 8);
  },
);
