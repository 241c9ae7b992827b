import type { Platform } from '../test/platform.ts';
import { waitUntilVisible } from '../test/invariants/asking.ts';
import { BATCH_PATH } from '../test/invariants/sending.ts';
import type { BatchReply } from '../test/invariants/sending.ts';
import { eventOf } from './events.ts';

/** Sends so many events of a shop over HTTP and waits until all are in the facts. */
export async function fillShop(
  platform: Platform,
  options: { readonly tenant: string; readonly events: number; readonly inFlight?: number },
): Promise<void> {
  const last = new Map<number, { partition: number; offset: string; token: string }>();
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < options.events) {
      const from = next;
      next += 100;
      const events = Array.from({ length: 100 }, (_, n) =>
        eventOf(options.tenant, from + n, `fill-${from + n}`),
      );
      const reply = await platform.post(BATCH_PATH, { events });
      if (reply.status !== 200) throw new Error(`filling was answered ${reply.status}: ${reply.text}`);
      for (const { receipt } of (reply.body as BatchReply).results) {
        if (!receipt) throw new Error(`an event was not taken: ${reply.text.slice(0, 500)}`);
        const known = last.get(receipt.partition);
        if (!known || BigInt(known.offset) < BigInt(receipt.offset)) last.set(receipt.partition, receipt);
      }
    }
  };
  await Promise.all(Array.from({ length: options.inFlight ?? 4 }, sender));
  await waitUntilVisible(platform, options.tenant, [...last.values()]);
}

/** The four steps of the shop's funnel, over the month of {@link eventOf}. */
export const FUNNEL_STEPS = ['impression', 'click', 'add_cart', 'order'] as const;
export const MONTH = { from: '2024-10-20T00:00:00.000Z', toMs: Date.UTC(2024, 11, 10) } as const;

/** The same funnel up to an instant that no question before had, so that no cache answers it. */
export function freshFunnel(tenant: string, n: number): object {
  return {
    tenant_id: tenant,
    from: MONTH.from,
    to: new Date(MONTH.toMs + n).toISOString(),
    steps: FUNNEL_STEPS.map((event) => ({ event })),
    window: '7d',
    order: 'ordered',
  };
}
