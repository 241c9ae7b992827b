import type { PositionVector } from './position.ts';

/** Who asks for a change, and why; kept with it. */
export type Acting = { readonly actor: string; readonly reason: string };

/** What of a read model is folded anew; what is outside is copied from the active generation. */
export type RebuildScope =
  | { readonly kind: 'all' }
  /** The events of one name. */
  | { readonly kind: 'event'; readonly event: string }
  /** Offsets `[from, to)` of one partition. */
  | { readonly kind: 'offsets'; readonly partition: number; readonly from: bigint; readonly to: bigint }
  /** Event times `[fromMs, toMs)`, epoch ms. */
  | { readonly kind: 'time'; readonly fromMs: number; readonly toMs: number };

/** One thing in which two generations differ at the same vector. */
export type GenerationDifference = {
  /**
   * Where they differ, in words a person can look up and accept by: `2024-03-05` (a day of facts),
   * `hot:items/2024-03-05T10:01:00.000Z/feed` (a collection of a view), `u1/feed` (a document).
   */
  readonly name: string;
  /** What the active generation has there; null when it has nothing. */
  readonly active: string | null;
  /** What the other one has there. */
  readonly candidate: string | null;
  /** Up to a few records, members or fields that show it. */
  readonly examples: readonly string[];
};

/** What came of comparing two generations. */
export type GenerationComparison = {
  /** How many days, collections or documents were compared. */
  readonly compared: number;
  /** How many of them differ. */
  readonly different: number;
  /** The first of them by name, at most 1000. */
  readonly differences: readonly GenerationDifference[];
  /** Equal content gives equal checksums, whatever the order and the number of the generation. */
  readonly checksums: { readonly active: string; readonly candidate: string };
};

/** What a rebuild is doing. */
export type RebuildStage =
  | 'copying'
  | 'folding'
  | 'verifying'
  /** Verified equal, or with every difference accepted: may be activated. */
  | 'ready'
  /** Verified, and different: differences must be accepted by name first. */
  | 'different'
  | 'paused'
  | 'failed'
  | 'cancelled'
  | 'activated';

/** One build of a tenant's read model. */
export type Generation = {
  readonly generation: number;
  readonly role: 'active' | 'building' | 'previous' | 'dropped';
  /** Of the logic that folded it. */
  readonly version: number;
  readonly createdAtMs: number;
  /** Whether nothing of a dropped one is stored any more. */
  readonly removed: boolean;
};

/** What was found when a generation was compared with the active one. */
export type Verification = GenerationComparison & {
  readonly generation: number;
  readonly vector: PositionVector;
  readonly atMs: number;
};

/** The newest rebuild of one tenant's read model. */
export type Rebuild = {
  readonly generation: number;
  readonly stage: RebuildStage;
  /** What it goes on with when it is resumed. */
  readonly before: RebuildStage;
  readonly scope: RebuildScope;
  /** Whether it is activated by itself when nothing differs. */
  readonly activate: boolean;
  readonly by: Acting;
  readonly startedAtMs: number;
  readonly verification: Verification | null;
  /** Differences that have been accepted, by name or by what their names begin with and a `*`. */
  readonly accepted: readonly { readonly name: string; readonly by: Acting }[];
  /** Why it is paused or has failed. */
  readonly reason: string | null;
};

/** All generations of one projection of one tenant, folded from their stream. */
export type TenantGenerations = {
  /** 1 before the stream has begun. */
  readonly active: number;
  /** In the order in which they were begun; empty before the stream has begun. */
  readonly all: readonly Generation[];
  /** Which were active before, the last one last. */
  readonly formerly: readonly number[];
  readonly rebuild: Rebuild | null;
};

