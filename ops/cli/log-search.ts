import { askPlatform } from './client.ts';
import { readableRecord } from './log-lines.ts';
import type { RecordLine } from './log-lines.ts';
import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

/** Which records are asked for. */
export type LogFilter = {
  readonly deadLetters: boolean;
  readonly user?: string;
  readonly item?: string;
  readonly event?: string;
  readonly eventId?: string;
  readonly partition?: string;
  readonly from?: string;
  readonly to?: string;
  readonly receivedFrom?: string;
  readonly receivedTo?: string;
  readonly outcome?: string;
  readonly reason?: string;
};

type Asked = {
  readonly url: string;
  readonly tenant: string;
  /** Who asks, for the audit. */
  readonly as?: string;
  readonly json: boolean;
};

type Page = {
  readonly records: readonly RecordLine[];
  readonly more: boolean;
  readonly next_cursor: string | null;
};

/** The members of a question by what its flags say. */
export function questionOf(tenant: string, filter: LogFilter): URLSearchParams {
  const members: Readonly<Record<string, string | undefined>> = {
    tenant_id: tenant,
    channel: filter.deadLetters ? 'dead_letters' : undefined,
    user_id: filter.user,
    item_id: filter.item,
    event_name: filter.event,
    event_id: filter.eventId,
    partition: filter.partition,
    from: filter.from,
    to: filter.to,
    received_from: filter.receivedFrom,
    received_to: filter.receivedTo,
    outcome: filter.outcome,
    reason: filter.reason,
  };
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value !== undefined) search.set(name, value);
  return search;
}

/** Prints the newest records that match, page after page, up to a limit. */
export async function runLogSearch(
  command: Asked & LogFilter & { readonly limit: string },
  around: Surroundings,
): Promise<void> {
  const { url, tenant, as: actor, limit, json } = command;
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new CommandFailed('--limit must be a whole number from 1 on.');
  const search = questionOf(tenant, command);
  search.set('form', 'event');
  for (let left = Number(limit); left > 0;) {
    search.set('limit', String(Math.min(left, 1_000)));
    const path = `/api/v1/log?${search.toString()}`;
    const page = (await (await askPlatform({ url, path, actor }, around)).json()) as Page;
    for (const record of page.records) {
      around.out(json ? `${JSON.stringify(record)}\n` : readableRecord(record));
    }
    left -= page.records.length;
    if (!page.more || page.next_cursor === null) return;
    search.set('cursor', page.next_cursor);
  }
  around.err('There may be more: raise --limit.\n');
}

/** Prints one record, named by its position, its receipt or the id of its event. */
export async function runLogShow(
  command: Asked & { readonly place: string; readonly deadLetters: boolean },
  around: Surroundings,
): Promise<void> {
  const { url, tenant, as: actor, place, deadLetters, json } = command;
  const named = /^\d+:\d+$/.test(place) ? 'position' : place.startsWith('dr1_') ? 'receipt' : 'event_id';
  const search = new URLSearchParams({
    tenant_id: tenant,
    channel: deadLetters ? 'dead_letters' : 'events',
    [named]: place,
  });
  const path = `/api/v1/log/record?${search.toString()}`;
  const shown: unknown = await (await askPlatform({ url, path, actor }, around)).json();
  around.out(`${JSON.stringify(shown, undefined, json ? undefined : 2)}\n`);
}
