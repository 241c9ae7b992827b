import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { MessagePort } from 'node:worker_threads';
import type { PositionVector, Tenant, TenantId } from '#domain';
import type { EventLogReader, LogName, Tenants } from '#log';
import { ANNOUNCED } from './projector-messages.ts';
import type { Announcement, ToProjectors } from './projector-messages.ts';

/** A running projector, whatever it keeps. */
export interface HostedProjector extends AsyncDisposable {
  waitFor(tenant: TenantId, vector: PositionVector, signal: AbortSignal): Promise<boolean>;
}

/** What a thread hears from the thread of the log. */
export type Surroundings = {
  readonly onCommit: EventLogReader['onCommit'];
  readonly tenants: Pick<Tenants, 'onTenant'>;
  /** Closes what it is given, the last first, when the thread is asked to stop. */
  readonly opened: AsyncDisposableStack;
};

/** Opens what the projectors of a thread need and starts them, by the names of their projections. */
export type OpenProjectors = (around: Surroundings) => Promise<Readonly<Record<string, HostedProjector>>>;

/**
 * Runs projectors in a thread that `startProjectorThread` has started, until it asks to stop; then it closes
 * everything in order and the thread ends. What they announce is told to the thread of the log.
 */
export async function hostProjectors(port: MessagePort, open: OpenProjectors): Promise<void> {
  const tenants = new Map<TenantId, Tenant>();
  const onTenant = new Set<(tenant: Tenant) => void>();
  const onCommit = new Set<(log: LogName) => void>();
  const waits = new Map<number, AbortController>();
  const stop = Promise.withResolvers<undefined>();
  const opening = Promise.withResolvers<Readonly<Record<string, HostedProjector>>>();

  async function wait({ wait, projection, tenant, vector }: ToProjectors & { type: 'wait' }): Promise<void> {
    const given = new AbortController();
    waits.set(wait, given);
    const projector = (await opening.promise)[projection];
    if (!given.signal.aborted) await projector?.waitFor(tenant, vector, given.signal);
    waits.delete(wait);
  }

  port.on('message', (message: ToProjectors) => {
    switch (message.type) {
      case 'tenant':
        tenants.set(message.tenant.id, message.tenant);
        for (const listener of onTenant) listener(message.tenant);
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
      case 'stop':
        stop.resolve(undefined);
    }
  });

  {
    await using opened = new AsyncDisposableStack();
    opened.use(tellAnnouncements(port));
    opening.resolve(
      await open({
        opened,
        onCommit: (listener) => added(onCommit, listener),
        tenants: {
          onTenant: (listener) => {
            for (const tenant of tenants.values()) listener(tenant);
            return added(onTenant, listener);
          },
        },
      }),
    );
    await stop.promise;
  }
  port.close();
}

/** Tells what is announced in this thread, together once a turn, until disposed. */
function tellAnnouncements(port: MessagePort): Disposable {
  let untold: Announcement[] = [];
  const tell = (): void => {
    if (untold.length > 0) port.postMessage(untold);
    untold = [];
  };
  const listen = (message: unknown, channel: string | symbol): void => {
    if (untold.length === 0) setImmediate(tell);
    untold.push({ channel, message } as Announcement);
  };
  for (const channel of ANNOUNCED) subscribe(channel, listen);
  return {
    [Symbol.dispose]: () => {
      for (const channel of ANNOUNCED) unsubscribe(channel, listen);
      tell();
    },
  };
}

function added<Listener>(listeners: Set<Listener>, listener: Listener): Disposable {
  listeners.add(listener);
  return { [Symbol.dispose]: () => void listeners.delete(listener) };
}
