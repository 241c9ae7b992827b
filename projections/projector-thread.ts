import { channel } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';
import { Fault, covers } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { EventLog, LogBounds } from '#log';
import { FollowedGeneration, FollowedGenerations } from './followed-generations.ts';
import type { FollowedTenant } from './followed-tenant.ts';
import { stateOf } from './projection-progress.ts';
import type { ProjectionState } from './projection-progress.ts';
import type {
  Announcement,
  Answer,
  Ask,
  Asked,
  FromProjectors,
  ProjectorOf,
  ToProjectors,
} from './projector-messages.ts';

/**
 * A thread in which projectors run, seen from the thread of the log. Follows what it is asked to and nothing
 * else; when it has died and was started again, just that.
 */
export interface ProjectorThread extends AsyncDisposable {
  /** Has a generation folded from its checkpoint, no further than the limit. Of one that is, changes nothing. */
  follow(of: ProjectorOf, limit?: PositionVector): void;
  /** Folds nothing into a generation, whatever its limit, until `follow`; its state says the reason. */
  standStill(of: ProjectorOf, reason: string): void;
  /** Ends the following once nothing is in flight. */
  leave(of: ProjectorOf): Promise<void>;
  /** As `ReadModel.limit`; the generation must be followed. */
  limit(of: ProjectorOf, to: PositionVector | 'here' | undefined): Promise<PositionVector>;
  /** Where a generation stands; undefined when it is not followed or the tenant has no log. */
  state(of: ProjectorOf): Promise<ProjectionState | undefined>;
  /** As `ReadModel.waitFor`; false when the generation is not followed. */
  waitFor(of: ProjectorOf, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}

export type ProjectorThreadOptions = {
  /** The module that calls `hostProjectors`. */
  readonly entry: URL;
  /** What the module finds as its `workerData`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: Pick<EventLog, 'bounds' | 'onCommit'>;
  /** Epoch ms. */
  readonly clock: () => number;
  /** How long after the thread has died it is started again; doubled each time up to 30 s. @default 100 */
  readonly restartAfterMs?: number;
  /** How long the thread may take to end when it is asked to; then it is ended. @default 5000 */
  readonly stopWithinMs?: number;
};

const LONGEST_DELAY_MS = 30_000;
/** A thread that has run for so long did not die of how it started. */
const SOUND_AFTER_MS = 60_000;
const NEVER = new AbortController().signal;

const endedChannel = channel('daybook:projections:thread_ended');

/**
 * Starts a thread for projectors that fold in JavaScript, so that folding does not stand in the way of whoever
 * is served here. Tells it what to follow and of commits, and announces here what is announced there.
 *
 * A thread that dies is announced on `daybook:projections:thread_ended`; its projections are paused with the
 * reason until it has been started again, from their checkpoints.
 */
export function startProjectorThread(options: ProjectorThreadOptions): ProjectorThread {
  return new RunningThread(options);
}

/** What has been asked about a generation and not been answered. */
type Open = {
  readonly ask: Ask;
  readonly followed: FollowedGeneration;
  readonly answered: (answer: Answer) => void;
  readonly failed: (fault: Fault) => void;
};

class RunningThread implements ProjectorThread {
  readonly #options: ProjectorThreadOptions;
  readonly #followed = new FollowedGenerations();
  /** What has been asked and not been answered, by its number. */
  readonly #open = new Map<number, Open>();
  readonly #committed = new Set<TenantId>();
  readonly #commits: Disposable;
  #worker: Worker | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #waits = 0;
  #asks = 0;
  #stopping = false;

