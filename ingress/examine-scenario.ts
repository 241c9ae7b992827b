import { checkAction, checkScenarioFields } from '#domain';
import type { EventWarning, JsonObject, Normalised } from '#domain';

/**
 * Adds what is wrong with the scenario data of a behaviour and with the fields of its action. None of it
 * refuses the event (VAL-01), and the event keeps what was sent.
 */
export function withScenarioWarnings(sent: JsonObject, normalised: Normalised): Normalised {
  const { event, warnings: known } = normalised;
  const { scenario_type: type, action_type: action } = event;
  if (type === undefined || action === undefined) return normalised;
  const about = { sent, type, action };
  const found = [...checkScenarioFields(about), ...checkAction(about)];
  if (found.length === 0) return normalised;
  const added = found.filter((one) => one.code === 'required' || !isJudged(one.field, known));
  if (added.length === 0) return normalised;
  const warnings = [...known, ...added];
  return { ...normalised, event: { ...event, warnings }, warnings };
}

/** What the measures say of a value they could not take is not said twice. */
const JUDGED: ReadonlySet<string> = new Set(['type', 'range', 'percent']);

function isJudged(field: string, known: readonly EventWarning[]): boolean {
  return known.some((warning) => warning.field === field && JUDGED.has(warning.code));
}
