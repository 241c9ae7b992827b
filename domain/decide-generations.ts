import { candidateOf, generationOf, isMeant, isUnfinished, previousOf } from './generations.ts';
import type {
  Acting,
  GenerationComparison,
  GenerationEvent,
  TenantGenerations,
  Rebuild,
  RebuildScope,
  RebuildStage,
} from './generations.ts';
import type { PositionVector } from './position.ts';

type About<Type extends string, Members = unknown> = Type extends string
  ? { readonly type: Type; readonly atMs: number; readonly by: Acting } & Members
  : never;

/** What somebody wants of the generations of one projection of one tenant, or what the work on them reports. */
export type GenerationCommand =
  | About<'adopt', { readonly generation: number; readonly version: number }>
  | About<
      'start',
      {
        readonly generation: number;
        readonly version: number;
        readonly scope: RebuildScope;
        readonly activate: boolean;
        /** Which kinds of part the read model can be rebuilt in. */
        readonly scopes: readonly RebuildScope['kind'][];
      }
    >
  | About<'pause' | 'cancel' | 'verify' | 'activate' | 'rollback'>
  /** `version` is that of the logic that would go on. */
  | About<'resume', { readonly version: number }>
  | About<'accept', { readonly names: readonly string[] }>
  | About<'drop', { readonly generation: number }>
  | About<'copied' | 'caught_up' | 'removed', { readonly generation: number }>
  | About<'fail', { readonly generation: number; readonly why: string }>
  | About<
      'verified',
      {
        readonly generation: number;
        /** What it was compared with. */
        readonly against: number;
        readonly vector: PositionVector;
        readonly comparison: GenerationComparison;
      }
    >;

/** Why a command is refused. */
export type GenerationRefusal =
  | 'not_adopted'
  | 'rebuild_unfinished'
  | 'generation_taken'
  | 'scope_not_supported'
  | 'scope_empty'
  | 'older_logic'
  | 'no_rebuild'
  | 'not_running'
  | 'not_paused'
  | 'not_verified'
  | 'differences_not_accepted'
  | 'nothing_differs'
  | 'no_such_difference'
  | 'no_other_generation'
  | 'generation_unknown'
  | 'generation_active';

export type GenerationDecision =
  | { readonly ok: true; readonly events: readonly GenerationEvent[] }
  | { readonly ok: false; readonly reason: GenerationRefusal };

type Change = GenerationEvent extends infer Event
  ? Event extends GenerationEvent
    ? Omit<Event, 'atMs' | 'by'>
    : never
  : never;

type Decided = readonly Change[] | GenerationRefusal;

const RUNNING: readonly RebuildStage[] = ['copying', 'folding', 'verifying'];

/** Decides what a command changes. One that is repeated changes nothing or is refused. */
export function decideGenerations(state: TenantGenerations, command: GenerationCommand): GenerationDecision {
  const { atMs, by, type } = command;
  const rule = RULES[type] as Rule<GenerationCommand>;
  const decided = state.all.length > 0 || type === 'adopt' ? rule(state, command) : 'not_adopted';
  if (typeof decided === 'string') return { ok: false, reason: decided };
  return { ok: true, events: decided.map((change) => ({ ...change, atMs, by })) };
}

type CommandOf<Type extends GenerationCommand['type']> = Extract<GenerationCommand, { readonly type: Type }>;

type Rule<Command> = (state: TenantGenerations, command: Command) => Decided;

const RULES: { readonly [Type in GenerationCommand['type']]: Rule<CommandOf<Type>> } = {
  adopt: (state, { generation, version }) =>
    state.all.length > 0 ? [] : [{ type: 'projection_adopted', generation, version }],
  start,
  copied: ofRebuild((_state, { stage, generation }, command) =>
    stage === 'copying' && generation === command.generation ? [{ type: 'rest_copied' }] : 'not_running',
  ),
  caught_up: ofRebuild((_state, { stage, generation }, command) =>
    stage === 'folding' && generation === command.generation
      ? [{ type: 'verification_begun', generation }]
      : 'not_running',
  ),
  verified: ofRebuild((state, { stage }, { generation, against, vector, comparison }) => {
    const isWanted = stage === 'verifying' && candidateOf(state) === generation && state.active === against;
    return isWanted ? [{ type: 'generation_verified', generation, vector, comparison }] : 'not_running';
  }),
  fail: ofRebuild((state, { stage }, { generation, why }) =>
    RUNNING.includes(stage) && candidateOf(state) === generation
      ? [{ type: 'rebuild_failed', reason: why }]
      : 'not_running',
  ),
  pause: ofRebuild((state, { stage }) =>
    isUnfinished(state) && RUNNING.includes(stage) ? [{ type: 'rebuild_paused' }] : 'not_running',
  ),
  resume: ofRebuild(resume),
  cancel: ofRebuild((state, { generation }) =>
    isUnfinished(state) ? drop(state, { generation }) : 'no_rebuild',
  ),
  verify: ofRebuild(verify),
  accept: ofRebuild(accept),
  activate: ofRebuild(activate),
  rollback(state) {
    const generation = previousOf(state);
    return generation === undefined ? 'no_other_generation' : [{ type: 'generation_activated', generation }];
  },
  drop,
  removed: (state, { generation }) =>
    generationOf(state, generation)?.role === 'dropped'
      ? [{ type: 'generation_removed', generation }]
      : 'generation_active',
};

