import assert from 'node:assert/strict';
import type { AnalysisName } from '#query';
import type { Platform } from '../platform.ts';

/** What every answer carries beside its figures. */
export type Meta = {
  readonly as_of: string;
  readonly elapsed_ms: number;
  readonly [member: string]: unknown;
};

export type EventsAnswer = {
  readonly series: readonly {
    readonly breakdown: string | null;
    readonly points: readonly { readonly time: string; readonly value: number }[];
  }[];
  readonly meta: Meta;
};

export type FunnelAnswer = {
  readonly steps: readonly {
    readonly event: string;
    readonly users: number;
    readonly conversion_rate: number;
    readonly step_rate: number;
    readonly drop_off: number;
    readonly average_seconds: number | null;
    readonly median_seconds: number | null;
  }[];
  readonly meta: Meta;
};

export type RetentionAnswer = {
  readonly cohorts: readonly {
    readonly start: string;
    readonly size: number;
    readonly values: readonly (number | null)[];
    readonly rates: readonly (number | null)[];
  }[];
  readonly meta: Meta;
};

export type Question = Readonly<Record<string, unknown>>;
export type Receipt = {
  readonly partition: number;
  readonly offset: string | bigint;
  readonly token?: string | undefined;
};

/** Asks by POST and expects an answer. */
export async function ask<Answer>(
  platform: Platform,
  analysis: 'events' | 'funnel' | 'retention',
  question: Question,
): Promise<Answer> {
  const reply = await platform.post(`/api/analytics/${analysis}`, question);
  assert.equal(reply.status, 200, `${analysis} ${JSON.stringify(question)}: ${reply.text.slice(0, 1000)}`);
  return reply.body as Answer;
}

/** Asks by GET and expects an answer. */
export async function askGet<Answer>(
  platform: Platform,
  analysis: Exclude<AnalysisName, 'funnel' | 'retention'>,
  question: Question,
): Promise<Answer> {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(question)) parameters.set(name, String(value));
  const reply = await platform.get(`/api/analytics/${analysis}?${parameters.toString()}`);
  assert.equal(reply.status, 200, `${analysis} ${parameters.toString()}: ${reply.text.slice(0, 1000)}`);
  return reply.body as Answer;
}

/** Rows of one SELECT over a tenant's views. */
export async function readTable(
  platform: Platform,
  tenant: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const reply = await platform.post('/api/analytics/sql', { tenant_id: tenant, sql });
  assert.equal(reply.status, 200, `${sql}: ${reply.text.slice(0, 1000)}`);
  return (reply.body as { rows: Record<string, unknown>[] }).rows;
}

/** Waits until everything these receipts speak of is in the facts: the last one of every partition. */
export async function waitUntilVisible(
  platform: Platform,
  tenant: string,
  receipts: readonly Receipt[],
): Promise<void> {
  const last = new Map<number, Receipt>();
  for (const receipt of receipts) {
    const known = last.get(receipt.partition);
    if (!known || BigInt(known.offset) < BigInt(receipt.offset)) last.set(receipt.partition, receipt);
  }
  for (const { token } of last.values()) {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const reply = await platform.post('/api/analytics/events', {
        tenant_id: tenant,
        event: 'click',
        measure: 'count',
        interval: 'month',
        from: '2024-01-01T00:00:00Z',
        to: '2024-02-01T00:00:00Z',
        wait_for: token,
        timeout: '30s',
      });
      if (reply.status === 200) break;
      // A single wait has a limit of its own; more than one may be needed to catch up.
      assert.match(reply.text, /QUERY_NOT_YET_VISIBLE/, reply.text);
      assert.ok(performance.now() < deadline, `not visible after two minutes: ${reply.text}`);
    }
  }
}

/** Rows with numbers as numbers, in the order of their texts. */
export function rowsAsTexts(rows: readonly unknown[]): readonly string[] {
  const text = (value: unknown): string => {
    if (value === null || typeof value !== 'object')
      return /^-?\d+(\.\d+)?$/.test(String(value)) ? String(Number(value)) : String(value);
    return Object.entries(value)
      .map(([name, member]) => `${name}=${text(member)}`)
      .sort()
      .join(' ');
  };
  return rows.map(text).sort();
}
