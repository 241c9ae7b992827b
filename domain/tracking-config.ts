import { canonicalJson } from './canonical-json.ts';
import type { JsonObject } from './event.ts';
import { parseTrackingConfig } from './parse-tracking-config.ts';
import type { TenantId } from './tenant-id.ts';
import type { DefinitionFinding, TrackingConfigDefinition } from './tracking-config-definition.ts';

/** The tracking config of one scenario of one tenant, as of one version. */
export type TrackingConfig = {
  readonly tenant: TenantId;
  readonly scenario: string;
  /** 1, 2, 3, …: one more with every change. */
  readonly version: number;
  /** Events are checked by active configs alone. */
  readonly status: 'active' | 'inactive';
  readonly definition: TrackingConfigDefinition;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
};

/** What somebody asks of a tracking config. `definition` and `changes` are as they were sent. */
export type TrackingConfigCommand = { readonly tenant: TenantId; readonly scenario: string } & (
  | { readonly type: 'create'; readonly definition: JsonObject }
  /** Members that are left out stay; null takes a member away. */
  | { readonly type: 'update'; readonly changes: JsonObject; readonly expectedVersion?: number }
  | { readonly type: 'deactivate'; readonly expectedVersion?: number }
);

/** What happened to a tracking config. The whole definition stands in every event that changes it. */
export type TrackingConfigEvent = {
  readonly tenant: TenantId;
  readonly scenario: string;
  /** The version it makes. */
  readonly version: number;
  readonly atMs: number;
} & (
  | {
      readonly type: 'config_created' | 'config_updated' | 'config_reactivated';
      readonly definition: TrackingConfigDefinition;
    }
  | { readonly type: 'config_deactivated' }
);

export type TrackingConfigRefusal =
  | { readonly ok: false; readonly reason: 'invalid'; readonly errors: readonly DefinitionFinding[] }
  | { readonly ok: false; readonly reason: 'not_found' }
  | {
      readonly ok: false;
      readonly reason: 'exists' | 'inactive' | 'version_conflict';
      readonly actual: number;
    };

export type TrackingConfigDecision =
  { readonly ok: true; readonly events: readonly TrackingConfigEvent[] } | TrackingConfigRefusal;

const SCENARIO_ID_CHARACTERS = 255;

/**
 * Decides what a command changes. An inactive config becomes active by creating it again; a change that
 * changes nothing and a second deactivation make no event.
 */
export function decideTrackingConfig(
  state: TrackingConfig | undefined,
  command: TrackingConfigCommand,
  atMs: number,
): TrackingConfigDecision {
  const { tenant, scenario } = command;
  const about = { tenant, scenario, version: (state?.version ?? 0) + 1, atMs };
  if (command.type === 'create') return decideCreation(state, command.definition, about);
  if (!state) return { ok: false, reason: 'not_found' };
  const { expectedVersion } = command;
  if (expectedVersion !== undefined && expectedVersion !== state.version) {
    return { ok: false, reason: 'version_conflict', actual: state.version };
  }
  if (command.type === 'update') return decideUpdate(state, command.changes, about);
  return { ok: true, events: state.status === 'active' ? [{ type: 'config_deactivated', ...about }] : [] };
}

type About = Omit<TrackingConfigEvent, 'type' | 'definition'>;

function decideCreation(
  state: TrackingConfig | undefined,
  sent: JsonObject,
  about: About,
): TrackingConfigDecision {
  if (state?.status === 'active') return { ok: false, reason: 'exists', actual: state.version };
  const parsed = parseTrackingConfig(sent);
  const errors = [...whyNotScenarioId(about.scenario), ...(parsed.ok ? [] : parsed.errors)];
  if (!parsed.ok || errors.length > 0) return { ok: false, reason: 'invalid', errors };
  const type = state ? 'config_reactivated' : 'config_created';
  return { ok: true, events: [{ type, definition: parsed.definition, ...about }] };
}

function decideUpdate(state: TrackingConfig, changes: JsonObject, about: About): TrackingConfigDecision {
  if (state.status === 'inactive') return { ok: false, reason: 'inactive', actual: state.version };
  if (changes['template_id'] !== undefined) {
    const message = 'says what the config was made from; it cannot be changed';
    return {
      ok: false,
      reason: 'invalid',
      errors: [{ field: 'template_id', code: 'unknown_member', message }],
    };
  }
  const parsed = parseTrackingConfig({ ...state.definition, ...changes });
  if (!parsed.ok) return { ok: false, reason: 'invalid', errors: parsed.errors };
  const same = canonicalJson(parsed.definition) === canonicalJson(state.definition);
  const { definition } = parsed;
  return { ok: true, events: same ? [] : [{ type: 'config_updated', definition, ...about }] };
}

/** Folds one event of a config's stream. */
export function evolveTrackingConfig(
  state: TrackingConfig | undefined,
  event: TrackingConfigEvent,
): TrackingConfig | undefined {
  const { tenant, scenario, version, atMs } = event;
  if (event.type === 'config_deactivated') {
    return state && { ...state, version, status: 'inactive', updatedAtMs: atMs };
  }
  const { definition } = event;
  const createdAtMs = state?.createdAtMs ?? atMs;
  return { tenant, scenario, version, status: 'active', definition, createdAtMs, updatedAtMs: atMs };
}

function whyNotScenarioId(scenario: string): readonly DefinitionFinding[] {
  if (scenario === '') return [{ field: 'scenario_id', code: 'required', message: 'is required' }];
  if (scenario.length <= SCENARIO_ID_CHARACTERS && scenario.isWellFormed()) return [];
  const message = `must be a text of at most ${SCENARIO_ID_CHARACTERS} characters`;
  return [{ field: 'scenario_id', code: 'too_long', message }];
}
