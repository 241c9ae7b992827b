import { parseTenantId } from '#domain';
import type { GenerationEvent, Json, JsonObject } from '#domain';
import type { NewStreamEvent, StreamEvent } from '#log';
import type { ProjectionOf } from './rebuilds.ts';

const STREAM_PREFIX = 'generations-';

const TYPES: Readonly<Record<GenerationEvent['type'], true>> = {
  projection_adopted: true,
  rebuild_started: true,
  rest_copied: true,
  rebuild_paused: true,
  rebuild_resumed: true,
  rebuild_failed: true,
  rebuild_cancelled: true,
  verification_begun: true,
  generation_verified: true,
  differences_accepted: true,
  generation_activated: true,
  generation_dropped: true,
  generation_removed: true,
};

/** The stream of one projection of one tenant. Neither name holds a slash. */
export function streamOf({ projection, tenant }: ProjectionOf): string {
  return `${STREAM_PREFIX}${projection}/${tenant}`;
}

/** An event as it asks to stand in its stream. */
export function toStreamEvent(of: ProjectionOf, event: GenerationEvent, id: string): NewStreamEvent {
  const { type, by, ...members } = event;
  const data = toJson({ projection: of.projection, tenant: of.tenant, ...members }) as JsonObject;
  return { id, type, data, metadata: { ...by } };
}

/** Reads an event of such a stream; undefined when it is of another, or of a form this version does not know. */
export function parseGenerationEvent({
  stream,
  type,
  data,
  metadata,
}: Pick<StreamEvent, 'stream' | 'type' | 'data' | 'metadata'>):
  { readonly of: ProjectionOf; readonly event: GenerationEvent } | undefined {
  if (!stream.startsWith(STREAM_PREFIX) || !Object.hasOwn(TYPES, type)) return undefined;
  const { projection, tenant: id, ...members } = data;
  const tenant = parseTenantId(id);
  if (typeof projection !== 'string' || !tenant.ok) return undefined;
  const of = { projection, tenant: tenant.tenant };
  if (stream !== streamOf(of)) return undefined;
  const { actor, reason } = metadata;
  const by = {
    actor: typeof actor === 'string' ? actor : '',
    reason: typeof reason === 'string' ? reason : '',
  };
  return { of, event: { ...(fromJson(members) as object), type, by } as GenerationEvent };
}

/** Offsets may be beyond what JSON can count: bigints stand as their digits in a member of their own. */
function toJson(value: unknown): Json {
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJson(member)]));
}

function fromJson(value: Json): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const { bigint } = value as JsonObject;
  if (typeof bigint === 'string') return BigInt(bigint);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fromJson(member)]));
}
