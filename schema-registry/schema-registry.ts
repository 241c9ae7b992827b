import { EVENT_KINDS } from '#domain';
import type { EventKind, TenantId } from '#domain';
import { createCompiler } from './compile-schema.ts';
import type { Validate } from './compile-schema.ts';
import { ENVELOPE_SCHEMAS, ENVELOPE_VERSION } from './envelope-schemas.ts';
import type { ConfigVersion, TrackingConfigs } from './tracking-configs.ts';

/** One version of a subject, ready to validate. Compiled once and kept. */
export type SchemaVersion = {
  /** `envelope.behaviour` */
  readonly subject: string;
  readonly version: number;
  readonly validate: Validate;
};

/**
 * The schemas events are validated by. Answers from memory and never waits, so nothing that happens to the
 * place it is filled from can stop an event at the door.
 */
export interface SchemaRegistry {
  /** The envelope in force for a kind. */
  envelope(kind: EventKind): SchemaVersion;
  /** The tracking config in force for a scenario; undefined when it has none. */
  config(tenant: TenantId, scenario: string): ConfigVersion | undefined;
  /** Any version of an envelope; undefined when there is none. */
  find(subject: string, version: number): SchemaVersion | undefined;
  /** Of the envelopes. */
  subjects(): readonly string[];
}

/**
 * Compiles the built-in envelopes; what tenants declare is looked up where the control plane is folded.
 *
 * @param configs the tracking configs to check by. @default none
 */
export function createSchemaRegistry(configs?: Pick<TrackingConfigs, 'inForce'>): SchemaRegistry {
  const compile = createCompiler();
  const versions = new Map<string, SchemaVersion>();
  const keyOf = (subject: string, version: number): string => `${subject}@${version}`;
  const add = (subject: string, version: number, schema: object): SchemaVersion => {
    const added = { subject, version, validate: compile(schema) };
    versions.set(keyOf(subject, version), added);
    return added;
  };
  const envelopes = Object.fromEntries(
    EVENT_KINDS.map((kind) => [kind, add(`envelope.${kind}`, ENVELOPE_VERSION, ENVELOPE_SCHEMAS[kind])]),
  ) as Record<EventKind, SchemaVersion>;
  return {
    envelope: (kind) => envelopes[kind],
    config: (tenant, scenario) => configs?.inForce(tenant, scenario),
    find: (subject, version) => versions.get(keyOf(subject, version)),
    subjects: () => [...new Set([...versions.values()].map(({ subject }) => subject))],
  };
}
