import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { Fault } from '#domain';

/**
 * Holds a data directory for one process. Answers `DATA_DIR_LOCKED`, naming the directory and the process
 * that has it, when another one (or this one, a second time) does.
 *
 * Node has no file locks; LevelDB takes one, and the kernel gives it back at whatever instant and in whatever
 * way the process dies. So an empty LevelDB is the lock: nothing stale can be left behind, and no process id
 * has to be judged dead or reused. The file `owner` beside it serves the message alone.
 */
export async function lockDataDir(dataDir: string): Promise<AsyncDisposable> {
  const directory = join(dataDir, 'lock');
  await mkdir(directory, { recursive: true });
  const owner = join(directory, 'owner');
  const level = new ClassicLevel(directory);
  try {
    await level.open();
  } catch (cause) {
    await level.close();
    if (!isLocked(cause)) throw cause;
    const pid = (await readFile(owner, 'utf8').catch(() => '')).trim();
    const by = pid === '' ? 'another process' : `process ${pid}`;
    throw new Fault('DATA_DIR_LOCKED', `The data directory ${dataDir} is in use by ${by}.`, {
      details: { dataDir, pid: pid === '' ? undefined : Number(pid) },
      cause,
    });
  }
  await writeFile(owner, `${process.pid}\n`);
  return { [Symbol.asyncDispose]: () => level.close() };
}

function isLocked(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_LOCKED') return true;
  }
  return false;
}
