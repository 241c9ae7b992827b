import { askPlatform } from './client.ts';
import { CommandFailed, formatTable } from './output.ts';
import type { Surroundings } from './output.ts';

export type AuditCommand = {
  readonly url: string;
  readonly tenant: string;
  readonly limit: string;
  /** One JSON object per entry instead of a table. */
  readonly json: boolean;
};

type Entry = {
  readonly recorded_at: string;
  readonly kind: string;
  readonly actor: string;
  readonly address: string;
  readonly state: string;
  readonly records: number | null;
  readonly question: Readonly<Record<string, unknown>>;
};

/** Prints who has read the raw history of a tenant, the newest first. */
export async function runAudit(command: AuditCommand, around: Surroundings): Promise<void> {
  const { url, tenant, limit, json } = command;
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new CommandFailed('--limit must be a whole number from 1 on.');
  const entries: Entry[] = [];
  const search = new URLSearchParams({ tenant_id: tenant });
  for (let cursor: string | null = ''; cursor !== null && entries.length < Number(limit);) {
    search.set('limit', String(Math.min(Number(limit) - entries.length, 1_000)));
    if (cursor !== '') search.set('cursor', cursor);
    const path = `/api/v1/audit?${search.toString()}`;
    const page = (await (await askPlatform({ url, path }, around)).json()) as {
      readonly entries: readonly Entry[];
      readonly next_cursor: string | null;
    };
    entries.push(...page.entries);
    cursor = page.next_cursor;
  }
  if (json) {
    for (const entry of entries) around.out(`${JSON.stringify(entry)}\n`);
    return;
  }
  const columns = ['when', 'who (not authenticated)', 'from', 'what', 'state', 'records', 'question'];
  const rows = entries.map(({ recorded_at, actor, address, kind, state, records, question }) => {
    const { tenant_id: _tenant, ...asked } = question;
    return [recorded_at, actor, address, kind, state, records, JSON.stringify(asked)];
  });
  around.out(formatTable(columns, rows));
}
