import { channel } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';
import { Fault, covers } from '#domain';
import type { Tenant, TenantId } from '#domain';
import type { EventLog, LogBounds, Tenants } from '#log';
import { FollowedTenant } from './followed-tenant.ts';
import { stateOf } from './projection-progress.ts';
import type { ProjectionProgress } from './projection-progress.ts';
import type { Announcement, FromProjectors, ToProjectors } from './projector-messages.ts';

/** A thread in which projectors run, seen from the thread of the log. */
export interface ProjectorThread extends AsyncDisposable {
  progress(projection: string): ProjectionProgress;
}

export type ProjectorThreadOptions = {
  /** The module that calls `hostProjectors`. */
  readonly entry: URL;
  /** What the module finds as its `workerData`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly log: Pick<EventLog, 'bounds' | 'onCommit'>;
  readonly tenants: Pick<Tenants, 'onTenant'>;
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
 * is served here. Tells it of tenants and commits, and announces here what is announced there.
 *
 * A thread that dies is announced on `daybook:projections:thread_ended`; its projections are paused with the
 * reason until it has been started again, from their checkpoints.
 */
export function startProjectorThread(options: ProjectorThreadOptions): ProjectorThread {
  return new RunningThread(options);
}

class RunningThread implements ProjectorThread {
  readonly #options: ProjectorThreadOptions;
  readonly #tenants = new Map<TenantId, Tenant>();
  /** Projection → tenant → what is known of it here. */
  readonly #known = new Map<string, Map<TenantId, FollowedTenant>>();
  readonly #committed = new Set<TenantId>();
  readonly #following: DisposableStack = new DisposableStack();
  #worker: Worker | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #waits = 0;
  #stopping = false;

  constructor(options: ProjectorThreadOptions) {
    this.#options = options;
    this.#start();
    this.#following.use(
      options.tenants.onTenant((tenant) => {
        this.#tenants.set(tenant.id, tenant);
        this.#tell({ type: 'tenant', tenant });
      }),
    );
    this.#following.use(
      options.log.onCommit(({ tenant, channel }) => {
        if (channel === 'events') this.#moved(tenant);
      }),
    );
  }

  progress(projection: string): ProjectionProgress {
    return {
      state: async (tenant) => {
        const followed = this.#find(projection, tenant);
        if (!this.#tenants.has(tenant) || !(await this.#bounds(tenant))) return undefined;
        // Until the thread has said where it stands with the tenant, or that it cannot.
        await followed.reaches([], NEVER);
        const bounds = await this.#bounds(tenant);
        return bounds && stateOf(followed, bounds, this.#options.clock());
      },
      waitFor: async (tenant, vector, signal) => {
        const wait = ++this.#waits;
        this.#tell({ type: 'wait', wait, projection, tenant, vector });
        try {
          return await this.#find(projection, tenant).reaches(vector, signal);
        } finally {
          this.#tell({ type: 'give_up', wait });
        }
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#following.dispose();
    clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#tell({ type: 'stop' });
    const limit = setTimeout(() => void worker?.terminate(), this.#options.stopWithinMs ?? 5000);
    await this.#ended;
    clearTimeout(limit);
    this.#pauseAll('the projector has been stopped');
  }

  #start(): void {
    const { entry, settings, clock } = this.#options;
    const startedAtMs = clock();
    const worker = new Worker(entry, { workerData: settings });
    this.#worker = worker;
    let reason = 'it ended by itself';
    worker.on('message', (announcements: FromProjectors) => {
      for (const announcement of announcements) this.#take(announcement);
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
    for (const tenant of this.#tenants.values()) this.#tell({ type: 'tenant', tenant });
  }

  #died(reason: string, afterMs: number): void {
    if (afterMs > SOUND_AFTER_MS) this.#deaths = 0;
    const { restartAfterMs = 100 } = this.#options;
    const restartInMs = Math.min(restartAfterMs * 2 ** this.#deaths++, LONGEST_DELAY_MS);
    endedChannel.publish({ reason, restartInMs });
    this.#pauseAll(`the thread of the projector has died: ${reason}`);
    this.#restart = setTimeout(() => {
      this.#start();
    }, restartInMs);
  }

  #take({ channel: name, message }: Announcement): void {
    switch (name) {
      case 'daybook:projections:applied': {
        const followed = this.#find(message.projection, message.tenant);
        followed.logIdentity = message.logIdentity;
        if (followed.paused) followed.pause(undefined);
        followed.confirm(message.vector);
        void this.#noteWaiting(followed);
        break;
      }
      case 'daybook:projections:paused': {
        const { projection, tenant, reason, partition, offset } = message;
        this.#find(projection, tenant).pause({ reason, partition, offset });
        break;
      }
      case 'daybook:projections:pruned':
    }
    const announced = channel(name);
    if (announced.hasSubscribers) announced.publish(message);
  }

  async #noteWaiting(followed: FollowedTenant): Promise<void> {
    const bounds = await this.#bounds(followed.tenant).catch(() => undefined);
    if (!bounds) return;
    followed.waitingSinceMs = covers(followed.confirmed, bounds.next) ? undefined : this.#options.clock();
  }

  #moved(tenant: TenantId): void {
    for (const followed of this.#known.values()) {
      const own = followed.get(tenant);
      if (own) own.waitingSinceMs ??= this.#options.clock();
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
    for (const followed of this.#known.values())
      for (const own of followed.values())
        own.pause({ reason, partition: 0, offset: own.confirmed[0] ?? 0n });
  }

  /** A thread that is dead is told nothing: it will be told of every tenant when it is started again. */
  #tell(message: ToProjectors): void {
    this.#worker?.postMessage(message);
  }

  #find(projection: string, tenant: TenantId): FollowedTenant {
    const tenants = this.#known.get(projection) ?? new Map<TenantId, FollowedTenant>();
    this.#known.set(projection, tenants);
    const followed = tenants.get(tenant) ?? new FollowedTenant(tenant);
    tenants.set(tenant, followed);
    return followed;
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
