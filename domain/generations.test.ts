import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideGenerations } from './decide-generations.ts';
import type { GenerationCommand } from './decide-generations.ts';
import { NO_GENERATIONS, evolveGenerations, keptGenerations } from './generations.ts';
import type { GenerationComparison, GenerationEvent, TenantGenerations } from './generations.ts';

const BY = { actor: 'ann', reason: 'because' };
const ALL = ['all', 'event', 'offsets', 'time'] as const;

/** A command without who and when, and words for the common ones. */
type Wanted = GenerationCommand extends infer Command
  ? Command extends GenerationCommand
    ? Omit<Command, 'atMs' | 'by'>
    : never
  : never;
type Start = Extract<Wanted, { readonly type: 'start' }>;

const adopt: Extract<Wanted, { readonly type: 'adopt' }> = { type: 'adopt', generation: 1, version: 1 };
const start: Start = {
  type: 'start',
  generation: 2,
  version: 1,
  scope: { kind: 'all' },
  activate: false,
  scopes: ALL,
};
const caughtUp: Wanted = { type: 'caught_up', generation: 2 };
const found = (
  generation: number,
  names: readonly string[],
  more = 0,
): Extract<Wanted, { readonly type: 'verified' }> => ({
  type: 'verified',
  generation,
  against: 1,
  vector: [5n],
  comparison: differing(names, more),
});
const accept = (...names: string[]): Wanted => ({ type: 'accept', names });
const plain = (type: 'pause' | 'cancel' | 'verify' | 'activate' | 'rollback'): Wanted => ({ type });
const resume: Wanted = { type: 'resume', version: 1 };

function differing(names: readonly string[], more = 0): GenerationComparison {
  return {
    compared: 10,
    different: names.length + more,
    differences: names.map((name) => ({ name, active: 'a', candidate: 'b', examples: [] })),
    checksums: { active: 'x', candidate: names.length + more === 0 ? 'x' : 'y' },
  };
}

function after(...commands: readonly Wanted[]): TenantGenerations {
  return commands.reduce<TenantGenerations>((state, command, index) => {
    const decided = decideGenerations(state, { ...command, atMs: index, by: BY });
    assert.ok(decided.ok, `${command.type}: ${decided.ok ? '' : decided.reason}`);
    return decided.events.reduce(evolveGenerations, state);
  }, NO_GENERATIONS);
}

function outcomeOf(before: readonly Wanted[], command: Wanted): string {
  const decided = decideGenerations(after(...before), { ...command, atMs: 99, by: BY });
  return decided.ok ? decided.events.map(({ type }) => type).join(' ') : decided.reason;
}

const BUILT = [adopt, start, caughtUp];
const READY = [...BUILT, found(2, [])];
const DIFFERENT = [...BUILT, found(2, ['2024-03-05', '2024-03-06'])];
const ACTIVATED = [...READY, plain('activate')];
const PARTIAL: Start = { ...start, scope: { kind: 'event', event: 'click' } };

