/**
 * Why a member of an event was refused, or what it is accepted with although it is not as it should be.
 * Codes are never renamed or reused.
 */
export const FIELD_CODES = {
  required: 'The member is missing, null or empty.',
  type: 'The value has another JSON type than the member.',
  range: 'The number lies outside the allowed range.',
  enum: 'The value is none of the allowed ones.',
  format: 'The text does not have the form of the member.',
  too_long: 'The text has more bytes than allowed.',
  unknown_action: 'The action is none of the 38 and no alias of one.',
  unknown_kind: 'The kind is none of behaviour, generic, user and catalog.',
  timestamp_in_seconds: 'The time looks like seconds; milliseconds are wanted.',
  timestamp_too_old: 'The event happened before the window in which events are accepted.',
  timestamp_in_future: 'The event lies more than a day ahead of the time of receipt.',
  timestamp_fraction: 'The time has a fraction of a millisecond, which was cut off.',
  tenant_invalid: 'The tenant id is missing or not of the allowed form.',
  tenant_mismatch: 'The tenant of the event is not the tenant of the credential or header.',
  tenant_unknown: 'No tenant of that id has been created, and events from here do not create one.',
  conflict: 'The event id stands in the log with another content.',
  not_json: 'The body is not JSON in UTF-8.',
  not_an_object: 'An event must be a JSON object.',
  too_large: 'The event has more bytes than allowed.',
  batch_size: 'A batch holds 1 to 100 events.',
  duplicate_member: 'A name stands more than once in its object.',
  lone_surrogate: 'The text holds half of a surrogate pair.',
  number_not_finite: 'The number is beyond the largest that can be kept.',
  number_too_large: 'The number is beyond 2^53, where digits are lost.',
  number_rounded: 'The number has more digits than can be kept; it was rounded.',
  too_deep: 'Objects and arrays are nested too deeply.',
  too_many_members: 'The event has more members than allowed.',
  alias: 'Another spelling was taken for the canonical value.',
  unknown_field: 'The member is not one of the envelope; it was kept as a custom attribute.',
  ignored: 'The member says nothing here and was left out.',
  differing_values: 'The same thing is said twice with different values; the message says which was taken.',
  several_branches: 'The scenario data is of several scenario types.',
  percent: 'A fraction from 0 to 1 was wanted, not a percentage; the value was not taken.',
  device_type_assumed: 'The device type could not be told and was taken as pc.',
  not_stored: 'The log could not take the event now; sending it again may succeed.',
} as const satisfies Record<string, string>;

export type FieldCode = keyof typeof FIELD_CODES;

/** One thing wrong with one member, by its path, `context.device_type`; an empty path means the whole. */
export type FieldError = { readonly field: string; readonly code: FieldCode; readonly message: string };
