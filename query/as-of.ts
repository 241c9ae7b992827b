import { Fault, covers, formatAsOf, parseAsOf, parseInstant } from '#domain';
import type { PositionVector, TenantId, Zone } from '#domain';
import type { FactProgress, FactState } from '#projections';
import type { Ask } from './analysis.ts';
import type { Problem, Report } from './question.ts';
import { createBinder, factsOf, visible } from './sql.ts';
import type { Scope } from './sql.ts';

/** What pins an answer, as asked. */
export type Pin =
  | { readonly kind: 'newest' }
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'received_before'; readonly atMs: number };

/** Takes `as_of` as sent: a token, or an instant for what was received before it. */
export function readPin(value: string | number | undefined, zone: Zone, report: Report): Pin {
  if (value === undefined) return { kind: 'newest' };
  if (typeof value === 'string' && value.startsWith('da1_')) {
    if (!parseAsOf(value)) report('as_of', 'token', 'is no token that an answer gave');
    return { kind: 'token', token: value };
  }
  const atMs = parseInstant(value, zone);
  if (atMs === undefined)
    report('as_of', 'time', 'must be the as_of of an answer, ISO 8601 or epoch milliseconds');
  return { kind: 'received_before', atMs: atMs ?? 0 };
}

/**
 * How far the generation is that a pin means: the active one, or the one that a token names if it is kept.
 * Undefined when the tenant has no facts yet. Throws `QUERY_PIN_UNAVAILABLE` when it is not kept.
 */
export async function pinnedState(
  progress: FactProgress,
  tenant: TenantId,
  pin: Pin,
): Promise<FactState | undefined> {
  const active = await progress.state(tenant);
  const token = pin.kind === 'token' ? parseAsOf(pin.token) : undefined;
  if (!active || !token || token.generation === active.generation) return active;
  const kept = await progress.kept?.(tenant, token.generation);
  if (!kept) throw notKept(token.generation);
  return kept;
}

/**
 * Throws `QUERY_PIN_UNAVAILABLE` when the generation has been dropped by now: what was read of it meanwhile may
 * be half of it.
 */
export async function refuseDropped(
  progress: FactProgress,
  tenant: TenantId,
  state: FactState,
): Promise<void> {
  const { generation } = state;
  const active = await progress.state(tenant);
  if (active?.generation === generation || !progress.kept) return;
  if (!(await progress.kept(tenant, generation))) throw notKept(generation);
}

/** The vector an answer is filtered by and the token that names it. */
export type Pinned = { readonly vector: PositionVector; readonly token: string };

/**
 * Resolves a pin against how far the facts are. Throws `QUERY_PIN_UNAVAILABLE` with the reason when the answer
 * can no longer, or not yet, be given.
 *
 * An instant means, in each partition, the records before the first one received at or after it; of those
 * only what is confirmed.
 */
export async function resolvePin(
  pin: Pin,
  now: {
    readonly state: FactState;
    readonly scope: Scope;
    readonly controlPosition: bigint;
    /** From where on facts are read, epoch ms. */
    readonly fromMs: number;
  },
  ask: Ask,
): Promise<Pinned> {
  const { state, scope } = now;
  const { logIdentity, generation, confirmed, horizon } = state;
  // What says the horizon may be known here before it has been folded everywhere.
  const controlPosition =
    horizon && horizon.position > now.controlPosition ? horizon.position : now.controlPosition;
  const named = (vector: PositionVector): Pinned => ({
    vector,
    token: formatAsOf({ logIdentity, generation, controlPosition, vector }),
  });
  switch (pin.kind) {
    case 'newest':
      return named(confirmed);
    case 'token':
      return { vector: vectorOf(pin.token, now), token: pin.token };
    case 'received_before': {
      if (horizon && now.fromMs < horizon.beforeMs) throw letGo(horizon.beforeMs);
      const binder = createBinder();
      const at = `fromUnixTimestamp64Milli(${binder.bind('Int64', pin.atMs)}, 'UTC')`;
      const rows = await ask<{ readonly p: number; readonly o: string }>({
        sql: `SELECT log_partition AS p, min(log_offset) AS o FROM ${factsOf(scope)}
          WHERE ${visible(binder, scope)} AND received_at >= ${at} GROUP BY p`,
        params: binder.params,
      });
      const cut = new Map(rows.map(({ p, o }) => [p, BigInt(o)]));
      return named(confirmed.map((next, partition) => cut.get(partition) ?? next));
    }
  }
}

function vectorOf(
  token: string,
  { state, fromMs }: { readonly state: FactState; readonly fromMs: number },
): PositionVector {
  const pin = parseAsOf(token);
  const { horizon } = state;
  if (!pin) throw unavailable('it is no token that an answer gave');
  if (pin.logIdentity !== state.logIdentity) throw unavailable('it belongs to another log');
  if (pin.generation !== state.generation) {
    throw notKept(pin.generation);
  }
  if (pin.vector.length !== state.confirmed.length || !covers(state.confirmed, pin.vector)) {
    throw unavailable('it lies ahead of what the facts hold by now');
  }
  if (horizon && pin.controlPosition < horizon.position && fromMs < horizon.beforeMs) {
    throw letGo(horizon.beforeMs);
  }
  return pin.vector;
}

function letGo(beforeMs: number): Fault {
  const instant = new Date(beforeMs).toISOString();
  return unavailable(`facts of events before ${instant} have been let go`);
}

/** A token pins records, not the clock: without `now` the same question could have another answer later. */
export function nowRequired(): Problem {
  const message =
    'is required beside as_of where the answer depends on the clock: give the meta.now of the answer that gave the token';
  return { field: 'now', code: 'required', message };
}

/** When the newest of the pinned records was received, epoch ms; 0 without any. */
export async function newestReceived(scope: Scope, ask: Ask): Promise<number> {
  const binder = createBinder();
  const [row] = await ask<{ readonly ms: string }>({
    sql: `SELECT max(toUnixTimestamp64Milli(received_at)) AS ms FROM ${factsOf(scope)}
      WHERE ${visible(binder, scope)}`,
    params: binder.params,
  });
  return Number(row?.ms ?? 0);
}

function notKept(generation: number): Fault {
  return unavailable(`generation ${generation} of the facts is not kept`);
}

function unavailable(reason: string): Fault {
  return new Fault('QUERY_PIN_UNAVAILABLE', `The answer as of that token cannot be given: ${reason}.`, {
    details: { reason },
  });
}