test('what each command does in each situation', () => {
  const table: readonly (readonly [before: readonly Wanted[], command: Wanted, outcome: string])[] = [
    [[], adopt, 'projection_adopted'],
    [[adopt], { ...adopt, version: 2 }, ''],
    [[], start, 'not_adopted'],
    [[adopt], start, 'rebuild_started'],
    [[adopt], { ...start, generation: 1 }, 'generation_taken'],
    [[adopt, start], { ...start, generation: 3 }, 'rebuild_unfinished'],
    [[adopt], { ...PARTIAL, scopes: ['all'] }, 'scope_not_supported'],
    [[adopt], { ...PARTIAL, version: 2 }, 'older_logic'],
    [[adopt], { ...start, version: 2 }, 'rebuild_started'],
    [[adopt], { ...start, scope: { kind: 'time', fromMs: 5, toMs: 5 } }, 'scope_empty'],
    [[adopt, PARTIAL], caughtUp, 'not_running'],
    [[adopt, PARTIAL], { type: 'copied', generation: 2 }, 'rest_copied'],
    [[adopt, start], { type: 'copied', generation: 2 }, 'not_running'],
    [[adopt, start], plain('pause'), 'rebuild_paused'],
    [[adopt, start, plain('pause')], plain('pause'), 'not_running'],
    [[adopt, start, plain('pause')], caughtUp, 'not_running'],
    [[adopt, start, plain('pause')], resume, 'rebuild_resumed'],
    [[adopt, start, plain('pause')], { type: 'resume', version: 2 }, 'older_logic'],
    [[adopt, start], resume, 'not_paused'],
    [[adopt, start], { type: 'fail', generation: 2, why: 'x' }, 'rebuild_failed'],
    [[adopt, start, { type: 'fail', generation: 2, why: 'x' }], resume, 'rebuild_resumed'],
    [[adopt, start], plain('activate'), 'not_verified'],
    [[adopt, start], plain('verify'), 'rebuild_unfinished'],
    [[adopt, start], plain('cancel'), 'rebuild_cancelled generation_dropped'],
    [[adopt, start, plain('cancel')], plain('cancel'), 'no_rebuild'],
    [[adopt, start, plain('cancel')], plain('activate'), 'no_rebuild'],
    [[adopt, start, plain('cancel')], { ...start, generation: 3 }, 'rebuild_started'],
    [[adopt, start, plain('cancel')], start, 'generation_taken'],
    [BUILT, found(3, []), 'not_running'],
    [BUILT, { ...found(2, []), against: 2 }, 'not_running'],
    [READY, found(2, []), 'not_running'],
    [READY, plain('verify'), 'verification_begun'],
    [READY, accept('2024-03-05'), 'nothing_differs'],
    [READY, plain('activate'), 'generation_activated'],
    [DIFFERENT, plain('activate'), 'differences_not_accepted'],
    [DIFFERENT, accept('2024-03-07'), 'no_such_difference'],
    [DIFFERENT, accept(), 'no_such_difference'],
    [DIFFERENT, accept('2024-03-05'), 'differences_accepted'],
    [[...DIFFERENT, accept('2024-03-05')], plain('activate'), 'differences_not_accepted'],
    [[...DIFFERENT, accept('2024-03-05', '2024-03-06')], plain('activate'), 'generation_activated'],
    [[...DIFFERENT, accept('2024-03-*')], plain('activate'), 'generation_activated'],
    [
      [...DIFFERENT, accept('*'), plain('verify'), found(2, ['2024-03-05'])],
      plain('activate'),
      'differences_not_accepted',
    ],
    [[...BUILT, found(2, ['a'], 1), accept('a')], plain('activate'), 'differences_not_accepted'],
    [[...BUILT, found(2, ['a'], 1), accept('*')], plain('activate'), 'generation_activated'],
    [ACTIVATED, plain('activate'), ''],
    [ACTIVATED, plain('rollback'), 'generation_activated'],
    [[adopt], plain('rollback'), 'no_other_generation'],
    [[...ACTIVATED, { type: 'drop', generation: 1 }], plain('rollback'), 'no_other_generation'],
    [[...ACTIVATED, plain('rollback')], plain('activate'), 'generation_activated'],
    [ACTIVATED, { type: 'drop', generation: 2 }, 'generation_active'],
    [ACTIVATED, { type: 'drop', generation: 1 }, 'generation_dropped'],
    [ACTIVATED, { type: 'drop', generation: 7 }, 'generation_unknown'],
    [ACTIVATED, plain('verify'), 'verification_begun'],
    [[...ACTIVATED, plain('verify')], { type: 'drop', generation: 1 }, 'rebuild_unfinished'],
    [[...ACTIVATED, { type: 'drop', generation: 1 }], plain('verify'), 'no_other_generation'],
    [
      [...ACTIVATED, { type: 'drop', generation: 1 }],
      { type: 'removed', generation: 1 },
      'generation_removed',
    ],
    [ACTIVATED, { type: 'removed', generation: 1 }, 'generation_active'],
    [DIFFERENT, { type: 'drop', generation: 2 }, 'rebuild_cancelled generation_dropped'],
  ];
  for (const [before, command, outcome] of table) {
    const said = [...before, command].map(({ type }) => type).join(' → ');
    assert.equal(outcomeOf(before, command), outcome, said);
  }
});

test('a rollback while another is being rebuilt makes it be compared anew', () => {
  const again: Start = { ...start, generation: 3 };
  const state = after(...ACTIVATED, again, { type: 'caught_up', generation: 3 }, plain('rollback'));
  assert.equal(state.active, 1);
  assert.equal(state.rebuild?.stage, 'folding');
});

test('a comparison with the generation before that fails leaves the active one active', () => {
  const state = after(...ACTIVATED, plain('verify'), { type: 'fail', generation: 1, why: 'disk' });
  assert.deepEqual([state.active, state.rebuild?.stage, state.rebuild?.reason], [2, 'activated', 'disk']);
});

/** What is asked, in terms of how things are: of a generation near the newest, compared mostly with the active. */
type Asked = (state: TenantGenerations) => Wanted;

