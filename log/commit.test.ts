import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'lmdb';
import { Fault } from '#domain';
import { commitAll } from './commit.ts';
import { acme, entry, events } from './event-log.contract.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';

/** From now on this process may write that many bytes into a file, as if there were no more room. */
function limitFiles(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
}

function hasNoPrlimit(): string | false {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return false;
  } catch (error) {
    if (process.env['DAYBOOK_TEST_REQUIRE'] !== undefined) throw error;
    return `prlimit cannot be run here: ${String(error)}`;
  }
}

const skip = hasNoPrlimit();

test('a commit that fails says why, ends nothing, and the next one is kept', { skip }, async (t) => {
  const path = await mkdtemp(join(tmpdir(), 'daybook-commit-'));
  t.after(() => rm(path, { recursive: true }));
  const env = open<string, number>({ path, noSubdir: false, overlappingSync: false });
  t.after(() => env.close());
  const put = (key: number): Promise<void> => commitAll(env, () => void env.put(key, 'x'.repeat(5_000)));
  await put(1);
  limitFiles(1);
  try {
    for (const key of [2, 3]) {
      await assert.rejects(put(key), (error: Error) => /too large/i.test(String(error.cause)));
    }
  } finally {
    limitFiles('unlimited');
  }
  await put(4);
  assert.deepEqual([...env.getKeys()], [1, 4]);
});

test('a log whose writes fail acknowledges nothing and goes on at the same offset', { skip }, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-commit-'));
  t.after(() => rm(dataDir, { recursive: true }));
  await using log = await openLmdbEventLog({ dataDir });
  await log.create(acme, { partitions: 1 });
  await log.append(events, [entry('first')]);
  limitFiles(1);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(log.append(events, [entry('second')]), (error) => error instanceof Fault);
      assert.equal(await log.find(acme, 'second'), undefined);
    }
  } finally {
    limitFiles('unlimited');
  }
  const [kept] = await log.append(events, [entry('second')]);
  assert.deepEqual(kept, { outcome: 'accepted', position: { partition: 0, offset: 1n } });
});
