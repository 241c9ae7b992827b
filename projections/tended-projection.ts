import { setTimeout as sleep } from 'node:timers/promises';
import { Fault, candidateOf, generationOf } from '#domain';
import type { Generation, PositionVector, Rebuild, RebuildStage, TenantGenerations } from '#domain';
import type { Generations } from './generations.ts';
import { HeldGenerations, RETRY_MS, unlessAborted } from './held-generations.ts';
import type { GenerationOf, ReadModel } from './read-model.ts';
import type { ProjectionOf } from './rebuilds.ts';

export type TendedProjectionOptions = {
  readonly of: ProjectionOf;
  readonly model: ReadModel;
  readonly generations: Generations;
  /** Epoch ms. */
  readonly clock: () => number;
  /** Something has moved on; called a few times a second while a rebuild runs. */
  readonly moved: () => void;
};

/** How far a rebuild has come, and how fast. */
export type RebuildProgress = {
  readonly done: number;
  readonly total: number;
  /** Records a second; null while nothing is folded. */
  readonly rate: number | null;
};

/** Stages in which nothing may be folded. */
const PAUSED: readonly RebuildStage[] = ['paused', 'failed'];

type Job = { readonly name: string; readonly stop: AbortController; readonly done: Promise<void> };

const BY = { actor: 'daybook', reason: 'the rebuild goes on by itself' };
const TICK_MS = 500;
/** Over how many ticks the rate is taken. */
const RATE_TICKS = 10;
/** How long what is to become active may take to come to where the active one is. */
const ACTIVATION_MS = 30_000;

/**
 * Does what the control plane says of one projection of one tenant: keeps its generations current, builds and
 * compares another one, removes what is dropped. Whatever is under way begins again after a restart.
 */
export class TendedProjection implements AsyncDisposable {
  readonly #options: TendedProjectionOptions;
  /** Generations that the read model has open, and those of them that may not move because of a pause. */
  readonly #taken = new Set<number>();
  readonly #paused = new Set<number>();
  readonly #stop = new AbortController();
  readonly #held: HeldGenerations;
  readonly #removing = new Map<number, Promise<void>>();
  #job: Job | undefined;
  #tending: Promise<void> = Promise.resolve();
  #samples: { readonly atMs: number; readonly done: number }[] = [];

