import { Fault } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { LogBounds, RecordBatch } from '#log';
import { announced } from './announced.ts';
import { refuseGaps } from './resume.ts';
import type { FollowedTenant, Pause } from './followed-tenant.ts';
import { foldLiveViews } from './live-views.ts';
import { parseEvent } from './parse-event.ts';
import type { Fold } from './projector.ts';
import { ViewChanges, add } from './view-changes.ts';
import type { ViewScope, ViewStep, ViewStore } from './view-store.ts';

/** What a tenant's records have changed since the last portion was applied. */
export type ViewPortion = {
  readonly tenant: TenantId;
  readonly changes: ViewChanges;
  /** By partition. */
  readonly steps: Map<number, ViewStep>;
};

/** A tenant whose partitions are ours. */
type Claimed = {
  readonly epochs: ReadonlyMap<number, number>;
  prunedAtMs: number;
  /** Takes records in until it is applied. */
  open: ViewPortion | undefined;
};

export type ViewFoldOptions = {
  readonly store: ViewStore;
  readonly scopeOf: (tenant: TenantId) => ViewScope;
  /** What has expired at this instant (epoch ms) when a tenant is opened is not folded any more. */
  readonly clock: () => number;
};

/** Folds records into the live views, with their checkpoint in the same step. */
export class ViewFold implements Fold<ViewPortion> {
  readonly #options: ViewFoldOptions;
  readonly #claimed = new Map<TenantId, Claimed>();

  constructor(options: ViewFoldOptions) {
    this.#options = options;
  }

  async open({ tenant }: FollowedTenant, bounds: LogBounds): Promise<PositionVector> {
    const { store, scopeOf, clock } = this.#options;
    const { logIdentity, checkpoints, epochs, prunedAtMs } = await store.claim(scopeOf(tenant), {
      logIdentity: bounds.identity,
      partitionCount: bounds.next.length,
      partitions: [...bounds.next.keys()],
      prunedAtMs: clock(),
    });
    if (logIdentity !== bounds.identity) {
      throw new Fault('LOG_IDENTITY_CHANGED', undefined, {
        details: { checkpoint: logIdentity, log: bounds.identity },
      });
    }
    refuseGaps(checkpoints, bounds);
    this.#claimed.set(tenant, { epochs, prunedAtMs, open: undefined });
    return checkpoints;
  }

  /** From now on what has expired at the instant is not folded any more. */
  pruned(tenant: TenantId, atMs: number): void {
    const claimed = this.#claimed.get(tenant);
    if (claimed) claimed.prunedAtMs = Math.max(claimed.prunedAtMs, atMs);
  }

  /** Takes records into the tenant's open portion, which it answers: every collection is written once. */
  collect({ tenant, next }: FollowedTenant, { partition, records }: RecordBatch): ViewPortion {
    const claimed = this.#claimed.get(tenant);
    if (!claimed) throw new Fault('INTERNAL', `The views of ${tenant} are read before they are opened.`);
    claimed.open ??= { tenant, changes: new ViewChanges(claimed.prunedAtMs), steps: new Map() };
    const { changes, steps } = claimed.open;
    for (const { value } of records) foldRecord(value, changes);
    const from = steps.get(partition)?.from ?? next[partition] ?? 0n;
    const to = (records.at(-1)?.offset ?? from) + 1n;
    steps.set(partition, { partition, epoch: claimed.epochs.get(partition) ?? 0, from, to });
    return claimed.open;
  }

  async apply(portions: readonly ViewPortion[]): Promise<ReadonlyMap<TenantId, Pause>> {
    const refused = new Map<TenantId, Pause>();
    const distinct = new Set(portions);
    for (const { tenant } of distinct) {
      const claimed = this.#claimed.get(tenant);
      if (claimed) claimed.open = undefined;
    }
    for (const portion of distinct) {
      const pause = await this.#applyOne(portion);
      if (pause) refused.set(portion.tenant, pause);
    }
    return refused;
  }

  /** The checkpoint has been kept with the changes. */
  save(): Promise<void> {
    return Promise.resolve();
  }

  async #applyOne({ tenant, changes, steps }: ViewPortion): Promise<Pause | undefined> {
    const { store, scopeOf } = this.#options;
    const batch = { steps: [...steps.values()], changes: changes.list() };
    const scope = scopeOf(tenant);
    const about = { what: 'views', tenant, generation: scope.generation };
    const applied = await announced(about, () => store.apply(scope, batch));
    if (applied.ok) return undefined;
    if (applied.reason === 'epoch_superseded') {
      const step = steps.get(applied.partition);
      const reason = 'another projector has taken the partition over';
      return { reason, partition: applied.partition, offset: step?.from ?? 0n };
    }
    // An attempt whose answer was lost may have been applied after all.
    const differing = batch.steps.find(({ partition, to }) => applied.checkpoints[partition] !== to);
    if (!differing) return undefined;
    const { partition, from } = differing;
    const stands = applied.checkpoints[partition] ?? 0n;
    return { reason: `the views stand at offset ${stands} instead of ${from}`, partition, offset: from };
  }
}

/** A record that is no event is counted, so that nothing is left out in silence. */
export function foldRecord(value: Uint8Array, changes: ViewChanges): void {
  const event = parseEvent(value);
  if (event && foldLiveViews(event, changes)) return;
  const counts = changes.collection('views:left_out', 0, '');
  if (counts) add(counts, event ? 'no_time' : 'unreadable', 1);
}
