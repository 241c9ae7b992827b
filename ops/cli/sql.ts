import { askPlatform } from './client.ts';
import { formatTable } from './output.ts';
import type { Surroundings } from './output.ts';

export type SqlCommand = {
  readonly url: string;
  readonly tenant: string;
  readonly sql: string;
  /** The whole answer as JSON instead of a table. */
  readonly json: boolean;
};

type SqlAnswer = {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly truncated: boolean;
  readonly meta: Readonly<Record<string, unknown>>;
};

/** Asks the running platform one SELECT for one tenant and prints the answer. */
export async function runSql(command: SqlCommand, around: Surroundings): Promise<void> {
  const response = await askPlatform(
    {
      url: command.url,
      path: '/api/analytics/sql',
      method: 'POST',
      body: { tenant_id: command.tenant, sql: command.sql },
    },
    around,
  );
  const answer = (await response.json()) as SqlAnswer;
  if (command.json) {
    around.out(JSON.stringify(answer) + '\n');
    return;
  }
  const { columns, rows, truncated, meta } = answer;
  const names = columns.map(({ name }) => name);
  around.out(
    formatTable(
      names,
      rows.map((row) => names.map((name) => row[name])),
    ),
  );
  const count = `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}${truncated ? ', more left out' : ''}`;
  const elapsed = meta['elapsed_ms'];
  around.err(`${count}${typeof elapsed === 'number' ? `, ${Math.round(elapsed)} ms` : ''}\n`);
}
