import { behind } from '#domain';
import type { PositionVector } from '#domain';
import type { RebuildScope } from './read-model.ts';
import type { Acting, ProjectionStatus, RebuildStage, RebuildStatus } from './rebuilds.ts';

/** A part of a read model as it is written in JSON; offsets as decimal digits, times in ISO 8601. */
export type ScopeDocument =
  | { readonly kind: 'all' }
  | { readonly kind: 'event'; readonly event: string }
  | {
      readonly kind: 'offsets';
      readonly partition: number;
      readonly from_offset: string;
      readonly to_offset: string;
    }
  | { readonly kind: 'time'; readonly from: string; readonly to: string };

/** What came of comparing a generation with the active one. */
export type VerificationDocument = {
  readonly at: string;
  readonly vector: readonly string[];
  readonly compared: number;
  readonly different: number;
  readonly checksums: { readonly active: string; readonly candidate: string };
  /** The first of them by name; left out of progress. */
  readonly differences?: readonly {
    readonly name: string;
    readonly active: string | null;
    readonly candidate: string | null;
    readonly examples: readonly string[];
  }[];
};

/** A rebuild as it stands now. */
export type RebuildDocument = {
  readonly generation: number;
  readonly stage: RebuildStage;
  readonly scope: ScopeDocument;
  readonly by: Acting;
  readonly started_at: string;
  /** Records folded so far, and how many there are to fold by now. */
  readonly done: number;
  readonly total: number;
  /** Records a second; null while nothing is folded. */
  readonly rate: number | null;
  readonly eta_seconds: number | null;
  readonly verification: VerificationDocument | null;
  readonly accepted: readonly { readonly name: string; readonly by: Acting }[];
  readonly reason: string | null;
};

/** One projection of one tenant. */
export type ProjectionDocument = {
  readonly projection: string;
  readonly tenant_id: string;
  readonly version: number;
  readonly rebuild_due: boolean;
  readonly active_generation: number;
  readonly high_water: readonly string[];
  readonly generations: readonly {
    readonly generation: number;
    readonly role: string;
    readonly version: number;
    readonly created_at: string;
    readonly confirmed: readonly string[];
    /** Records it has not folded yet; null when it is dropped. */
    readonly behind: string | null;
    readonly stands_still: string | null;
  }[];
  readonly rebuild: RebuildDocument | null;
};

/** A projection's status as JSON; without the list of differences where it is told again and again. */
export function projectionDocument(
  status: ProjectionStatus,
  { differences = true } = {},
): ProjectionDocument {
  const { projection, tenant, version, rebuildDue, active, highWater, rebuild } = status;
  return {
    projection,
    tenant_id: tenant,
    version,
    rebuild_due: rebuildDue,
    active_generation: active,
    high_water: digitsOf(highWater),
    generations: status.generations.map((generation) => ({
      generation: generation.generation,
      role: generation.role,
      version: generation.version,
      created_at: instantOf(generation.createdAtMs),
      confirmed: digitsOf(generation.confirmed),
      behind: generation.role === 'dropped' ? null : String(behind(generation.confirmed, highWater)),
      stands_still: generation.standsStill,
    })),
    rebuild: rebuild && rebuildDocument(rebuild, differences),
  };
}

function rebuildDocument(rebuild: RebuildStatus, differences: boolean): RebuildDocument {
  const { generation, stage, by, done, total, rate, etaSeconds, verification, accepted, reason } = rebuild;
  return {
    generation,
    stage,
    scope: scopeDocument(rebuild.scope),
    by,
    started_at: instantOf(rebuild.startedAtMs),
    done,
    total,
    rate,
    eta_seconds: etaSeconds,
    verification: verification && {
      at: instantOf(verification.atMs),
      vector: digitsOf(verification.vector),
      compared: verification.compared,
      different: verification.different,
      checksums: verification.checksums,
      ...(differences ? { differences: verification.differences } : {}),
    },
    accepted,
    reason,
  };
}

function scopeDocument(scope: RebuildScope): ScopeDocument {
  switch (scope.kind) {
    case 'all':
    case 'event':
      return scope;
    case 'offsets': {
      const { kind, partition, from, to } = scope;
      return { kind, partition, from_offset: String(from), to_offset: String(to) };
    }
    case 'time':
      return { kind: 'time', from: instantOf(scope.fromMs), to: instantOf(scope.toMs) };
  }
}

function digitsOf(vector: PositionVector): readonly string[] {
  return vector.map(String);
}

function instantOf(ms: number): string {
  return new Date(ms).toISOString();
}
