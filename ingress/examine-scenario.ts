import { checkAction, checkScenarioFields } from '#domain';
import type { Event, EventWarning, JsonObject, Normalised } from '#domain';
import type { ConfigVersion } from '#schema-registry';

/**
 * Adds what is wrong with the scenario data of an event: by the tracking config of its scenario where there is
 * one, else by the fields of its scenario type, and by the fields of its action in any case. None of it refuses
 * the event (VAL-01), and the event keeps what was sent.
 */
export function withScenarioWarnings(
  sent: JsonObject,
  normalised: Normalised,
  config: ConfigVersion | undefined,
): Normalised {
  const { event, warnings: known } = normalised;
  const found = findingsOf(sent, event, config);
  if (found.length === 0) return normalised;
  const warnings = [...known];
  for (const one of found) if (!isSaid(one, warnings)) warnings.push(one);
  return warnings.length === known.length
    ? normalised
    : { ...normalised, event: { ...event, warnings }, warnings };
}

function findingsOf(
  sent: JsonObject,
  event: Event,
  config: ConfigVersion | undefined,
): readonly EventWarning[] {
  const { scenario_type: type, action_type: action } = event;
  const byConfig = config?.check(event, sent) ?? NONE;
  if (type === undefined || action === undefined) return byConfig;
  const about = { sent, type, action };
  const ofFields = config ? byConfig : checkScenarioFields(about);
  const ofAction = checkAction(about);
  return ofAction.length === 0 ? ofFields : [...ofFields, ...ofAction];
}

const NONE: readonly EventWarning[] = [];

/** Codes of a value that could not be taken; a second one for the same member would say no more. */
const JUDGED: ReadonlySet<string> = new Set(['type', 'range', 'percent', 'enum']);

function isSaid({ field, code }: EventWarning, known: readonly EventWarning[]): boolean {
  // A field that is missing may be wanted in one place by its config and in another by its action.
  if (code === 'required') return known.some((one) => one.code === code && nameOf(one) === nameOf({ field }));
  return known.some((one) => one.field === field && (one.code === code || JUDGED.has(one.code)));
}

function nameOf({ field }: Pick<EventWarning, 'field'>): string {
  return field.slice(field.lastIndexOf('.') + 1);
}
