import { Fault } from '#domain';
import type { PositionVector, TenantId } from '#domain';
import type { FactProgress, FactStore } from '#projections';
import type { InstantRange, RawFilter } from './raw-filter.ts';
import { createBinder } from './sql.ts';
import type { Binder } from './sql.ts';

/** Offsets `[from, to)` of one partition. */
export type Span = { readonly partition: number; readonly from: bigint; readonly to: bigint };

/** A span, and where in it records may match: at these offsets alone (ascending), or anywhere. */
export type NarrowedSpan = Span & { readonly offsets?: readonly bigint[] };

/**
 * Narrows spans to where the records asked for may stand; every record that matches stands there. Answers
 * spans of each partition in ascending order, which cover what was given from its beginning (of `newest`: to
 * its end), perhaps not all of it.
 */
export type NarrowSpans = (
  spans: readonly Span[],
  signal: AbortSignal | undefined,
) => Promise<readonly NarrowedSpan[]>;

/** Narrows nothing: every record is looked at. */
export const everywhere: NarrowSpans = async (spans) => spans;

export type FactSpans = {
  readonly facts: FactStore;
  readonly progress: Pick<FactProgress, 'state'>;
};

/** So many offsets of a partition are taken from the facts when all of them stand there, else from the log. */
const STRIDE = 8_192n;
/** Most offsets that one statement names for one partition. */
const FOUND_PER_PARTITION = 1_000;

/**
 * Narrows by the facts. They are believed for a stride of offsets only where every offset of it stands in
 * them: what they have not yet, no longer, or never got is left to the log. So is everything when the facts
 * cannot answer.
 */
export function narrowByFacts(
  { facts, progress }: FactSpans,
  search: {
    readonly tenant: TenantId;
    readonly filter: RawFilter;
    readonly order: 'newest' | 'oldest';
    readonly logIdentity: string;
  },
): NarrowSpans {
  return async (spans, signal) => {
    const state = await progress.state(search.tenant);
    if (state?.logIdentity !== search.logIdentity) return spans;
    const table = `analysis_db.facts_g${state.generation}`;
    const known = spans.flatMap((span) => clip(span, state.confirmed));
    if (known.length === 0) return spans;
    const ask = async <Row>(sql: string, { params }: Binder): Promise<readonly Row[]> =>
      (await facts.query<Row>({ sql, params, ...(signal ? { signal } : {}) })).rows;
    try {
      const [held, found] = await Promise.all([
        heldStrides(table, search.tenant, known, ask),
        foundOffsets(table, search, known, ask),
      ]);
      return spans.flatMap((span) =>
        join(
          span,
          { held, found: found.get(span.partition) ?? [], confirmed: state.confirmed },
          search.order,
        ),
      );
    } catch (error) {
      if (signal?.aborted === true || !(error instanceof Fault)) throw error;
      return spans;
    }
  };
}

type Ask = <Row>(sql: string, binder: Binder) => Promise<readonly Row[]>;

/** How many different offsets of each stride stand in the facts, by `partition:stride`. */
async function heldStrides(
  table: string,
  tenant: TenantId,
  spans: readonly Span[],
  ask: Ask,
): Promise<ReadonlyMap<string, bigint>> {
  const binder = createBinder();
  const rows = await ask<{ partition: number; stride: string; held: string }>(
    `SELECT log_partition AS partition, intDiv(log_offset, ${STRIDE}) AS stride, groupBitmap(log_offset) AS held
    FROM ${table} PREWHERE ${within(binder, tenant, spans)} GROUP BY partition, stride`,
    binder,
  );
  return new Map(rows.map(({ partition, stride, held }) => [`${partition}:${stride}`, BigInt(held)]));
}

