import { setImmediate } from 'node:timers/promises';
import type { RootDatabase } from 'lmdb';

/** An LMDB environment, as far as it tells of its commits. */
type Environment = Pick<RootDatabase, 'committed'>;

/** All puts and removes of the callback in one transaction of an LMDB environment, and on the disk when resolved. */
export function commitAll(env: RootDatabase, changes: () => void): Promise<void> {
  return hearingFailure(env, async () => {
    await env.batch(changes);
    await env.flushed;
  });
}

/**
 * Runs what begins a transaction of an LMDB environment at once. One that fails is thrown with what the system said
 * as its cause, and the environment can be written to again.
 */
export async function hearingFailure<Result>(
  env: Environment,
  write: () => Promise<Result>,
): Promise<Result> {
  const writing = write();
  void hearOthers(env);
  return writing.catch(async (error: unknown) => {
    throw await failureOf(error);
  });
}

/** The failure of a commit with its reason, which lmdb-js tells by a promise a little later; else what was thrown. */
async function failureOf(error: unknown): Promise<unknown> {
  const reason = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  if (!(reason instanceof Promise)) return error;
  const said = reason.catch((cause: unknown) => cause);
  return new Error('The commit failed.', { cause: await Promise.race([said, setImmediate(error)]) });
}

/**
 * At the end of the turn lmdb-js closes its transaction under a promise of its own, which it gives to nobody. When
 * the commit fails that one fails too, and unheard it would end the process.
 */
async function hearOthers(env: Environment): Promise<void> {
  await setImmediate();
  await env.committed.then(nothing, nothing);
}

function nothing(): void {
  // Whoever has begun the transaction is told.
}
