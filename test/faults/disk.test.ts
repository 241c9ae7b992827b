import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { assertTruth } from './truth.ts';
import { Trial } from './trial.ts';

const MIB = 2 ** 20;
const SILENT = { DAYBOOK_LOG_LEVEL: 'silent' };

/** Runs a command of the system; where it cannot be run the test is skipped, unless it is required. */
function attempt(t: TestContext, [command, ...words]: readonly [string, ...string[]]): boolean {
  try {
    execFileSync(command, words, { stdio: 'pipe' });
    return true;
  } catch (error) {
    const reason = `${command} cannot be run here: ${String(error)}`;
    if (process.env['DAYBOOK_TEST_REQUIRE'] !== undefined) assert.fail(reason);
    t.skip(reason);
    return false;
  }
}

/** Sends until something is refused, as an answer that acknowledges nothing and says why. */
async function sendUntilRefused(platform: Platform, trial: Trial): Promise<void> {
  for (let portions = 0; ; portions++) {
    trial.add(200);
    await trial.sender.send(platform, { isEnded: false, mayEnd: true });
    if (trial.sender.waiting > 0) break;
    assert.ok(portions < 40, 'the disk was never full');
  }
  // Of a batch each event says that it failed; one alone is answered with the fault.
  assert.match(trial.sender.refusal, /outcome: failed|answered 50\d: .*"code":"(INTERNAL|LOG_[A-Z_]+)"/);
}

/** Writes until there is no more room, and gives half a MiB back. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  let size = 0;
  try {
    for (const chunk = Buffer.alloc(MIB, 1); ;) size += writeSync(file, chunk);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
  ftruncateSync(file, size - MIB / 2);
  closeSync(file);
}

test('a full disk: nothing is acknowledged that is not kept, and all goes on once there is room', async (t) => {
  await using dir = await temporaryDir();
  const disk = join(dir.path, 'disk');
  mkdirSync(disk);
  if (!attempt(t, ['mount', '-t', 'tmpfs', '-o', 'size=512m', 'daybook-test', disk])) return;
  using _mounted = { [Symbol.dispose]: () => execFileSync('umount', ['-l', disk]) };
  const trial = new Trial(t, { events: 12_000 });
  const platform = await startPlatform({ dataDir: disk, env: SILENT });
  await using _ = platform;
  trial.add(400);
  await trial.sender.send(platform);
  const ballast = join(disk, 'ballast');
  fill(ballast);
  await sendUntilRefused(platform, trial);
  rmSync(ballast);
  await trial.sender.send(platform);
  trial.add(200);
  await trial.sender.send(platform);
  await assertTruth(platform, trial.told());
});

test('a write that fails: nothing of it is acknowledged, and the log goes on when writing works again', async (t) => {
  if (!attempt(t, ['prlimit', '--version'])) return;
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 12_000 });
  const platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  await using _ = platform;
  trial.add(400);
  await trial.sender.send(platform);
  const { size } = statSync(join(dir.path, 'log', 'data.mdb'));
  const limit = (bytes: string): void => {
    execFileSync('prlimit', ['--pid', String(platform.process.pid), `--fsize=${bytes}:unlimited`]);
  };
  limit(String(size));
  await sendUntilRefused(platform, trial);
  limit('unlimited');
  await trial.sender.send(platform);
  await assertTruth(platform, trial.told());
});

/** Fails every wait for the disk while the file stands there. */
const FAILING_SYNC = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) {
  const char *file = getenv("FAIL_SYNC");
  if (!file || access(file, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}
int fsync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { return fails() ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
`;

test('an fsync that fails: nothing of it is acknowledged, and what was is still there', async (t) => {
  await using dir = await temporaryDir();
  const [source, library] = [join(dir.path, 'sync.c'), join(dir.path, 'sync.so')];
  writeFileSync(source, FAILING_SYNC);
  if (!attempt(t, ['cc', '-shared', '-fPIC', '-o', library, source, '-ldl'])) return;
  const trial = new Trial(t, { events: 12_000 });
  const failing = join(dir.path, 'fail');
  const dataDir = join(dir.path, 'data');
  const env = { ...SILENT, LD_PRELOAD: library, FAIL_SYNC: failing };
  const platform = await startPlatform({ dataDir, env });
  await using _ = platform;
  trial.add(400);
  await trial.sender.send(platform);
  writeFileSync(failing, '');
  await sendUntilRefused(platform, trial);
  rmSync(failing);
  await trial.sender.send(platform);
  await assertTruth(platform, trial.told());
});
