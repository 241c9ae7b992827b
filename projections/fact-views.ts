import type { TenantId } from '#domain';
import { DATABASE, tablesOf } from './facts-schema.ts';

/** Columns that every documented view shows under the name they have in the facts. */
const SHARED = [
  'event_id',
  'tenant_id',
  'kind',
  'event_name',
  'actor_id',
  'user_id',
  'device_id',
  'session_id',
  'scenario_id',
  'scenario_type',
  'item_id',
  'platform',
  'device_type',
  'os',
  'location',
  'country',
  'region',
  'city',
  'device_model',
  'os_version',
  'app_version',
  'page_url',
  'page_title',
  'product',
  'experiment_id',
  'experiment_group',
  'position',
  'watch_duration',
  'completion_rate',
  'amount',
  'currency',
  'scenario_data',
  'extra_data',
  'properties',
  'warnings',
  'valid_status',
  'schema_subject',
  'schema_version',
  'log_partition',
  'log_offset',
  // Only the masked address reaches the facts.
  'ip_prefix AS ip',
  'received_at AS server_time',
  // Names that the facts do not have: an alias must never hide a column of the same name.
  "toDate(ts, 'UTC') AS date",
  "toStartOfHour(ts, 'UTC') AS hour_ts",
] as const;

/** The documented views: rows and columns of their own beside the shared ones. */
const VIEWS = [
  {
    name: 'events',
    where: '1',
    columns: [
      'ts AS event_time',
      "toFloat64OrNull(properties['price']) AS price_value",
      "if(mapContains(properties, 'product_name'), properties['product_name'], NULL) AS product_name",
      "if(mapContains(properties, 'product_id'), properties['product_id'], NULL) AS product_id",
    ],
  },
  {
    name: 'user_behaviors',
    where: "kind = 'behaviour'",
    columns: ['action_type', 'ts AS timestamp'],
  },
  {
    name: 'analytics_events',
    where: '1',
    columns: ['action_type', 'ts AS event_time'],
  },
] as const;

/** Names of the documented views in {@link DATABASE}. */
export const FACT_VIEWS: readonly string[] = VIEWS.map(({ name }) => name);

/** What a view reads: the rows of one generation that meet a condition. */
export type Shown = { readonly generation: number; readonly condition: string };

/** The documented views' parts: of each generation the tenants of which it is the active one. */
export function shownBy(
  { rest, others }: { readonly rest: number; readonly others: ReadonlyMap<TenantId, number> },
  quote: (text: string) => string,
): readonly Shown[] {
  const apart = [...others].filter(([, generation]) => generation !== rest);
  const isOneOf = (tenants: readonly TenantId[]): string => `tenant_id IN (${tenants.map(quote).join(', ')})`;
  const tenants = apart.map(([tenant]) => tenant);
  return [
    { generation: rest, condition: tenants.length === 0 ? '1' : `NOT ${isOneOf(tenants)}` },
    ...[...Map.groupBy(apart, ([, generation]) => generation)].map(([generation, own]) => ({
      generation,
      condition: isOneOf(own.map(([tenant]) => tenant)),
    })),
  ];
}

/** The SELECT of a documented view over facts. Throws on a name that is none of {@link FACT_VIEWS}. */
export function factViewSelect(name: string, from: string): string {
  const view = VIEWS.find((one) => one.name === name);
  if (!view) throw new Error(`${name} is no view over facts.`);
  return `SELECT ${[...SHARED, ...view.columns].join(', ')} FROM ${from} WHERE ${view.where}`;
}

/** Statements that let the documented views show generations. Safe to repeat. */
export function viewStatements(shown: readonly Shown[]): readonly string[] {
  return VIEWS.map(({ name }) => {
    const selects = shown.map(
      ({ generation, condition }) => `${factViewSelect(name, tablesOf(generation).facts)} AND ${condition}`,
    );
    return `CREATE OR REPLACE VIEW ${DATABASE}.${name} AS ${selects.join(' UNION ALL ')}`;
  });
}
