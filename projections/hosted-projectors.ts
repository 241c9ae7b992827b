import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { MessagePort } from 'node:worker_threads';
import type { PositionVector, TenantId } from '#domain';
import type { EventLogReader, LogName } from '#log';
import { ANNOUNCED } from './projector-messages.ts';
import type { Announcement, Answer, Ask, ProjectorOf, ToProjectors } from './projector-messages.ts';

/** A running projector of one generation, whatever it keeps, over the tenants it is told. */
export interface HostedProjector extends AsyncDisposable {
  /** Begins to fold the tenant's log from its checkpoint, with a limit no further than that vector. */
  follow(tenant: TenantId, limit?: PositionVector): void;
  /** Ends that once nothing of the tenant is in flight. */
  leave(tenant: TenantId): Promise<void>;
  /** As `ReadModel.limit`. */
  limit(tenant: TenantId, to: PositionVector | 'here' | undefined): Promise<PositionVector>;
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}

/** What a thread hears from the thread of the log. */
export type Surroundings = {
  readonly onCommit: EventLogReader['onCommit'];
  /** Closes what it is given, the last first, when the thread is asked to stop. */
  readonly opened: AsyncDisposableStack;
};

/** Starts the projector of a generation; it is closed when it has no tenant any more. */
export type StartProjector = (generation: number) => HostedProjector;

/** Opens what the projectors of a thread need, and answers how each is started, by its projection. */
export type OpenProjectors = (around: Surroundings) => Promise<Readonly<Record<string, StartProjector>>>;

/**
 * Runs projectors in a thread that `startProjectorThread` has started, one for each generation it asks for,
 * until it asks to stop; then it closes everything in order and the thread ends. What they announce is told to
 * the thread of the log.
 */
export async function hostProjectors(port: MessagePort, open: OpenProjectors): Promise<void> {
  const onCommit = new Set<(log: LogName) => void>();
  const waits = new Map<number, AbortController>();
  const stop = Promise.withResolvers<undefined>();
  const opening = Promise.withResolvers<HostedGenerations>();

  async function wait({ wait, of, vector }: ToProjectors & { type: 'wait' }): Promise<void> {
    const given = new AbortController();
    waits.set(wait, given);
    const generations = await opening.promise;
    const projector = await generations.find(of);
    if (!given.signal.aborted) await projector?.waitFor(of.tenant, vector, given.signal);
    waits.delete(wait);
  }

  async function answer(asked: Ask): Promise<void> {
    const { ask, of } = asked;
    const generations = await opening.promise;
    if (asked.type === 'leave') {
      await generations.leave(of);
      telling.tell({ ask, vector: [] });
      return;
    }
    const projector = await generations.find(of);
    const vector = await projector?.limit(of.tenant, asked.to);
    telling.tell({ ask, vector: vector ?? [] });
  }

  port.on('message', (message: ToProjectors) => {
    switch (message.type) {
      case 'follow':
        void opening.promise.then((generations) => generations.follow(message.of, message.limit));
        return;
      case 'committed':
        for (const tenant of message.tenants)
          for (const listener of onCommit) listener({ tenant, channel: 'events' });
        return;
      case 'wait':
        void wait(message);
        return;
      case 'give_up':
        waits.get(message.wait)?.abort();
        return;
      case 'leave':
      case 'limit':
        void answer(message);
        return;
      case 'stop':
        stop.resolve(undefined);
    }
  });

  const telling = tellingTo(port);
  {
    await using opened = new AsyncDisposableStack();
    opened.use(telling);
    const projectors = await open({
      opened,
      onCommit: (listener) => {
        onCommit.add(listener);
        return { [Symbol.dispose]: () => void onCommit.delete(listener) };
      },
    });
    opening.resolve(opened.use(new HostedGenerations(projectors)));
    await stop.promise;
  }
  port.close();
}

type Hosted = { readonly projector: HostedProjector; readonly tenants: Set<TenantId> };

/** A projector for each generation that somebody has asked for, over the tenants asked for. */
class HostedGenerations implements AsyncDisposable {
  readonly #projectors: Readonly<Record<string, StartProjector>>;
  readonly #hosted = new Map<string, Hosted>();
  /** What is being left, by generation and tenant: whatever comes next waits until it has been. */
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(projectors: Readonly<Record<string, StartProjector>>) {
    this.#projectors = projectors;
  }

  /** The projector that follows the tenant, if one does. */
  async find(of: ProjectorOf): Promise<HostedProjector | undefined> {
    await this.#leaving.get(keyOf(of));
    const hosted = this.#hosted.get(nameOf(of));
    return hosted?.tenants.has(of.tenant) ? hosted.projector : undefined;
  }

  async follow(of: ProjectorOf, limit: PositionVector | undefined): Promise<void> {
    await this.#leaving.get(keyOf(of));
    const hosted = this.#hosted.get(nameOf(of)) ?? this.#start(of);
    if (!hosted || hosted.tenants.has(of.tenant)) return;
    hosted.tenants.add(of.tenant);
    hosted.projector.follow(of.tenant, limit);
  }

  async leave(of: ProjectorOf): Promise<void> {
    await this.#leaving.get(keyOf(of));
    const hosted = this.#hosted.get(nameOf(of));
    if (!hosted?.tenants.delete(of.tenant)) return;
    const isLast = hosted.tenants.size === 0;
    if (isLast) this.#hosted.delete(nameOf(of));
    const leaving = hosted.projector
      .leave(of.tenant)
      .then(() => (isLast ? hosted.projector[Symbol.asyncDispose]() : undefined))
      .finally(() => this.#leaving.delete(keyOf(of)));
    this.#leaving.set(keyOf(of), leaving);
    await leaving;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { projector } of this.#hosted.values()) await projector[Symbol.asyncDispose]();
    await Promise.all(this.#leaving.values());
  }

  #start(of: ProjectorOf): Hosted | undefined {
    const projector = this.#projectors[of.projection]?.(of.generation);
    if (!projector) return undefined;
    const hosted = { projector, tenants: new Set<TenantId>() };
    this.#hosted.set(nameOf(of), hosted);
    return hosted;
  }
}

function nameOf({ projection, generation }: ProjectorOf): string {
  return `${projection}/${generation}`;
}

function keyOf(of: ProjectorOf): string {
  return `${nameOf(of)}/${of.tenant}`;
}

/** Tells what is announced in this thread, and what else it is given, together once a turn, until disposed. */
function tellingTo(port: MessagePort): Disposable & { tell(told: Announcement | Answer): void } {
  let untold: (Announcement | Answer)[] = [];
  const tellAll = (): void => {
    if (untold.length > 0) port.postMessage(untold);
    untold = [];
  };
  const tell = (told: Announcement | Answer): void => {
    if (untold.length === 0) setImmediate(tellAll);
    untold.push(told);
  };
  const listen = (message: unknown, channel: string | symbol): void => {
    tell({ channel, message } as Announcement);
  };
  for (const channel of ANNOUNCED) subscribe(channel, listen);
  return {
    tell,
    [Symbol.dispose]: () => {
      for (const channel of ANNOUNCED) unsubscribe(channel, listen);
      tellAll();
    },
  };
}
