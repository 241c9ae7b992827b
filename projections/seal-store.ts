import type { PositionVector, TenantId } from '#domain';
import type { SliceCounts } from './slice-store.ts';

/** Whose days. Days of another log's records are worth nothing, so the log is part of the key. */
export type SealKey = {
  readonly generation: number;
  readonly tenant: TenantId;
  readonly logIdentity: string;
};

/** One day of which there are facts. */
export type SealEntry = {
  /** Days since 1970 in UTC. */
  readonly day: number;
  /** The last seal given out for it; 0 before the first. */
  readonly seal: number;
  /** Epoch ms at which it was given out. */
  readonly triedAtMs?: number;
  /** What the slice under that seal holds; absent while the day is open. */
  readonly sealed?: { readonly vector: PositionVector; readonly counts: SliceCounts };
};

/** Keeps which days of a tenant are sealed. Durable when resolved. */
export interface SealStore extends AsyncDisposable {
  /** Undefined until the first save, which may be of no entries. */
  load(key: SealKey): Promise<readonly SealEntry[] | undefined>;
  /** Sets the entries of these days; of two saves of a day the one called later stays. */
  save(key: SealKey, entries: readonly SealEntry[]): Promise<void>;
  /** Removes what was saved of a tenant in a generation, of whatever log. */
  remove(of: Pick<SealKey, 'generation' | 'tenant'>): Promise<void>;
}
