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
  const added = found.filter((one) => !isSaid(one, known));
  if (added.length === 0) return normalised;
  const warnings = [...known, ...added];
  return { ...normalised, event: { ...event, warnings }, warnings };
}

/** Codes of a value that could not be taken; a second one for the same member would say no more. */
const JUDGED: ReadonlySet<string> = new Set(['type', 'range', 'percent']);

function isSaid({ field, code }: EventWarning, known: readonly EventWarning[]): boolean {
  return known.some(
    (one) => one.field === field && (one.code === code || (code !== 'required' && JUDGED.has(one.code))),
  );
}