const near = fc.constantFrom(0, 0, 0, -1, -2, 1);
const newest = ({ all }: TenantGenerations): number => Math.max(...all.map(({ generation }) => generation));

/** What goes on by itself, or leads on. */
function next(state: TenantGenerations, names: readonly string[]): Wanted {
  const generation = newest(state);
  switch (state.rebuild?.stage) {
    case 'copying':
      return { type: 'copied', generation };
    case 'folding':
      return { type: 'caught_up', generation };
    case 'verifying':
      return { ...found(generation, names), against: state.active };
    case 'different':
      return accept('d*', 'e1');
    case 'ready':
      return plain('activate');
    case 'paused':
    case 'failed':
      return resume;
    case undefined:
    case 'cancelled':
    case 'activated':
      return { ...start, generation: generation + 1 };
  }
}

const anyCommand: fc.Arbitrary<Asked> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.subarray(['d1', 'd2', 'e1']).map(
      (names): Asked =>
        (state) =>
          next(state, names),
    ),
  },
  fc.constant<Asked>(() => adopt),
  fc
    .boolean()
    .map((isPart): Asked => (state) => ({ ...(isPart ? PARTIAL : start), generation: newest(state) + 1 })),
  fc
    .constantFrom<Wanted>(
      ...(['pause', 'cancel', 'verify', 'activate', 'activate', 'rollback'] as const).map(plain),
      resume,
    )
    .map(
      (command): Asked =>
        () =>
          command,
    ),
  fc
    .record({
      type: fc.constantFrom('copied' as const, 'caught_up' as const, 'removed' as const, 'drop' as const),
      near,
    })
    .map(({ type, near }): Asked => (state) => ({ type, generation: newest(state) + near })),
  near.map((near): Asked => (state) => ({ type: 'fail', generation: newest(state) + near, why: 'w' })),
  fc
    .record({ near, off: fc.constantFrom(0, 0, 0, 1), names: fc.subarray(['d1', 'd2', 'e1']) })
    .map(({ near, off, names }): Asked => (state) => ({
      type: 'verified',
      generation: newest(state) + near,
      against: state.active + off,
      vector: [],
      comparison: differing(names),
    })),
  fc.subarray(['d1', 'd*', 'e1', '*']).map(
    (names): Asked =>
      () =>
        accept(...names),
  ),
);

/** Whether the events before an activation allow it, read straight from them. */
function mayActivate(history: readonly GenerationEvent[], generation: number): boolean {
  if (history.some((event) => event.type === 'generation_dropped' && event.generation === generation))
    return false;
  if (history.some((event) => event.type === 'generation_activated' && event.generation === generation))
    return true;
  if (history.some((event) => event.type === 'projection_adopted' && event.generation === generation))
    return true;
  const at = history.findLastIndex(
    (event) => event.type === 'generation_verified' && event.generation === generation,
  );
  const verified = history[at];
  if (verified?.type !== 'generation_verified') return false;
  const since = history.slice(at + 1);
  if (since.some(({ type }) => type === 'verification_begun' || type === 'generation_activated'))
    return false;
  const names = since.flatMap((event) => (event.type === 'differences_accepted' ? event.names : []));
  const isNamed = (name: string): boolean =>
    names.some((one) => one === name || (one.endsWith('*') && name.startsWith(one.slice(0, -1))));
  return verified.comparison.differences.every(({ name }) => isNamed(name));
}

test('whatever is asked in whatever order: one is active, verified before, and none comes back', () => {
  let activations = 0;
  fc.assert(
    fc.property(fc.array(anyCommand, { minLength: 20, maxLength: 120 }), (commands) => {
      const history: GenerationEvent[] = [];
      let state = after(adopt);
      history.push({ type: 'projection_adopted', generation: 1, version: 1, atMs: 0, by: BY });
      for (const [index, asked] of commands.entries()) {
        const decided = decideGenerations(state, { ...asked(state), atMs: index, by: BY });
        if (!decided.ok) continue;
        for (const event of decided.events) {
          if (event.type === 'generation_activated') {
            activations++;
            assert.ok(mayActivate(history, event.generation), `generation ${event.generation} was activated`);
          }
          history.push(event);
          state = evolveGenerations(state, event);
          const active = state.all.filter(({ role }) => role === 'active');
          assert.deepEqual(
            active.map(({ generation }) => generation),
            [state.active],
          );
          assert.ok(keptGenerations(state).filter(({ role }) => role === 'building').length <= 1);
        }
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(activations > 100, `only ${activations} activations were tried`);
});