export type GenerationEvent = { readonly atMs: number; readonly by: Acting } & (
  | { readonly type: 'projection_adopted'; readonly generation: number; readonly version: number }
  | {
      readonly type: 'rebuild_started';
      readonly generation: number;
      readonly version: number;
      readonly scope: RebuildScope;
      readonly activate: boolean;
    }
  | { readonly type: 'rest_copied' }
  | { readonly type: 'rebuild_paused' }
  | { readonly type: 'rebuild_resumed' }
  | { readonly type: 'rebuild_failed'; readonly reason: string }
  | { readonly type: 'rebuild_cancelled' }
  | { readonly type: 'verification_begun'; readonly generation: number }
  | {
      readonly type: 'generation_verified';
      readonly generation: number;
      readonly vector: PositionVector;
      readonly comparison: GenerationComparison;
    }
  | { readonly type: 'differences_accepted'; readonly names: readonly string[] }
  | { readonly type: 'generation_activated'; readonly generation: number }
  | { readonly type: 'generation_dropped'; readonly generation: number }
  | { readonly type: 'generation_removed'; readonly generation: number }
);

/** Before the first event: there is a read model, of whatever logic the process has. */
export const NO_GENERATIONS: TenantGenerations = { active: 1, all: [], formerly: [], rebuild: null };

/** A generation by its number; undefined when there never was one. */
export function generationOf(state: TenantGenerations, generation: number): Generation | undefined {
  return state.all.find((one) => one.generation === generation);
}

/** The generations that are not dropped. */
export function keptGenerations(state: TenantGenerations): readonly Generation[] {
  return state.all.filter(({ role }) => role !== 'dropped');
}

/** The one that was active last before the active one and is still kept. */
export function previousOf(state: TenantGenerations): number | undefined {
  return state.formerly.findLast((generation) => generationOf(state, generation)?.role === 'previous');
}

/** Which generation is compared with the active one: the rebuilt one, or once that is active the one before. */
export function candidateOf(state: TenantGenerations): number | undefined {
  const { rebuild } = state;
  const role = rebuild && generationOf(state, rebuild.generation)?.role;
  return role === 'building' || role === 'previous' ? rebuild?.generation : previousOf(state);
}

/** Whether the newest rebuild has neither been activated nor given up. */
export function isUnfinished(state: TenantGenerations): boolean {
  const { rebuild } = state;
  return rebuild !== null && generationOf(state, rebuild.generation)?.role === 'building';
}

/** Whether every difference that was found has been accepted. What is beyond the list is so only by `*`. */
export function isAccepted({ verification, accepted }: Pick<Rebuild, 'verification' | 'accepted'>): boolean {
  if (!verification) return false;
  const { different, differences } = verification;
  const names = accepted.map(({ name }) => name);
  const all = names.includes('*') || different === differences.length;
  return all && differences.every(({ name }) => names.some((pattern) => isMeant(pattern, name)));
}

