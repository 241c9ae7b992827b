import type {
  Acting,
  GenerationComparison,
  PositionVector,
  RebuildScope,
  RebuildStage,
  TenantId,
} from '#domain';

export type { Acting, RebuildStage } from '#domain';

/** How a generation stands to its tenant. */
export type GenerationStatus = {
  readonly generation: number;
  readonly role: 'active' | 'building' | 'previous' | 'dropped';
  /** Of the logic that folded it. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly confirmed: PositionVector;
  /** Why it does not follow the log, if it does not. */
  readonly standsStill: string | null;
};

/** A rebuild as it stands now. */
export type RebuildStatus = {
  readonly generation: number;
  readonly stage: RebuildStage;
  readonly scope: RebuildScope;
  readonly by: Acting;
  readonly startedAtMs: number;
  /** Records folded so far, and how many there are to fold by now. */
  readonly done: number;
  readonly total: number;
  /** Records a second over the last few seconds; null while nothing is folded. */
  readonly rate: number | null;
  /** Seconds until it is expected to have caught up; null when that cannot be said. */
  readonly etaSeconds: number | null;
  readonly verification:
    (GenerationComparison & { readonly vector: PositionVector; readonly atMs: number }) | null;
  /** Names of differences that have been accepted, with who and why. */
  readonly accepted: readonly { readonly name: string; readonly by: Acting }[];
  /** Why it is paused or has failed. */
  readonly reason: string | null;
};

/** One projection of one tenant. */
export type ProjectionStatus = {
  readonly projection: string;
  readonly tenant: TenantId;
  /** Of the logic in this process; when the active generation has an older one a rebuild is due. */
  readonly version: number;
  readonly rebuildDue: boolean;
  readonly active: number;
  readonly highWater: PositionVector;
  readonly generations: readonly GenerationStatus[];
  /** The one that runs or waits to be activated, or the last one. */
  readonly rebuild: RebuildStatus | null;
};

export type ProjectionOf = { readonly projection: string; readonly tenant: TenantId };

/**
 * Rebuilds read models beside the ones that serve, and says which generation is active. Every command is an
 * append to the control plane and survives the process; what runs goes on after a restart.
 *
 * Commands throw `PROJECTION_UNKNOWN`, `TENANT_UNKNOWN`, and `PROJECTION_COMMAND_REFUSED` with
 * `details.reason` when the state does not allow them.
 */
export interface Rebuilds extends AsyncDisposable {
  list(tenant?: TenantId): Promise<readonly ProjectionStatus[]>;
  show(of: ProjectionOf): Promise<ProjectionStatus>;
  /** Calls the listener whenever something about the projection has changed, at most a few times a second. */
  onChange(of: ProjectionOf, listener: () => void): Disposable;

  /**
   * Begins a rebuild and answers it; it goes on by itself until it is verified. With `activate` it is activated
   * then too, if nothing differs. Refused while another one of the projection and tenant is unfinished.
   */
  rebuild(
    of: ProjectionOf,
    how: { readonly scope: RebuildScope; readonly activate: boolean },
    by: Acting,
  ): Promise<ProjectionStatus>;
  pause(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  resume(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  /** Ends the rebuild and drops its generation; the active one was never touched. */
  cancel(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  /** Compares the rebuilt (or previous) generation with the active one again. */
  verify(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  /** Accepts differences by name; a name ending in `*` accepts all that begin so. */
  accept(of: ProjectionOf, names: readonly string[], by: Acting): Promise<ProjectionStatus>;
  /** Makes the verified generation the active one; the one before goes on following. */
  activate(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  /** Makes the previous generation the active one again. */
  rollback(of: ProjectionOf, by: Acting): Promise<ProjectionStatus>;
  /** Drops a generation that is not active. */
  drop(of: ProjectionOf, generation: number, by: Acting): Promise<ProjectionStatus>;
}
