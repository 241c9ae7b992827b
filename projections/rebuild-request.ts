import { Fault, UTC, parseInstant, parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import type { RebuildScope } from './read-model.ts';

/** What a command about a projection may carry in its body. */
export type RebuildRequest = {
  readonly scope: RebuildScope;
  readonly activate: boolean;
  readonly names: readonly string[];
  readonly generation: number | undefined;
  readonly reason: string;
};

type Problem = { readonly field: string; readonly code: string; readonly message: string };
type Body = Readonly<Record<string, unknown>>;

const SCOPE_MEMBERS = ['event', 'partition', 'from_offset', 'to_offset', 'from', 'to'];
const MAX_REASON = 1_000;
const MAX_NAMES = 1_000;
const MAX_PARTITION = 1_023;

/** What each command takes besides `tenant_id` and `reason`. */
export const COMMAND_MEMBERS = {
  rebuild: [...SCOPE_MEMBERS, 'activate'],
  pause: [],
  resume: [],
  cancel: [],
  verify: [],
  accept: ['names'],
  activate: [],
  rollback: [],
  drop: ['generation'],
} as const satisfies Record<string, readonly string[]>;

export type ProjectionCommand = keyof typeof COMMAND_MEMBERS;

/** Takes the body of a command. Throws `PROJECTION_COMMAND_INVALID` with all that is wrong. */
export function parseRebuildRequest(command: ProjectionCommand, sent: unknown): RebuildRequest {
  const problems: Problem[] = [];
  const body = bodyOf(sent, problems);
  const known: readonly string[] = ['tenant_id', 'reason', ...COMMAND_MEMBERS[command]];
  for (const field of Object.keys(body)) {
    if (!known.includes(field)) problems.push({ field, code: 'unknown_field', message: 'is not expected' });
  }
  const request = {
    scope: scopeOf(body, problems),
    activate: activateOf(body, problems),
    names: command === 'accept' ? namesOf(body, problems) : [],
    generation: command === 'drop' ? generationOf(body, problems) : undefined,
    reason: reasonOf(body, problems),
  };
  const [first] = problems;
  if (!first) return request;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new Fault('PROJECTION_COMMAND_INVALID', `${first.field || 'The body'} ${first.message}${more}.`, {
    details: { errors: problems },
  });
}

/** The tenant of a request: by its own word, else by the header; both must agree. */
export function tenantOfRequest(member: unknown, header: string | undefined): TenantId {
  const parsed = parseTenantId(member ?? header);
  if (!parsed.ok) throw new Fault('TENANT_INVALID', `tenant_id ${parsed.reason}.`);
  if (header !== undefined && header !== parsed.tenant) {
    throw new Fault('TENANT_MISMATCH', 'tenant_id differs from the header X-Tenant-Id.');
  }
  return parsed.tenant;
}

function bodyOf(sent: unknown, problems: Problem[]): Body {
  if (sent === undefined) return {};
  if (typeof sent === 'object' && sent !== null && !Array.isArray(sent)) return sent as Body;
  problems.push({ field: '', code: 'type', message: 'must be a JSON object, sent as application/json' });
  return {};
}

function scopeOf(body: Body, problems: Problem[]): RebuildScope {
  const given = SCOPE_MEMBERS.filter((member) => body[member] !== undefined);
  if (given.length === 0) return { kind: 'all' };
  const is = (...members: string[]): boolean => given.join() === members.join();
  if (is('event')) return eventScope(body, problems);
  if (is('partition', 'from_offset', 'to_offset')) return offsetScope(body, problems);
  if (is('from', 'to')) return timeScope(body, problems);
  const message =
    'names no part: a part is event, or partition with from_offset and to_offset, or from with to';
  problems.push({ field: given.join(', '), code: 'scope', message });
  return { kind: 'all' };
}

function eventScope({ event }: Body, problems: Problem[]): RebuildScope {
  if (typeof event === 'string' && event !== '') return { kind: 'event', event };
  problems.push({ field: 'event', code: 'type', message: 'must be the name of an event' });
  return { kind: 'all' };
}

function offsetScope(body: Body, problems: Problem[]): RebuildScope {
  const { partition } = body;
  if (!isCount(partition) || partition > MAX_PARTITION) {
    problems.push({ field: 'partition', code: 'type', message: 'must be the number of a partition' });
  }
  const [from, to] = ['from_offset', 'to_offset'].map((field) => {
    const offset = offsetOf(body[field]);
    if (offset === undefined)
      problems.push({ field, code: 'type', message: 'must be an offset, as decimal digits' });
    return offset;
  });
  if (from !== undefined && to !== undefined && from >= to) {
    problems.push({ field: 'to_offset', code: 'range', message: 'must lie after from_offset' });
  }
  return { kind: 'offsets', partition: Number(partition), from: from ?? 0n, to: to ?? 0n };
}

function offsetOf(value: unknown): bigint | undefined {
  if (isCount(value)) return BigInt(value);
  return typeof value === 'string' && /^\d{1,16}$/.test(value) ? BigInt(value) : undefined;
}

function timeScope(body: Body, problems: Problem[]): RebuildScope {
  const [fromMs, toMs] = ['from', 'to'].map((field) => {
    const value = body[field];
    const isTime = typeof value === 'string' || typeof value === 'number';
    const ms = isTime ? parseInstant(value, UTC) : undefined;
    if (ms === undefined)
      problems.push({ field, code: 'time', message: 'must be ISO 8601 or epoch milliseconds' });
    return ms;
  });
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs) {
    problems.push({ field: 'to', code: 'range', message: 'must lie after from' });
  }
  return { kind: 'time', fromMs: fromMs ?? 0, toMs: toMs ?? 0 };
}

function activateOf({ activate = false }: Body, problems: Problem[]): boolean {
  if (typeof activate !== 'boolean')
    problems.push({ field: 'activate', code: 'type', message: 'must be true or false' });
  return activate === true;
}

function namesOf({ names }: Body, problems: Problem[]): readonly string[] {
  const isName = (name: unknown): boolean => typeof name === 'string' && name !== '';
  if (Array.isArray(names) && names.length > 0 && names.length <= MAX_NAMES && names.every(isName))
    return names as string[];
  const message = `must be a list of 1 to ${MAX_NAMES} names of differences`;
  problems.push({ field: 'names', code: 'type', message });
  return [];
}

function generationOf({ generation }: Body, problems: Problem[]): number | undefined {
  if (isCount(generation) && generation > 0) return generation;
  problems.push({ field: 'generation', code: 'type', message: 'must be the number of a generation' });
  return undefined;
}

function reasonOf({ reason = '' }: Body, problems: Problem[]): string {
  if (typeof reason === 'string' && reason.length <= MAX_REASON) return reason;
  const message = `must be a text of at most ${MAX_REASON} characters`;
  problems.push({ field: 'reason', code: 'type', message });
  return '';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
