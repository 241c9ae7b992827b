import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './logging.ts';
import { createShutdown } from './shutdown.ts';
import type { ShutdownStep } from './shutdown.ts';

function prepare(steps: readonly ShutdownStep[], limitMs = 60_000) {
  const exited = Promise.withResolvers<number>();
  let at = 0;
  const shutdown = createShutdown({
    steps,
    limitMs,
    logger: createLogger({ level: 'silent', human: false, write: () => undefined }),
    now: () => at,
    exit: exited.resolve,
  });
  const later = (ms: number): void => {
    at += ms;
  };
  return { shutdown, exited: exited.promise, later };
}

const hanging = { name: 'hangs', run: () => new Promise<void>(() => undefined) };

test('the steps run one after another, and then the process ends with 0', async () => {
  const done: string[] = [];
  const step = (name: string, turns: number): ShutdownStep => ({
    name,
    run: async () => {
      for (let i = 0; i < turns; i++) await Promise.resolve();
      done.push(name);
    },
  });
  const { shutdown, exited } = prepare([step('http', 50), step('projector', 20), step('log', 1)]);
  shutdown('SIGTERM');
  assert.equal(await exited, 0);
  assert.deepEqual(done, ['http', 'projector', 'log']);
});

test('a step that fails keeps none of the later ones from running, and shows in the exit code', async () => {
  const done: string[] = [];
  const { shutdown, exited } = prepare([
    { name: 'breaks', run: () => Promise.reject(new Error('broken')) },
    {
      name: 'log',
      run: async () => {
        done.push('log');
      },
    },
  ]);
  shutdown('SIGTERM');
  assert.equal(await exited, 1);
  assert.deepEqual(done, ['log']);
});

test('a step that hangs is given up at the limit', async () => {
  const { shutdown, exited } = prepare([hanging], 5);
  shutdown('SIGTERM');
  assert.equal(await exited, 1);
});

test('a second signal ends the process at once, unless it is the echo of the first', async () => {
  const { shutdown, exited, later } = prepare([hanging]);
  const state = { ended: false };
  void exited.then(() => {
    state.ended = true;
  });
  shutdown('SIGINT');
  later(20);
  shutdown('SIGINT');
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!state.ended, 'the echo ended the process');
  later(600);
  shutdown('SIGINT');
  assert.equal(await exited, 1);
});
