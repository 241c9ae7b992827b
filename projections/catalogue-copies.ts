import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { entryDocument } from '#domain';
import type { CatalogueEntry, EntryKind } from '#domain';
import type { Catalogue } from '#log';
import { announced } from './announced.ts';
import type { DocumentSet, DocumentStore } from './document-store.ts';

export type CatalogueCopiesDeps = {
  readonly catalogue: Pick<Catalogue, 'onEntry'>;
  readonly documents: DocumentStore;
  /** Which build of the documents is kept. @default 1 */
  readonly generation?: number;
  /** First delay after a failure, doubled each time up to 30 s. @default 100 */
  readonly retryAfterMs?: number;
};

/** Keeps the documents `scenarios` and `model_configs` equal to the control plane (MG-01, MG-04). */
export interface CatalogueCopies extends AsyncDisposable {
  /** Resolves when every entry announced so far has its document. */
  settled(): Promise<void>;
}

const COLLECTIONS: Readonly<Record<EntryKind, string>> = {
  scenario: 'scenarios',
  model_config: 'model_configs',
};
const LONGEST_DELAY_MS = 30_000;

const pausedChannel = channel('daybook:projections:paused');

/**
 * Starts copying, and goes on until disposed. Each document carries the version it shows as its vector, so
 * nothing else need be remembered: at the start only what is missing is written.
 */
export function startCatalogueCopies(deps: CatalogueCopiesDeps): CatalogueCopies {
  const { catalogue, documents, generation = 1, retryAfterMs = 100 } = deps;
  const stop = new AbortController();
  const waiting = new Map<string, CatalogueEntry>();
  let copying: Promise<void> | undefined;

  async function copyAll(): Promise<void> {
    for (let attempt = 0; waiting.size > 0 && !stop.signal.aborted;) {
      const [next] = waiting;
      if (!next) return;
      const [key, entry] = next;
      try {
        await copy(entry);
        attempt = 0;
        if (waiting.get(key) === entry) waiting.delete(key);
      } catch (error) {
        if (attempt === 0) announce(entry, error);
        const ms = Math.min(retryAfterMs * 2 ** attempt++, LONGEST_DELAY_MS);
        await sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  async function copy(entry: CatalogueEntry): Promise<void> {
    const { kind, tenant, id, version } = entry;
    const set: DocumentSet = { name: COLLECTIONS[kind], generation, tenant };
    const [kept] = await documents.get(set, [id]);
    if (kept && (kept.vector[0] ?? 0n) >= BigInt(version)) return;
    const write = { id, from: kept?.vector, vector: [BigInt(version)], body: entryDocument(entry) };
    // Refused, somebody else has copied this version or a newer one; looked at again, it says which.
    const about = { what: 'catalogue_copy', tenant, kind };
    const applied = await announced(about, () => documents.apply(set, { writes: [write] }));
    if (!applied.ok) await copy(entry);
  }

  function announce({ kind, tenant }: CatalogueEntry, error: unknown): void {
    if (!pausedChannel.hasSubscribers) return;
    const reason = error instanceof Error ? error.message : String(error);
    pausedChannel.publish({ projection: COLLECTIONS[kind], generation, tenant, reason });
  }

  const listening = catalogue.onEntry((entry) => {
    waiting.set(JSON.stringify([entry.kind, entry.tenant, ...entry.id]), entry);
    copying ??= Promise.resolve()
      .then(copyAll)
      .finally(() => {
        copying = undefined;
      });
  });

  return {
    async settled() {
      await copying;
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      stop.abort();
      await copying;
    },
  };
}
