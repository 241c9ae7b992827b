import { Fault } from '#domain';
import type { FieldCode, FieldError } from '#schema-registry';
import type { Counts } from './counters.ts';
import type { Checked, Ingress } from './ingress.ts';
import type { EventOutcome } from './outcome.ts';

/** An answer with a documented body. */
export type Answer = { readonly status: number; readonly body: object; readonly retryAfterSeconds?: number };

/** An event whose envelope has one of these is refused; in one that is kept they speak of scenario data. */
const SCENARIO_CODES: ReadonlySet<FieldCode> = new Set([
  'required',
  'type',
  'range',
  'enum',
  'percent',
  'differing_values',
]);

/** Where scenario data was not as its type or tracking config has it (IH-05); the event is kept all the same. */
function ofScenario(warnings: readonly FieldError[]): readonly FieldError[] {
  if (warnings.length === 0) return warnings;
  return warnings.filter(
    ({ field, code }) => SCENARIO_CODES.has(code) || /^(scenario_|extra_data)/.test(field),
  );
}

/** Says in one sentence what a list of errors says. */
export function sentenceOf(errors: readonly FieldError[]): string {
  return errors.map(({ field, message }) => (field === '' ? message : `${field} ${message}`)).join('; ');
}

/** The answer to `track`. A fault is thrown on: it has no body of this route. */
export function singleAnswer(outcome: EventOutcome): Answer {
  switch (outcome.outcome) {
    case 'accepted':
    case 'duplicate': {
      const { eventId, receipt, warnings } = outcome;
      const message =
        outcome.outcome === 'accepted' ? 'Event tracked successfully' : 'Event was tracked before';
      const body = {
        success: true,
        event_id: eventId,
        message,
        outcome: outcome.outcome,
        receipt,
        warnings,
        validation_warnings: ofScenario(warnings),
      };
      return { status: 200, body };
    }
    case 'conflict': {
      const { eventId, errors, receipt, deadLetter } = outcome;
      const body = {
        success: false,
        error: sentenceOf(errors),
        errors,
        outcome: 'conflict',
        event_id: eventId,
        receipt,
        dead_letter: deadLetter,
      };
      return { status: 409, body };
    }
    case 'rejected': {
      throwMismatch(outcome.errors);
      const { eventId, errors, deadLetter } = outcome;
      const body = {
        success: false,
        error: sentenceOf(errors),
        errors,
        outcome: 'rejected',
        ...(eventId === undefined ? {} : { event_id: eventId }),
        ...(deadLetter === undefined ? {} : { dead_letter: deadLetter }),
      };
      return { status: 400, body };
    }
    case 'failed':
      throw outcome.fault;
  }
}

/** The answer to `/v1/track` (IH-12): the bodies of the event gateway, with the receipt beside. */
export function gatewayAnswer(outcome: EventOutcome): Answer {
  const { status, body } = singleAnswer(outcome);
  if (status === 200 && (outcome.outcome === 'accepted' || outcome.outcome === 'duplicate')) {
    const { eventId, receipt, warnings } = outcome;
    return {
      status,
      body: { status: 'ok', event_id: eventId, outcome: outcome.outcome, receipt, warnings },
    };
  }
  const { success: _success, ...rest } = body as { readonly success: boolean };
  return { status, body: rest };
}

/** The answer to `track/batch`. One bad event does not refuse the others. */
export function batchAnswer(outcomes: readonly EventOutcome[]): Answer {
  const failures = outcomes.filter((one) => one.outcome === 'failed');
  const [failure] = failures;
  if (failure && failures.length === outcomes.length) throw failure.fault;
  let succeeded = 0;
  const results = outcomes.map((outcome, index) => {
    if (outcome.outcome === 'accepted' || outcome.outcome === 'duplicate') succeeded++;
    return resultOf(outcome, index);
  });
  const total = outcomes.length;
  const body = { success: !failure, total, succeeded, failed: total - succeeded, results };
  // Part of it is kept and says so; the rest may succeed when it is sent again.
  return failure ? { status: 503, body, retryAfterSeconds: 1 } : { status: 200, body };
}

const NONE: readonly FieldError[] = [];

function resultOf(outcome: EventOutcome, index: number): object {
  switch (outcome.outcome) {
    case 'accepted':
    case 'duplicate': {
      const { eventId, receipt, warnings } = outcome;
      if (warnings.length === 0) {
        return { index, event_id: eventId, outcome: outcome.outcome, receipt, warnings, errors: NONE };
      }
      return {
        index,
        event_id: eventId,
        outcome: outcome.outcome,
        receipt,
        warnings,
        validation_warnings: ofScenario(warnings),
        errors: NONE,
      };
    }
    case 'conflict': {
      const { eventId, receipt, deadLetter, errors } = outcome;
      const about = { index, event_id: eventId, outcome: 'conflict', receipt, dead_letter: deadLetter };
      return { ...about, warnings: NONE, errors };
    }
    case 'rejected': {
      const { eventId, deadLetter, errors } = outcome;
      return {
        index,
        event_id: eventId ?? null,
        outcome: 'rejected',
        ...(deadLetter === undefined ? {} : { dead_letter: deadLetter }),
        warnings: NONE,
        errors,
      };
    }
    case 'failed': {
      const message = outcome.fault.message;
      const errors: readonly FieldError[] = [{ field: '', code: 'not_stored', message }];
      return { index, event_id: outcome.eventId ?? null, outcome: 'rejected', warnings: NONE, errors };
    }
  }
}

/** The answer to a dry run: 200 also when the event would be refused. */
export function checkAnswer(checked: readonly Checked[], batch: boolean): Answer {
  const results = checked.map((one, index) => ({
    index,
    success: one.ok,
    errors: one.ok ? NONE : one.errors,
    warnings: one.ok ? one.warnings : NONE,
    validation_warnings: one.ok ? ofScenario(one.warnings) : NONE,
  }));
  const success = results.every((one) => one.success);
  if (batch) return { status: 200, body: { success, total: results.length, results } };
  const [only] = results;
  return { status: 200, body: { ...only, index: undefined, success } };
}

/** The answer to `health` (IH-08): the names of the requirements, with ours beside them. */
export function healthAnswer(ingress: Ingress, tenant: string | undefined): Answer {
  const counts = ingress.counts(tenant);
  const available = ingress.logAvailable();
  const body = {
    status: available ? 'healthy' : 'degraded',
    kafka_available: available,
    stats: {
      total_events: counts.received,
      kafka_success: counts.accepted,
      kafka_failed: counts.failed,
      rejected: counts.rejected,
      duplicates: counts.duplicate,
      conflicts: counts.conflict,
      validation_warnings: counts.warned,
      success_rate: successRate(counts),
    },
  };
  return { status: 200, body };
}

/** Share appended of what was not rejected, in percent with two decimals; null when there was nothing. */
function successRate({ received, rejected, accepted }: Counts): number | null {
  const candidates = received - rejected;
  return candidates === 0 ? null : Math.round((accepted / candidates) * 10_000) / 100;
}

/** To send under another tenant's name is no mistake in the event: it is refused as such. */
function throwMismatch(errors: readonly FieldError[]): void {
  const mismatch = errors.find(({ code }) => code === 'tenant_mismatch');
  if (mismatch) throw new Fault('TENANT_MISMATCH', undefined, { details: { errors } });
}
