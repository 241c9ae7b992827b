import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { arm, failureEnv } from './arm.ts';
import { namesOf, pointOf } from './fail-points.ts';
import type { FailPointName } from './fail-points.ts';
import {
  READ_MODELS,
  command,
  generationOfAnswer,
  show,
  storedGenerations,
  untilActivated,
} from './rebuilding.ts';
import type { Standing } from './rebuilding.ts';
import { Trial } from './trial.ts';
import { assertTruth, assertTruthOnline } from './truth.ts';

const DAY_MS = 86_400_000;
const AT_FIRST = 160;
const INPUTS_PER_LIFE = 40;
const LIFE_MS = 120_000;
const ASKED_EVERY_MS = 50;
const ENV = { DAYBOOK_LOG_LEVEL: 'error' };

/** What one life leaves for the next. */
type Life = { readonly dataDir: string; readonly trial: Trial; readonly before: Standing | undefined };

test('killed between any two writes of a rebuild under load: the active generation serves, and the rebuild ends', async (t) => {
  await using dir = await temporaryDir();
  const names = interleaved(namesOf('rebuilding'), namesOf('dropping'));
  const trial = new Trial(t, { events: AT_FIRST + names.length * INPUTS_PER_LIFE, ...someDays() });
  trial.add(AT_FIRST);
  let before: Standing | undefined;
  for (const name of names) {
    await t.test(name, async () => {
      before = await liveUntilKilled(name, { dataDir: dir.path, trial, before });
    });
  }
  await t.test('and at the end', async () => {
    await using platform = await startPlatform({ dataDir: dir.path, env: ENV });
    const { facts } = await settle(platform, { trial, before });
    assert.ok(facts.newest > names.length / 2, `only ${facts.newest} generations were built`);
    await assertTruth(platform, trial.told());
    const found = await storedGenerations(dir.path);
    for (const projection of READ_MODELS) assert.deepEqual(found[projection].stored, found[projection].kept);
    assert.ok(found.facts.kept.length < 5, 'what was dropped is removed');
  });
});

/** What is dropped must have been active before: after some rebuilds comes one life that drops. */
function interleaved(
  built: readonly FailPointName[],
  dropped: readonly FailPointName[],
): readonly FailPointName[] {
  const each = Math.floor(built.length / dropped.length);
  return built.flatMap((name, index) => {
    const next = (index + 1) % each === 0 ? dropped[(index + 1) / each - 1] : undefined;
    return next ? [name, next] : [name];
  });
}

/** A few closed days, so that there is something to seal, around the turn of a month. */
function someDays(): { readonly fromMs: number; readonly toMs: number } {
  const now = new Date();
  const turn = (monthsBack: number): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsBack);
  const middle = turn(0) + 3 * DAY_MS < now.getTime() ? turn(0) : turn(1);
  return { fromMs: middle - 2 * DAY_MS, toMs: middle + 2 * DAY_MS };
}

/** Ends what the life before has left, compares all, and goes on to the point; answers what stood before that. */
async function liveUntilKilled(name: FailPointName, { dataDir, trial, before }: Life): Promise<Standing> {
  const failFile = join(dataDir, name);
  await using platform = await startPlatform({ dataDir, env: { ...ENV, ...failureEnv(failFile) } });
  const standing = await settle(platform, { trial, before });
  const isDrop = pointOf(name).during === 'dropping';
  if (!isDrop) await dropPrevious(platform, standing);
  const [dropped] = standing[projectionOf(name)].previous;
  const generation = isDrop ? dropped : standing[projectionOf(name)].newest + 1;
  assert.ok(generation !== undefined, `nothing to drop: ${JSON.stringify(standing)}`);
  arm(failFile, { at: name, by: 'kill', generation });
  trial.add(INPUTS_PER_LIFE);
  const served: number[] = [];
  const living = Promise.all(
    [
      trial.sender.send(platform, { isEnded: false, mayEnd: true }),
      isDrop ? dropPrevious(platform, standing) : rebuild(platform, name),
      watch(platform, served),
    ].map(unlessGone),
  );
  const limit = sleep(LIFE_MS, undefined, { ref: false }).then(() => 'still alive');
  const end = await Promise.race([platform.gone, limit, living.then(() => platform.gone)]);
  assert.equal(end, 'SIGKILL', `${name} was not reached\n${platform.written()}`);
  assert.equal(readFileSync(`${failFile}.reached`, 'utf8'), name);
  await living;
  const { active, newest } = standing.facts;
  assert.deepEqual(
    [...served].sort((one, other) => one - other),
    served,
    'never back to the one before',
  );
  assert.ok(
    served.every((one) => one === active || one === newest + 1),
    String(served),
  );
  return standing;
}

/** That nobody answers any more is what is wanted; a wrong answer is not. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

function projectionOf(name: FailPointName) {
  const { having } = pointOf(name);
  const said = `${String(having['projection'])} ${String(having['stream'])} ${String(having['what'])}`;
  if (/live_views|views$/.test(said) && having['what'] !== 'fact_views') return 'live_views';
  return said.includes('user_profiles') ? 'user_profiles' : 'facts';
}

/** Before anything is awaited one generation of each is active and answers; what was begun then ends by itself. */
async function settle(
  platform: Platform,
  { trial, before }: Pick<Life, 'trial' | 'before'>,
): Promise<Standing> {
  const answered = await generationOfAnswer(platform, 'acme');
  for (const projection of READ_MODELS) {
    const known = await platform.get(`/api/v1/projections/${projection}?tenant_id=acme`);
    // Before its first event nobody knows of the tenant.
    if (!before && known.status === 404) continue;
    const { generations, active_generation: active } = await show(platform, projection);
    const roles = generations.filter(({ role }) => role === 'active').map(({ generation }) => generation);
    assert.deepEqual(roles, [active], `exactly one of ${projection} is active`);
    const was = before?.[projection];
    const may = was ? [was.active, was.newest + 1] : [1];
    assert.ok(may.includes(active), `${projection}: ${active}, not one of ${String(may)}`);
    if (projection === 'facts') assert.ok(may.includes(answered), `${answered} answered`);
  }
  await trial.sender.send(platform);
  const standing = await untilActivated(platform);
  await assertTruthOnline(platform, trial.told());
  assert.equal(await generationOfAnswer(platform, 'acme'), standing.facts.active);
  assert.equal(await generationOfAnswer(platform, 'globex'), 1, 'of another tenant nothing was rebuilt');
  return standing;
}

async function rebuild(platform: Platform, name: FailPointName): Promise<void> {
  const isOfPart = /copy|copied/.test(name);
  for (const projection of READ_MODELS) {
    const part = isOfPart && projection === 'facts' ? { event: 'click' } : {};
    await command(platform, projection, ['rebuild', { ...part, activate: true }]);
  }
}

async function dropPrevious(platform: Platform, standing: Standing): Promise<void> {
  for (const projection of READ_MODELS) {
    for (const generation of standing[projection].previous)
      await command(platform, projection, ['drop', { generation }]);
  }
}

/** Which generation answers, again and again until nobody does. */
async function watch(platform: Platform, served: number[]): Promise<never> {
  for (;;) {
    served.push(await generationOfAnswer(platform, 'acme'));
    await sleep(ASKED_EVERY_MS);
  }
}
