/**
 * Every way in which Daybook itself can fail, by stable code. Codes are never renamed or reused.
 *
 * `retryable` tells a caller whether the same request may succeed later without being changed.
 */
export const FAULTS = {
  CONFIG_INVALID: { retryable: false, summary: 'The settings do not describe a platform that can start.' },
  DATA_DIR_LOCKED: { retryable: true, summary: 'Another process holds the data directory.' },
  TENANT_INVALID: { retryable: false, summary: 'The tenant id is missing or not of the allowed form.' },
  TENANT_MISMATCH: {
    retryable: false,
    summary: 'The tenant of the body is not the tenant of the credential.',
  },
  TENANT_UNKNOWN: { retryable: false, summary: 'No tenant of that id has been created.' },
  LOG_CLOSED: { retryable: true, summary: 'The log was asked for something after it had been closed.' },
  LOG_CORRUPT: { retryable: false, summary: 'Stored log bytes do not match their digest or frame.' },
  LOG_GAP: { retryable: false, summary: 'Records a reader needs are no longer in the log.' },
  LOG_IDENTITY_CHANGED: {
    retryable: false,
    summary: 'A checkpoint belongs to another log than the one opened.',
  },
  LOG_OVERLOADED: { retryable: true, summary: 'More events wait for the disk than may wait.' },
  SCHEMA_INVALID: { retryable: false, summary: 'The definition of a schema is not of the documented form.' },
  SCHEMA_NOT_FOUND: { retryable: false, summary: 'There is no schema of that subject and version.' },
  SCHEMA_EXISTS: { retryable: false, summary: 'The subject has an active schema already.' },
  SCHEMA_INACTIVE: { retryable: false, summary: 'The schema is inactive and takes no change.' },
  SCHEMA_VERSION_CONFLICT: {
    retryable: false,
    summary: 'The schema has another version than the change expects.',
  },
  SCHEMA_CONTENDED: { retryable: true, summary: 'Too many change the same schema at the same time.' },
  INGRESS_BODY_INVALID: { retryable: false, summary: 'The body of the request cannot be read.' },
  INGRESS_BODY_TOO_LARGE: { retryable: false, summary: 'The body is larger than the limit.' },
  INGRESS_MEDIA_TYPE_UNSUPPORTED: {
    retryable: false,
    summary: 'The content type or content encoding of the body is not supported.',
  },
  FACTS_ENGINE_FAILED: {
    retryable: true,
    summary: 'The engine of the facts refused or broke off a statement.',
  },
  FACTS_ROWS_MISSING: {
    retryable: true,
    summary: 'An insert into the facts wrote fewer rows than it was given.',
  },
  DOCUMENTS_FOLDED_ELSEWHERE: {
    retryable: true,
    summary: 'Documents had been folded further by somebody else than whoever meant to write them.',
  },
  CATALOGUE_INVALID: { retryable: false, summary: 'The entry is not of the documented form.' },
  CATALOGUE_CONFLICT: { retryable: false, summary: 'The entry has another version than expected.' },
  PROJECTION_PAUSED: { retryable: true, summary: 'A projection stands still, with a reason and a position.' },
  PROJECTION_UNKNOWN: { retryable: false, summary: 'There is no projection of that name.' },
  PROJECTION_COMMAND_INVALID: {
    retryable: false,
    summary: 'The command to a projection is not of the documented form.',
  },
  PROJECTION_COMMAND_REFUSED: {
    retryable: false,
    summary: 'The generations of the projection do not allow what was asked.',
  },
  QUERY_INVALID: { retryable: false, summary: 'The question is not of the documented form.' },
  QUERY_SQL_REFUSED: {
    retryable: false,
    summary: 'The SQL is not one read-only SELECT over the documented views.',
  },
  QUERY_PIN_UNAVAILABLE: { retryable: false, summary: 'The answer as of that token can no longer be given.' },
  QUERY_UNEXPLAINABLE: {
    retryable: false,
    summary: 'The number is not made of events, or no longer of events that are kept.',
  },
  QUERY_NOT_YET_VISIBLE: {
    retryable: true,
    summary: 'The awaited event was not visible within the time limit.',
  },
  QUERY_TOO_DEAR: { retryable: false, summary: 'The question exceeded its limit of time, rows or memory.' },
  QUERY_OVERLOADED: { retryable: true, summary: 'More questions are waiting than may wait.' },
  NOT_FOUND: { retryable: false, summary: 'There is nothing at that address.' },
  METHOD_NOT_ALLOWED: { retryable: false, summary: 'The address exists, but not for that method.' },
  NOT_READY: { retryable: true, summary: 'The platform is still starting or already stopping.' },
  INTERNAL: { retryable: true, summary: 'Something failed that should not have failed.' },
} as const satisfies Record<string, { retryable: boolean; summary: string }>;

/** A stable code of the catalogue {@link FAULTS}. */
export type FaultCode = keyof typeof FAULTS;

/**
 * What is thrown when Daybook cannot do what was asked. Expected outcomes are returned, not thrown.
 *
 * `details` are named values for the reader of the error; they never contain secrets.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: FaultCode,
    message: string = FAULTS[code].summary,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return FAULTS[this.code].retryable;
  }
}
