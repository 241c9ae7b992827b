/** The database of all tables and views. */
export const DATABASE = 'analysis_db';

/** The version of the envelope that the input structure below reads; another one gets a structure of its own. */
export const ENVELOPE_VERSION = 1;

const TEXT = 'String';
const WORD = 'LowCardinality(String)';
const INSTANT = "DateTime64(3, 'UTC')";
const RATE = 'Nullable(Float64)';

/** The tables of a generation. */
export function tablesOf(generation: number): {
  readonly facts: string;
  readonly firstSeen: string;
  readonly input: string;
} {
  return {
    facts: `${DATABASE}.facts_g${generation}`,
    firstSeen: `${DATABASE}.first_seen_g${generation}`,
    input: `${DATABASE}.facts_input_v${ENVELOPE_VERSION}_g${generation}`,
  };
}

/** The members of a record's value as the engine parses them; nested values stay JSON text. */
const INPUT: readonly (readonly [name: string, type: string])[] = [
  ['log_partition', 'UInt16'],
  ['log_offset', 'UInt64'],
  ['event_id', TEXT],
  ['tenant_id', TEXT],
  ['kind', TEXT],
  ['event_name', TEXT],
  ['action_type', TEXT],
  ['scenario_id', TEXT],
  ['scenario_type', TEXT],
  ['user_id', TEXT],
  ['device_id', TEXT],
  ['session_id', TEXT],
  ['item_id', TEXT],
  ['timestamp', 'Int64'],
  ['platform', TEXT],
  ['context', 'Tuple(device_type String, os String, location String, ip String)'],
  ['country', TEXT],
  ['region', TEXT],
  ['city', TEXT],
  ['device_model', TEXT],
  ['os_version', TEXT],
  ['app_version', TEXT],
  ['page_url', TEXT],
  ['page_title', TEXT],
  ['product', TEXT],
  ['experiment_id', TEXT],
  ['experiment_group', TEXT],
  ['position', 'Float64'],
  ['scenario_data', TEXT],
  ['extra_data', TEXT],
  ['properties', TEXT],
  ['watch_duration', RATE],
  ['completion_rate', RATE],
  ['amount', TEXT],
  ['currency', TEXT],
  ['server_time', 'Int64'],
  ['ip_prefix', TEXT],
  ['valid_status', 'UInt8'],
  ['warnings', TEXT],
  ['schema', TEXT],
  ['schema_version', 'UInt32'],
];

const MAP = 'Map(LowCardinality(String), String)';

/** A JSON object as a map: strings as their text, nulls left out, the rest as JSON text. */
function mapOf(json: string, member = ''): string {
  const pairs = `JSONExtractKeysAndValues(${json}${member}, 'String')`;
  // A text that the engine cannot read gives no pairs without an error, so a text that gives none is looked at
  // again. The condition stands inside of throwIf, because an AND is not always evaluated lazily.
  const readable = `throwIf(NOT isValidJSON(if(empty(${pairs}) AND length(${json}) > 2, ${json}, '{}')), 'unreadable JSON in ${json}') = 0`;
  return `CAST(if(${readable}, ${pairs}, []), '${MAP}')`;
}

const BRANCH = `, if(scenario_type != '', concat(scenario_type, '_data'), JSONExtractKeys(scenario_data)[1])`;

/** The custom attributes: properties, extra_data, the branch of scenario_data, where a later one wins. */
const PROPERTIES = `mapUpdate(mapUpdate(${mapOf('properties')}, ${mapOf('extra_data')}), ${mapOf('scenario_data', BRANCH)})`;

