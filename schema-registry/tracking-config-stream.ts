import { parseTenantId, parseTrackingConfig } from '#domain';
import type { JsonObject, TrackingConfigEvent } from '#domain';
import type { NewStreamEvent, StreamEvent } from '#log';

/** Who changes the control plane, and why. */
export type ChangedBy = {
  readonly actor: string;
  /** Whether a credential says that it is the actor. */
  readonly authenticated: boolean;
  readonly reason?: string;
};

/** Streams of schemas begin with this, whatever kind of subject they are of. */
const STREAM_PREFIX = 'schema-';
const SUBJECT_PREFIX = 'config.';

/** The subject of a scenario's config. A tenant id holds no dot, so no two scenarios share one. */
export function configSubject({
  tenant,
  scenario,
}: Pick<TrackingConfigEvent, 'tenant' | 'scenario'>): string {
  return `${SUBJECT_PREFIX}${tenant}.${scenario}`;
}

/** The stream that keeps the versions of a subject. */
export function streamOf(subject: string): string {
  return STREAM_PREFIX + subject;
}

/** Whether a stream holds the versions of a tracking config. */
export function isConfigStream(stream: string): boolean {
  return stream.startsWith(STREAM_PREFIX + SUBJECT_PREFIX);
}

/** An event as it asks to stand in its stream. */
export function toStreamEvent(event: TrackingConfigEvent, id: string, by: ChangedBy): NewStreamEvent {
  const { type, ...data } = event;
  const { actor, authenticated, reason } = by;
  const metadata = { actor, authenticated, ...(reason === undefined ? {} : { reason }) };
  return { id, type, data, metadata };
}

/** Reads an event of a config's stream; undefined when it is of a form this version does not know. */
export function parseStreamEvent(
  stored: Pick<StreamEvent, 'stream' | 'type' | 'data' | 'metadata'>,
): { readonly event: TrackingConfigEvent; readonly by: ChangedBy } | undefined {
  const about = aboutOf(stored);
  if (!about) return undefined;
  const { type } = stored;
  const by = byOf(stored.metadata);
  switch (type) {
    case 'config_deactivated':
      return { event: { type, ...about }, by };
    case 'config_created':
    case 'config_updated':
    case 'config_reactivated': {
      const parsed = parseTrackingConfig((stored.data['definition'] ?? {}) as JsonObject);
      return parsed.ok ? { event: { type, definition: parsed.definition, ...about }, by } : undefined;
    }
    default:
      return undefined;
  }
}

function aboutOf({ stream, data }: Pick<StreamEvent, 'stream' | 'data'>) {
  const { scenario, version, atMs } = data;
  const tenant = parseTenantId(data['tenant']);
  if (!tenant.ok || typeof scenario !== 'string') return undefined;
  if (typeof version !== 'number' || typeof atMs !== 'number') return undefined;
  const about = { tenant: tenant.tenant, scenario, version, atMs };
  return stream === streamOf(configSubject(about)) ? about : undefined;
}

function byOf({ actor, authenticated, reason }: JsonObject): ChangedBy {
  return {
    actor: typeof actor === 'string' ? actor : 'unknown',
    authenticated: authenticated === true,
    ...(typeof reason === 'string' && { reason }),
  };
}
