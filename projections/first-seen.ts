import type { PositionVector } from '#domain';
import { tablesOf } from './facts-schema.ts';

/**
 * The statement that extends `first_seen` by the facts of `[from, to)` of `{tenant:String}`: a row for every
 * record that is earlier than all records before it of the same actor, event and partition. What was known
 * is taken from rows before `from` only, so repeating a range gives the same rows again. Undefined when the
 * range is empty.
 */
export function foldFirstSeenStatement(
  generation: number,
  range: { readonly from: PositionVector; readonly to: PositionVector },
): string | undefined {
  const { facts, firstSeen } = tablesOf(generation);
  const partitions = range.to
    .map((to, partition) => ({ partition, from: range.from[partition] ?? 0n, to }))
    .filter(({ from, to }) => from < to);
  if (partitions.length === 0) return undefined;
  const within = partitions
    .map(
      ({ partition, from, to }) =>
        `(log_partition = ${partition} AND log_offset >= ${from} AND log_offset < ${to})`,
    )
    .join(' OR ');
  const known = partitions
    .map(({ partition, from }) => `(log_partition = ${partition} AND log_offset < ${from})`)
    .join(' OR ');
  const who = 'kind, event_name, actor_id, log_partition';
  const added = `FROM ${facts} WHERE tenant_id = {tenant:String} AND (${within})`;
  return `INSERT INTO ${firstSeen}
    SELECT {tenant:String}, kind, event_name, actor_id, ts, log_partition, log_offset
    FROM (
      SELECT ${who}, log_offset, ts, minOrNull(ts) OVER (
        PARTITION BY ${who} ORDER BY log_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) AS earlier
      ${added}
    ) AS added
    LEFT JOIN (
      SELECT ${who}, toNullable(min(ts)) AS earliest FROM ${firstSeen}
      WHERE tenant_id = {tenant:String} AND (${known}) AND actor_id IN (SELECT actor_id ${added})
      GROUP BY ${who}
    ) AS known USING (${who})
    WHERE (earlier IS NULL OR ts < earlier) AND (earliest IS NULL OR ts < earliest)`;
}