/** The facts: name, type, how it follows from the input where it is not the member of the same name. */
const COLUMNS: readonly (readonly [name: string, type: string, from?: string])[] = [
  ['tenant_id', WORD],
  ['kind', WORD],
  ['event_name', WORD],
  ['action_type', WORD],
  ['scenario_id', WORD],
  ['scenario_type', WORD],
  ['actor_id', TEXT, "multiIf(user_id != '', user_id, device_id != '', device_id, session_id)"],
  ['user_id', TEXT],
  ['device_id', TEXT],
  ['session_id', TEXT],
  ['item_id', TEXT],
  ['event_id', TEXT],
  ['ts', INSTANT, "fromUnixTimestamp64Milli(timestamp, 'UTC')"],
  ['received_at', INSTANT, "fromUnixTimestamp64Milli(server_time, 'UTC')"],
  ['device_type', WORD, 'context.device_type'],
  ['os', WORD, 'context.os'],
  ['location', WORD, 'context.location'],
  ['platform', WORD],
  ['country', WORD],
  ['region', WORD],
  ['city', WORD],
  ['device_model', WORD],
  ['os_version', WORD],
  ['app_version', WORD],
  ['product', WORD],
  ['experiment_id', WORD],
  ['experiment_group', WORD],
  ['currency', WORD],
  ['ip_prefix', TEXT],
  ['page_url', TEXT],
  ['page_title', TEXT],
  ['position', 'UInt32', 'toUInt32(least(greatest(position, 0), 4294967295))'],
  ['watch_duration', RATE],
  ['completion_rate', RATE],
  ['amount', 'Nullable(Decimal(18, 4))', 'toDecimal64OrNull(amount, 4)'],
  ['scenario_data', TEXT],
  ['extra_data', TEXT],
  ['properties', MAP, PROPERTIES],
  ['warnings', TEXT],
  ['valid_status', 'UInt8'],
  ['schema_subject', WORD, 'schema'],
  ['schema_version', 'UInt32'],
  ['log_partition', 'UInt16'],
  ['log_offset', 'UInt64'],
];

/** Names of the columns of the facts, in their order. */
export const FACT_COLUMNS: readonly string[] = COLUMNS.map(([name]) => name);

/** Statements that make the tables of a generation where they do not exist. Safe to repeat. */
export function tableStatements(generation: number): readonly string[] {
  const { facts, firstSeen, input } = tablesOf(generation);
  const mapping = `${input}_to_facts`;
  return [
    `CREATE DATABASE IF NOT EXISTS ${DATABASE}`,
    `CREATE TABLE IF NOT EXISTS ${facts} (
      ${COLUMNS.map(([name, type]) => `${name} ${type}`).join(',\n      ')},
      INDEX by_offset log_offset TYPE minmax GRANULARITY 1,
      PROJECTION by_position (SELECT tenant_id, log_partition, log_offset ORDER BY tenant_id, log_partition, log_offset)
    ) ENGINE = ReplacingMergeTree
    PARTITION BY toYYYYMM(ts)
    ORDER BY (tenant_id, event_name, ts, log_partition, log_offset)
    SETTINGS deduplicate_merge_projection_mode = 'rebuild'`,
    `CREATE TABLE IF NOT EXISTS ${firstSeen} (
      tenant_id ${WORD}, kind ${WORD}, event_name ${WORD}, actor_id ${TEXT}, ts ${INSTANT},
      log_partition UInt16, log_offset UInt64
    ) ENGINE = ReplacingMergeTree
    ORDER BY (tenant_id, kind, event_name, actor_id, log_partition, log_offset)`,
    // Both keep nothing, so the newest mapping takes the place of an older one.
    `DROP TABLE IF EXISTS ${mapping}`,
    `DROP TABLE IF EXISTS ${input}`,
    `CREATE TABLE ${input} (${INPUT.map(([name, type]) => `${name} ${type}`).join(', ')}) ENGINE = Null`,
    `CREATE MATERIALIZED VIEW ${mapping} TO ${facts} AS
    SELECT ${COLUMNS.map(([name, , from]) => (from ? `${from} AS ${name}` : name)).join(',\n      ')}
    FROM ${input}`,
  ];
}