  constructor(options: ProjectorThreadOptions) {
    this.#options = options;
    this.#start();
    this.#commits = options.log.onCommit(({ tenant, channel }) => {
      if (channel === 'events') this.#moved(tenant);
    });
  }

  follow(of: ProjectorOf, limit?: PositionVector): void {
    const followed = this.#followed.find(of);
    if (!followed) {
      this.#add(of, limit);
    } else if (followed.standsStill !== undefined) {
      followed.standsStill = undefined;
      this.#tellLimit(followed, limit);
    }
  }

  standStill(of: ProjectorOf, reason: string): void {
    const known = this.#followed.find(of);
    const followed = known ?? this.#add(of, NOTHING);
    followed.standsStill = reason;
    if (known) this.#tellLimit(followed, NOTHING);
  }

  async leave(of: ProjectorOf): Promise<void> {
    const followed = this.#followed.find(of);
    if (!followed) return;
    this.#followed.remove(of);
    followed.pause('it is no longer followed');
    await this.#ask(followed, { type: 'leave', of });
  }

  async limit(of: ProjectorOf, to: PositionVector | 'here' | undefined): Promise<PositionVector> {
    const followed = this.#followed.find(of);
    if (!followed) {
      throw new Fault('INTERNAL', `Generation ${of.generation} of ${of.projection} is not followed.`, {
        details: { tenant: of.tenant },
      });
    }
    if (followed.standsStill === undefined) return this.#setLimit(followed, to);
    await followed.known.reaches([], NEVER);
    return followed.known.confirmed;
  }

  async state(of: ProjectorOf): Promise<ProjectionState | undefined> {
    const known = this.#followed.find(of)?.known;
    if (!known || !(await this.#bounds(of.tenant))) return undefined;
    // Until the thread has said where it stands with the tenant, or that it cannot.
    await known.reaches([], NEVER);
    const bounds = await this.#bounds(of.tenant);
    return bounds && stateOf(known, bounds, this.#options.clock());
  }

  async waitFor(of: ProjectorOf, vector: PositionVector, signal: AbortSignal): Promise<boolean> {
    const followed = this.#followed.find(of);
    if (!followed) return false;
    const wait = ++this.#waits;
    this.#tell({ type: 'wait', wait, of, vector });
    try {
      return await followed.known.reaches(vector, signal);
    } finally {
      this.#tell({ type: 'give_up', wait });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#commits[Symbol.dispose]();
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#tell({ type: 'stop' });
    const limit = setTimeout(() => void worker?.terminate(), this.#options.stopWithinMs ?? 5000);
    await this.#ended;
    clearTimeout(limit);
    this.#pauseAll('the projector has been stopped');
    for (const { failed } of this.#open.values()) failed(stopped());
    this.#open.clear();
  }

  #start(): void {
    const { entry, settings, clock } = this.#options;
    const startedAtMs = clock();
    const worker = new Worker(entry, { workerData: settings });
    this.#worker = worker;
    let reason = 'it ended by itself';
    worker.on('message', (told: FromProjectors) => {
      for (const one of told) {
        if ('ask' in one) this.#answered(one);
        else this.#take(one);
      }
    });
    worker.on('error', (error: unknown) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    const ended = Promise.withResolvers<undefined>();
    this.#ended = ended.promise.then(() => undefined);
    worker.on('exit', () => {
      this.#worker = undefined;
      if (!this.#stopping) this.#died(reason, clock() - startedAtMs);
      ended.resolve(undefined);
    });
    for (const { of, known } of this.#followed.all()) this.#tell({ type: 'follow', of, limit: known.limit });
    for (const { ask } of this.#open.values()) this.#tell(ask);
  }

  #died(reason: string, afterMs: number): void {
    if (afterMs > SOUND_AFTER_MS) this.#deaths = 0;
    const { restartAfterMs = 100 } = this.#options;
    const restartInMs = Math.min(restartAfterMs * 2 ** this.#deaths++, LONGEST_DELAY_MS);
    endedChannel.publish({ reason, restartInMs });
    this.#pauseAll(`the thread of the projector has died: ${reason}`);
    // Nothing of what was left is in flight any more, and if it is followed again that is another matter.
    for (const { ask, followed } of [...this.#open.values()]) {
      if (this.#followed.find(ask.of) !== followed)
        this.#answered({ ask: ask.ask, vector: followed.known.confirmed });
    }
    this.#restart = setTimeout(() => {
      this.#start();
    }, restartInMs);
  }

  #take({ channel: name, message }: Announcement): void {
    const followed = this.#followed.find(message);
    if (followed) {
      switch (name) {
        case 'daybook:projections:applied':
          followed.confirm(message);
          void this.#noteWaiting(followed.known);
          break;
        case 'daybook:projections:paused': {
          const { reason, partition, offset } = message;
          followed.known.pause({ reason, partition, offset });
          break;
        }
        case 'daybook:projections:pruned':
      }
    }
    const announced = channel(name);
    if (announced.hasSubscribers) announced.publish(message);
  }

  async #noteWaiting(known: FollowedTenant): Promise<void> {
    const bounds = await this.#bounds(known.tenant).catch(() => undefined);
    if (!bounds) return;
    known.waitingSinceMs = covers(known.confirmed, bounds.next) ? undefined : this.#options.clock();
  }

  #moved(tenant: TenantId): void {
    for (const { known } of this.#followed.ofTenant(tenant)) {
      known.waitingSinceMs ??= this.#options.clock();
    }
    if (this.#committed.size === 0) {
      setImmediate(() => {
        this.#tell({ type: 'committed', tenants: [...this.#committed] });
        this.#committed.clear();
      });
    }
    this.#committed.add(tenant);
  }

  #pauseAll(reason: string): void {
    for (const followed of this.#followed.all()) followed.pause(reason);
  }

  #add(of: ProjectorOf, limit: PositionVector | undefined): FollowedGeneration {
    const followed = new FollowedGeneration(of, limit);
    this.#followed.add(followed);
    this.#tell({ type: 'follow', of, limit });
    return followed;
  }

  async #setLimit(
    followed: FollowedGeneration,
    to: PositionVector | 'here' | undefined,
  ): Promise<PositionVector> {
    const { of, known } = followed;
    if (to !== 'here') known.limit = to;
    const asking = this.#ask(followed, { type: 'limit', of, to });
    const ask = (followed.limitAsk = this.#asks);
    const vector = await asking;
    // Another limit may have been set while this one was waited for.
    if (to === 'here' && followed.limitAsk === ask) known.limit = vector;
    return vector;
  }

  /** Nobody waits for it to hold. */
  #tellLimit(followed: FollowedGeneration, to: PositionVector | undefined): void {
    this.#setLimit(followed, to).catch(() => undefined);
  }

  async #ask(followed: FollowedGeneration, asked: Asked): Promise<PositionVector> {
    if (this.#stopping) throw stopped();
    const ask: Ask = { ...asked, ask: ++this.#asks };
    const answer = Promise.withResolvers<Answer>();
    this.#open.set(ask.ask, { ask, followed, answered: answer.resolve, failed: answer.reject });
    this.#tell(ask);
    return (await answer.promise).vector;
  }

  #answered(answer: Answer): void {
    this.#open.get(answer.ask)?.answered(answer);
    this.#open.delete(answer.ask);
  }

  /** A thread that is dead is told nothing: it will be told of everything when it is started again. */
  #tell(message: ToProjectors): void {
    this.#worker?.postMessage(message);
  }

  async #bounds(tenant: TenantId): Promise<LogBounds | undefined> {
    try {
      return await this.#options.log.bounds({ tenant, channel: 'events' });
    } catch (error) {
      if (error instanceof Fault && error.code === 'TENANT_UNKNOWN') return undefined;
      throw error;
    }
  }
}

/** A limit that lets nothing through. */
const NOTHING: PositionVector = [];

function stopped(): Fault {
  return new Fault('LOG_CLOSED', 'The projector has been stopped.');
}