  constructor(options: TendedProjectionOptions) {
    this.#options = options;
    this.#held = new HeldGenerations({
      model: options.model,
      tenant: options.of.tenant,
      isStill: (generation) => this.isStill(generation),
      limitOf: (generation) => this.#limitOf(generation),
    });
  }

  /** Takes up a generation before the control plane says anything, so that nobody waits for it to be said. */
  takeUp(generation: number): void {
    if (this.#taken.has(generation)) return;
    this.#taken.add(generation);
    const { model } = this.#options;
    const reason = this.#reasonOfStill(generation);
    const of = this.#of(generation);
    const taking = reason === undefined ? model.follow(of) : model.standStill(of, reason);
    taking.catch(() => {
      this.#taken.delete(generation);
      void this.tend();
    });
  }

  /** Looks at what is to be done, and begins it; resolves when whatever ends has ended. */
  tend(): Promise<void> {
    // At once, whatever else is under way: these are asked.
    for (const { generation, role } of this.#state().all) {
      if (role === 'active' || role === 'previous') this.takeUp(generation);
    }
    this.#tending = this.#tending.then(() => this.#tendUntilDone());
    return this.#tending;
  }

  /**
   * Appends by `change` that another generation is active, at a moment at which it holds everything that the
   * active one has shown. Throws `PROJECTION_COMMAND_REFUSED` when it does not come so far in time.
   */
  async activate<Changed>(generation: number | undefined, change: () => Promise<Changed>): Promise<Changed> {
    const { model } = this.#options;
    const { active } = this.#state();
    if (generation === undefined || generation === active || this.isStill(generation)) return change();
    const limit = AbortSignal.any([AbortSignal.timeout(ACTIVATION_MS), this.#stop.signal]);
    try {
      const here = await this.#held.freeze(active, limit);
      if (!(await model.waitFor(this.#of(generation), here, limit))) {
        throw new Fault('PROJECTION_COMMAND_REFUSED', 'It does not hold yet what the active one holds.', {
          details: { reason: 'behind' },
        });
      }
      return await change();
    } finally {
      for (const one of [active, generation]) await this.#held.release(one);
    }
  }

  /** Whether a generation is of other logic than this process has, and so must not be folded further. */
  isStill(generation: number): boolean {
    const { model } = this.#options;
    return (generationOf(this.#state(), generation)?.version ?? model.version) !== model.version;
  }

  /** How far the newest rebuild has come. */
  async progress(): Promise<RebuildProgress> {
    const { rebuild } = this.#state();
    const state = rebuild ? await this.#options.model.state(this.#of(rebuild.generation)) : undefined;
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0;
    return {
      done: state ? sum(state.confirmed) : 0,
      total: state ? sum(state.highWater) : 0,
      rate: first && last && seconds > 0 ? Math.round((last.done - first.done) / seconds) : null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#endJob();
    await this.#tending;
    await Promise.all(this.#removing.values());
    // What was begun while it was being stopped.
    await this.#endJob();
  }

  #state(): TenantGenerations {
    return this.#options.generations.of(this.#options.of);
  }

  #of(generation: number): GenerationOf {
    return { tenant: this.#options.of.tenant, generation };
  }

  async #tendUntilDone(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#tend();
        return;
      } catch {
        // A store that is down comes back; until then what serves goes on serving.
        await sleep(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async #tend(): Promise<void> {
    const state = this.#state();
    const name = jobOf(state);
    if (this.#job && this.#job.name !== name) await this.#endJob();
    for (const one of state.all) if (one.role === 'building') await this.#tendBuilding(one, state.rebuild);
    if (name !== undefined && !this.#job && !this.#stop.signal.aborted) this.#begin(name);
    for (const { generation, role, removed } of state.all) {
      if (role !== 'dropped' || removed || this.#removing.has(generation)) continue;
      // Beside everything else, because it takes its time.
      const removing = this.#removeUntilDone(generation).finally(() => this.#removing.delete(generation));
      this.#removing.set(generation, removing);
    }
  }

  async #tendBuilding({ generation, role }: Generation, rebuild: Rebuild | null): Promise<void> {
    if (!rebuild) return;
    const { model } = this.#options;
    const of = this.#of(generation);
    const isPaused = PAUSED.includes(rebuild.stage);
    // Nothing may be folded into it before all that is copied is there.
    if ((isPaused ? rebuild.before : rebuild.stage) === 'copying') return;
    if (this.#taken.has(generation)) return this.#pauseOrResume(generation, isPaused);
    this.#taken.add(generation);
    if (isPaused) this.#paused.add(generation);
    const reason = isPaused ? 'Its rebuild is paused.' : this.#reasonOfStill(generation);
    if (reason !== undefined) await model.standStill(of, reason);
    else await model.follow(of, await this.#beyondActive(role));
  }

  async #pauseOrResume(generation: number, isPaused: boolean): Promise<void> {
    if (isPaused) {
      this.#paused.add(generation);
      await this.#held.freeze(generation, this.#stop.signal);
    } else if (this.#paused.delete(generation)) {
      // Paused before the process began it only stands still; follow lets it go on.
      await this.#options.model.follow(this.#of(generation), await this.#beyondActive('building'));
      await this.#held.release(generation);
    }
  }

  async #removeUntilDone(generation: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#remove(generation);
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }

  async #remove(generation: number): Promise<void> {
    const { model, generations, of } = this.#options;
    await unlessAborted(model.leave(this.#of(generation)), this.#stop.signal);
    this.#taken.delete(generation);
    this.#paused.delete(generation);
    await model.drop(this.#of(generation));
    await generations.change(of, { type: 'removed', generation }, BY);
  }

  #reasonOfStill(generation: number): string | undefined {
    if (!this.isStill(generation)) return undefined;
    const { model, of } = this.#options;
    const version = generationOf(this.#state(), generation)?.version ?? 0;
    return `It was folded by version ${version} of the logic of ${of.projection} and this process has version ${model.version}; a rebuild brings it up to date: daybook projections rebuild ${of.projection} --tenant ${of.tenant}.`;
  }

  /** How far a generation may go: what is paused no further. */
  async #limitOf(generation: number): Promise<PositionVector | 'here' | undefined> {
    const { rebuild } = this.#state();
    const role = generationOf(this.#state(), generation)?.role;
    const isPaused = role === 'building' && rebuild !== null && PAUSED.includes(rebuild.stage);
    return isPaused ? 'here' : this.#beyondActive(role);
  }

  /** What is built beside something that stands still must not leave it behind before they are compared. */
  async #beyondActive(role: Generation['role'] | undefined): Promise<PositionVector | undefined> {
    const { active } = this.#state();
    if (role !== 'building' || this.#options.model.asOf || !this.isStill(active)) return undefined;
    return (await this.#options.model.state(this.#of(active)))?.confirmed;
  }

  #begin(name: string): void {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#stop.signal]);
    const done = this.#run(signal);
    this.#job = { name, stop, done };
    const ticking = setInterval(() => void this.#tick(), TICK_MS);
    ticking.unref();
    void done.finally(() => {
      clearInterval(ticking);
      this.#samples = [];
    });
  }

  async #endJob(): Promise<void> {
    const job = this.#job;
    this.#job = undefined;
    job?.stop.abort();
    await job?.done;
  }

  async #tick(): Promise<void> {
    const { done } = await this.progress().catch(() => ({ done: 0 }));
    this.#samples = [...this.#samples, { atMs: this.#options.clock(), done }].slice(-RATE_TICKS);
    this.#options.moved();
  }

  /** One stage of a rebuild; it ends by appending what has come of it, and that begins the next. */
  async #run(signal: AbortSignal): Promise<void> {
    const { rebuild } = this.#state();
    const generation = candidateOf(this.#state());
    if (!rebuild || generation === undefined) return;
    try {
      if (rebuild.stage === 'copying') await this.#copy(generation, rebuild, signal);
      else if (rebuild.stage === 'folding') await this.#fold(generation, signal);
      else if (rebuild.stage === 'verifying') await this.#verify(generation, signal);
      else await this.#activateByItself(generation, signal);
    } catch (error) {
      if (signal.aborted) return;
      const why = error instanceof Error ? error.message : String(error);
      await this.#change({ type: 'fail', generation, why }).catch(() => undefined);
    }
  }

  async #activateByItself(generation: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.activate(generation, () => this.#change({ type: 'activate' }));
        return;
      } catch (error) {
        if (!(error instanceof Fault) || error.details['reason'] !== 'behind') throw error;
        signal.throwIfAborted();
      }
    }
  }

  async #copy(generation: number, { scope }: Rebuild, signal: AbortSignal): Promise<void> {
    const { model } = this.#options;
    const from = this.#of(this.#state().active);
    const vector = (await model.state(from))?.confirmed ?? [];
    await model.copyRest(from, this.#of(generation), { scope, vector, signal });
    await this.#change({ type: 'copied', generation });
  }

  async #fold(generation: number, signal: AbortSignal): Promise<void> {
    const { model } = this.#options;
    this.#refuseOtherLogic(generation);
    for (;;) {
      const { active } = this.#state();
      const state = await model.state(this.#of(active));
      const vector = (this.isStill(active) && !model.asOf ? state?.confirmed : state?.highWater) ?? [];
      if (state && (await model.waitFor(this.#of(generation), vector, signal))) break;
      signal.throwIfAborted();
      // It stands still with a reason that is shown; most go away by themselves.
      await sleep(RETRY_MS, undefined, { signal });
    }
    await this.#change({ type: 'caught_up', generation });
  }

  async #verify(generation: number, signal: AbortSignal): Promise<void> {
    const { model } = this.#options;
    const { active } = this.#state();
    const both = [active, generation];
    try {
      const vector = model.asOf
        ? await this.#held.common(both, signal)
        : await this.#held.standTogether(both, signal);
      const comparison = await model.compare(this.#of(active), this.#of(generation), vector, signal);
      await this.#change({ type: 'verified', generation, against: active, vector, comparison });
    } finally {
      if (!model.asOf) for (const one of both) await this.#held.release(one);
    }
  }

  #refuseOtherLogic(generation: number): void {
    const reason = this.#reasonOfStill(generation);
    if (reason !== undefined) throw new Error(`${reason} Cancel this one first.`);
  }

  async #change(wanted: Parameters<Generations['change']>[1]): Promise<void> {
    // A refusal means that somebody has decided otherwise meanwhile; then that is done.
    await this.#options.generations.change(this.#options.of, wanted, BY);
  }
}

/** What is to be worked on, by a name that changes with it; undefined when nothing is. */
function jobOf({ rebuild, active }: TenantGenerations): string | undefined {
  if (!rebuild) return undefined;
  const { stage, generation, activate, verification } = rebuild;
  const isDue = stage === 'ready' && activate && verification?.different === 0;
  const isRunning = stage === 'copying' || stage === 'folding' || stage === 'verifying';
  return isRunning || isDue ? `${stage} ${generation} against ${active}` : undefined;
}

function sum(vector: PositionVector): number {
  return Number(vector.reduce((total, offset) => total + offset, 0n));
}