/** Whether a difference is meant by a name as it is accepted. */
export function isMeant(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { readonly type: Type }>;

type Fold<Event> = (state: TenantGenerations, event: Event) => TenantGenerations;

const FOLDS: { readonly [Type in GenerationEvent['type']]: Fold<EventOf<Type>> } = {
  projection_adopted: (state, event) => ({
    ...state,
    active: event.generation,
    all: [begun(event, 'active')],
  }),
  rebuild_started: (state, event) => ({
    ...state,
    all: [...state.all, begun(event, 'building')],
    rebuild: started(event),
  }),
  rest_copied: ofRebuild((rebuild) => ({ ...rebuild, stage: 'folding' })),
  rebuild_paused: ofRebuild((rebuild, { by }) => ({
    ...rebuild,
    stage: 'paused',
    before: rebuild.stage,
    reason: by.reason,
  })),
  rebuild_resumed: ofRebuild((rebuild) => ({ ...rebuild, stage: rebuild.before, reason: null })),
  rebuild_failed: ofRebuild((rebuild, { reason }, state) =>
    // A comparison with the generation before may fail too; that leaves the rebuild what it is.
    isUnfinished(state)
      ? { ...rebuild, stage: 'failed', before: rebuild.stage, reason }
      : { ...rebuild, stage: 'activated', reason },
  ),
  rebuild_cancelled: ofRebuild((rebuild, { by }) => ({ ...rebuild, stage: 'cancelled', reason: by.reason })),
  verification_begun: ofRebuild((rebuild) => ({
    ...rebuild,
    stage: 'verifying',
    verification: null,
    accepted: [],
    reason: null,
  })),
  generation_verified: ofRebuild((rebuild, { generation, vector, atMs, comparison }, state) => {
    const stage = comparison.different === 0 ? 'ready' : 'different';
    const verification = { ...comparison, generation, vector, atMs };
    return { ...rebuild, stage: isUnfinished(state) ? stage : 'activated', verification };
  }),
  differences_accepted: ofRebuild((rebuild, { names, by }) => {
    const accepted = [...rebuild.accepted, ...names.map((name) => ({ name, by }))];
    return { ...rebuild, accepted, stage: isAccepted({ ...rebuild, accepted }) ? 'ready' : rebuild.stage };
  }),
  generation_activated: activated,
  generation_dropped: (state, { generation }) => withGeneration(state, generation, { role: 'dropped' }),
  generation_removed: (state, { generation }) => withGeneration(state, generation, { removed: true }),
};

/** Folds one event. */
export function evolveGenerations(state: TenantGenerations, event: GenerationEvent): TenantGenerations {
  return (FOLDS[event.type] as Fold<GenerationEvent>)(state, event);
}

function ofRebuild<Event>(
  fold: (rebuild: Rebuild, event: Event, state: TenantGenerations) => Rebuild,
): Fold<Event> {
  return (state, event) => ({ ...state, rebuild: state.rebuild && fold(state.rebuild, event, state) });
}

function begun(
  { generation, version, atMs }: Extract<GenerationEvent, { readonly version: number }>,
  role: Generation['role'],
): Generation {
  return { generation, role, version, createdAtMs: atMs, removed: false };
}

function started(event: EventOf<'rebuild_started'>): Rebuild {
  const { generation, scope, activate, by, atMs } = event;
  const stage = scope.kind === 'all' ? 'folding' : 'copying';
  const about = { generation, scope, activate, by, startedAtMs: atMs };
  return { ...about, stage, before: stage, verification: null, accepted: [], reason: null };
}

function activated(
  state: TenantGenerations,
  { generation }: EventOf<'generation_activated'>,
): TenantGenerations {
  const { active, rebuild } = state;
  const formerly = [...state.formerly.filter((one) => one !== active), active];
  const all = state.all.map((one) => {
    if (one.generation === active) return { ...one, role: 'previous' as const };
    return one.generation === generation ? { ...one, role: 'active' as const } : one;
  });
  return {
    active: generation,
    all,
    formerly,
    rebuild: rebuild && afterActivation(state, rebuild, generation),
  };
}

/** A rebuild that is not what was activated has been compared with what no longer serves. */
function afterActivation(state: TenantGenerations, rebuild: Rebuild, generation: number): Rebuild {
  if (rebuild.generation === generation) return { ...rebuild, stage: 'activated' };
  if (!isUnfinished(state))
    return { ...rebuild, stage: rebuild.stage === 'verifying' ? 'activated' : rebuild.stage };
  const again = (stage: RebuildStage): RebuildStage =>
    stage === 'verifying' || stage === 'ready' || stage === 'different' ? 'folding' : stage;
  const { stage, before } = rebuild;
  return { ...rebuild, stage: again(stage), before: again(before), verification: null, accepted: [] };
}

function withGeneration(
  state: TenantGenerations,
  generation: number,
  to: Partial<Generation>,
): TenantGenerations {
  return { ...state, all: state.all.map((one) => (one.generation === generation ? { ...one, ...to } : one)) };
}