/** A rule that needs a rebuild. */
function ofRebuild<Command>(
  rule: (state: TenantGenerations, rebuild: Rebuild, command: Command) => Decided,
): Rule<Command> {
  return (state, command) => (state.rebuild ? rule(state, state.rebuild, command) : 'no_rebuild');
}

function start(
  state: TenantGenerations,
  command: Extract<GenerationCommand, { readonly type: 'start' }>,
): Decided {
  const { generation, version, scope, activate, scopes } = command;
  if (isUnfinished(state) || state.rebuild?.stage === 'verifying') return 'rebuild_unfinished';
  if (state.all.some((one) => one.generation >= generation)) return 'generation_taken';
  if (scope.kind !== 'all') {
    if (!scopes.includes(scope.kind)) return 'scope_not_supported';
    if (isEmpty(scope)) return 'scope_empty';
    // What is copied was folded by the logic of the active one: together with another it would be neither.
    if (generationOf(state, state.active)?.version !== version) return 'older_logic';
  }
  return [{ type: 'rebuild_started', generation, version, scope, activate }];
}

function isEmpty(scope: RebuildScope): boolean {
  switch (scope.kind) {
    case 'all':
      return false;
    case 'event':
      return scope.event === '';
    case 'offsets':
      return scope.from >= scope.to;
    case 'time':
      return scope.fromMs >= scope.toMs;
  }
}

function resume(
  state: TenantGenerations,
  { stage, generation }: Rebuild,
  { version }: CommandOf<'resume'>,
): Decided {
  if (stage !== 'paused' && stage !== 'failed') return 'not_paused';
  if (generationOf(state, generation)?.version !== version) return 'older_logic';
  return [{ type: 'rebuild_resumed' }];
}

function verify(state: TenantGenerations, { stage }: Rebuild): Decided {
  if (RUNNING.includes(stage)) return 'rebuild_unfinished';
  if (stage === 'paused' || stage === 'failed') return 'not_running';
  const generation = candidateOf(state);
  return generation === undefined ? 'no_other_generation' : [{ type: 'verification_begun', generation }];
}

function accept(
  _state: TenantGenerations,
  { stage, verification }: Rebuild,
  { names }: CommandOf<'accept'>,
): Decided {
  if (stage === 'ready' || stage === 'activated') return 'nothing_differs';
  if (stage !== 'different' || !verification) return 'not_verified';
  const isKnown = (pattern: string): boolean =>
    pattern === '*' || verification.differences.some(({ name }) => isMeant(pattern, name));
  if (names.length === 0 || !names.every(isKnown)) return 'no_such_difference';
  return [{ type: 'differences_accepted', names }];
}

function activate(state: TenantGenerations, { stage, generation }: Rebuild): Decided {
  const role = generationOf(state, generation)?.role;
  if (role === 'active') return [];
  if (role === 'dropped') return 'no_rebuild';
  if (stage === 'different') return 'differences_not_accepted';
  // One that was active before was verified then.
  if (stage !== 'ready' && role !== 'previous') return 'not_verified';
  return [{ type: 'generation_activated', generation }];
}

function drop(state: TenantGenerations, { generation }: { readonly generation: number }): Decided {
  const role = generationOf(state, generation)?.role;
  if (role === undefined) return 'generation_unknown';
  if (role === 'active') return 'generation_active';
  if (role === 'dropped') return [];
  const isCompared = state.rebuild?.stage === 'verifying' && candidateOf(state) === generation;
  if (role === 'previous' && isCompared) return 'rebuild_unfinished';
  const dropped: Change = { type: 'generation_dropped', generation };
  return role === 'building' ? [{ type: 'rebuild_cancelled' }, dropped] : [dropped];
}