/** The offsets at which the facts have a match, nearest first, so many per partition. */
async function foundOffsets(
  table: string,
  search: {
    readonly tenant: TenantId;
    readonly filter: RawFilter;
    readonly order: 'newest' | 'oldest';
  },
  spans: readonly Span[],
  ask: Ask,
): Promise<ReadonlyMap<number, readonly bigint[]>> {
  const binder = createBinder();
  const direction = search.order === 'newest' ? 'DESC' : 'ASC';
  const rows = await ask<{ partition: number; offset: string }>(
    `SELECT log_partition AS partition, log_offset AS offset
    FROM ${table} PREWHERE ${within(binder, search.tenant, spans)}
    WHERE ${conditions(binder, search.filter)} GROUP BY partition, offset
    ORDER BY partition, offset ${direction} LIMIT ${FOUND_PER_PARTITION} BY partition`,
    binder,
  );
  const found = new Map<number, bigint[]>();
  for (const { partition, offset } of rows) {
    const offsets = found.get(partition);
    if (offsets) offsets.push(BigInt(offset));
    else found.set(partition, [BigInt(offset)]);
  }
  return found;
}

function within(binder: Binder, tenant: TenantId, spans: readonly Span[]): string {
  const places = spans.map(
    ({ partition, from, to }) =>
      `(log_partition = ${binder.bind('UInt16', partition)} AND log_offset >= ${binder.bind('UInt64', from)} AND log_offset < ${binder.bind('UInt64', to)})`,
  );
  return `tenant_id = ${binder.bind('String', tenant)} AND (${places.join(' OR ')})`;
}

function conditions(binder: Binder, filter: RawFilter): string {
  const equal = (column: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${column} = ${binder.bind('String', value)}`];
  const instant = (ms: number): string => `fromUnixTimestamp64Milli(${binder.bind('Int64', ms)}, 'UTC')`;
  const range = (column: string, { fromMs, toMs }: InstantRange): string[] => [
    ...(fromMs === undefined ? [] : [`${column} >= ${instant(fromMs)}`]),
    ...(toMs === undefined ? [] : [`${column} < ${instant(toMs)}`]),
  ];
  const all = [
    ...equal('user_id', filter.userId),
    ...equal('item_id', filter.itemId),
    ...equal('event_name', filter.eventName),
    ...range('ts', filter.happened),
    ...range('received_at', filter.received),
  ];
  return all.length === 0 ? '1' : all.join(' AND ');
}

/** What of a span the facts have confirmed. */
function clip(span: Span, confirmed: PositionVector): Span[] {
  const end = confirmed[span.partition] ?? 0n;
  const to = span.to < end ? span.to : end;
  return span.from < to ? [{ ...span, to }] : [];
}

type Known = {
  readonly held: ReadonlyMap<string, bigint>;
  readonly found: readonly bigint[];
  readonly confirmed: PositionVector;
};

function join(span: Span, { held, found, confirmed }: Known, order: 'newest' | 'oldest'): NarrowedSpan[] {
  const [known] = clip(span, confirmed);
  if (!known) return [span];
  // Beyond the last offset of a full list there may be more.
  const full = found.length === FOUND_PER_PARTITION ? found.at(-1) : undefined;
  const from = order === 'newest' ? (full ?? known.from) : known.from;
  const to = order === 'oldest' && full !== undefined ? full + 1n : known.to;
  const spans = strides(known, held).flatMap(({ whole, ...stretch }) => {
    const own = {
      partition: span.partition,
      from: stretch.from > from ? stretch.from : from,
      to: stretch.to < to ? stretch.to : to,
    };
    if (own.from >= own.to) return [];
    if (!whole) return [own];
    const offsets = found.filter((offset) => offset >= own.from && offset < own.to);
    return [{ ...own, offsets: order === 'newest' ? offsets.reverse() : offsets }];
  });
  // What is not confirmed comes last, so of the oldest first only when nothing before it is left out.
  return known.to < span.to && to === known.to ? [...spans, { ...span, from: known.to }] : spans;
}

/** Stretches of strides that the facts hold whole, and those in between. */
function strides(
  { partition, from: start, to: end }: Span,
  held: ReadonlyMap<string, bigint>,
): readonly { readonly from: bigint; readonly to: bigint; readonly whole: boolean }[] {
  const stretches: { from: bigint; to: bigint; whole: boolean }[] = [];
  for (let from = start; from < end;) {
    const stride = from / STRIDE;
    const next = (stride + 1n) * STRIDE;
    const to = next < end ? next : end;
    const whole = held.get(`${partition}:${stride}`) === to - from;
    const last = stretches.at(-1);
    if (last?.whole === whole) last.to = to;
    else stretches.push({ from, to, whole });
    from = to;
  }
  return stretches;
}
