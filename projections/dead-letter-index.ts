import { createHash } from 'node:crypto';
import type { TenantId } from '#domain';
import type { EventLogReader, LogName, Tenants } from '#log';
import type { DeadLetterOffsets, DeadLetterStore } from './dead-letter-store.ts';

export type DeadLetterIndexDeps = {
  readonly log: EventLogReader;
  readonly tenants: Pick<Tenants, 'onTenant'>;
  readonly store: DeadLetterStore;
  /** Dead letters that may wait until somebody asks; with more, folding begins at once. @default 1000 */
  readonly waitingLetters?: number;
};

/** An id, and whether the inputs kept out of the log under it are meant or what no projection could take of it. */
export type DeadLettersOf = { readonly eventId: string; readonly kept: 'inputs' | 'events' };

/**
 * Finds dead letters by the id of the event they are about, without reading all of them. Costs 25 bytes and the
 * tenant's name of disk for each one that has an id, and no memory.
 */
export interface DeadLetterIndex extends AsyncDisposable {
  /**
   * Offsets in the tenant's log of dead letters, newest first; of everything that stands there when asked. Found
   * by a digest: who must be certain compares the id in the record. Throws `TENANT_UNKNOWN`.
   */
  find(tenant: TenantId, of: DeadLettersOf, limit: number): Promise<DeadLetterOffsets>;
}

const WAITING_LETTERS = 1000;
const DIGEST_BYTES = 16;
const PARTITION = 0;
/** The source of a dead letter that a projection wrote. */
const BY_PROJECTION = 'projection';

/** Starts following the logs of dead letters of all tenants, until disposed. */
export function startDeadLetterIndex(deps: DeadLetterIndexDeps): DeadLetterIndex {
  const { log, tenants, store, waitingLetters = WAITING_LETTERS } = deps;
  const stop = new AbortController();
  /** The last thing that is being done for a tenant; one after another. */
  const folding = new Map<TenantId, Promise<void>>();

  /** Folds what stands in the log, if so much waits. */
  async function fold(tenant: TenantId, atLeast: number): Promise<void> {
    const name: LogName = { tenant, channel: 'dead_letters' };
    const { identity, first, next } = await log.bounds(name);
    const [start = 0n, end = 0n] = [first[PARTITION], next[PARTITION]];
    const known = await store.checkpoint(tenant);
    const resumes = known?.logIdentity === identity && known.next >= start && known.next <= end;
    const from = resumes ? known.next : start;
    if (end - from < atLeast) return;
    for await (const { records } of log.read(name, { partition: PARTITION, from, to: end }, stop.signal)) {
      const entries = records
        .filter(({ headers }) => headers.eventId !== '')
        .map(({ headers: { eventId, source }, offset }) => ({
          digest: digestOf({ eventId, kept: source === BY_PROJECTION ? 'events' : 'inputs' }),
          offset,
        }));
      const last = records.at(-1);
      if (last) await store.add(tenant, entries, { logIdentity: identity, next: last.offset + 1n });
    }
  }

  function inTurn(tenant: TenantId, atLeast: number): Promise<void> {
    const before = folding.get(tenant) ?? Promise.resolve();
    const turn = before.then(() => (stop.signal.aborted ? undefined : fold(tenant, atLeast)));
    const over = turn.catch(() => undefined);
    folding.set(tenant, over);
    void over.then(() => {
      if (folding.get(tenant) === over) folding.delete(tenant);
    });
    return turn;
  }

  /** Whoever asks does it again, and is told what is wrong. */
  function inBackground(tenant: TenantId): void {
    if (!folding.has(tenant)) inTurn(tenant, waitingLetters).catch(() => undefined);
  }

  const following = tenants.onTenant(({ id }) => {
    inBackground(id);
  });
  const commits = log.onCommit(({ tenant, channel }) => {
    if (channel === 'dead_letters') inBackground(tenant);
  });

  return {
    async find(tenant, of, limit) {
      await inTurn(tenant, 1);
      return store.find(tenant, digestOf(of), limit);
    },

    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      commits[Symbol.dispose]();
      stop.abort();
      await Promise.all(folding.values());
    },
  };
}

/** As the log writes ids: broken surrogates replaced. */
function digestOf({ eventId, kept }: DeadLettersOf): Uint8Array {
  const digest = createHash('sha256').update(`${kept} ${eventId.toWellFormed()}`).digest();
  return digest.subarray(0, DIGEST_BYTES);
}
