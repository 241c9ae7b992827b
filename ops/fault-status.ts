import type { ServerResponse } from 'node:http';
import { FAULTS, Fault } from '#domain';
import type { FaultCode } from '#domain';

/** The HTTP status of every fault. Nothing else in Daybook decides one. */
export const FAULT_STATUS = {
  CONFIG_INVALID: 500,
  DATA_DIR_LOCKED: 503,
  TENANT_INVALID: 400,
  TENANT_MISMATCH: 403,
  TENANT_UNKNOWN: 404,
  LOG_CLOSED: 503,
  LOG_CORRUPT: 500,
  LOG_GAP: 410,
  LOG_IDENTITY_CHANGED: 409,
  LOG_OVERLOADED: 503,
  SCHEMA_INVALID: 400,
  SCHEMA_NOT_FOUND: 404,
  SCHEMA_EXISTS: 409,
  SCHEMA_INACTIVE: 409,
  SCHEMA_VERSION_CONFLICT: 409,
  SCHEMA_CONTENDED: 503,
  INGRESS_BODY_INVALID: 400,
  INGRESS_BODY_TOO_LARGE: 413,
  INGRESS_MEDIA_TYPE_UNSUPPORTED: 415,
  FACTS_ENGINE_FAILED: 503,
  FACTS_ROWS_MISSING: 503,
  DOCUMENTS_FOLDED_ELSEWHERE: 503,
  CATALOGUE_INVALID: 400,
  CATALOGUE_CONFLICT: 409,
  PROJECTION_PAUSED: 503,
  PROJECTION_UNKNOWN: 404,
  PROJECTION_COMMAND_INVALID: 400,
  PROJECTION_COMMAND_REFUSED: 409,
  QUERY_INVALID: 400,
  QUERY_SQL_REFUSED: 400,
  QUERY_PIN_UNAVAILABLE: 410,
  QUERY_UNEXPLAINABLE: 410,
  QUERY_NOT_YET_VISIBLE: 504,
  QUERY_TOO_DEAR: 422,
  QUERY_OVERLOADED: 503,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_READY: 503,
  INTERNAL: 500,
} as const satisfies Record<FaultCode, number>;

/** Seconds after which a request refused with 503 may be worth repeating. */
const RETRY_AFTER_SECONDS = 1;

/** The body of every answer that failed; {@link FAULTS} lists the codes. */
export type FaultBody = {
  readonly error: {
    readonly code: FaultCode;
    readonly message: string;
    readonly retryable: boolean;
    readonly request_id: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
};

/**
 * The fault behind anything thrown on the way to an answer. What is no fault of ours and no refusal of the
 * HTTP libraries becomes `INTERNAL` with the catalogue's sentence, so that no text from inside gets out.
 */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const status = librarysStatus(error);
  if (status === 413) return new Fault('INGRESS_BODY_TOO_LARGE', undefined, { cause: error });
  if (status === 415) return new Fault('INGRESS_MEDIA_TYPE_UNSUPPORTED', undefined, { cause: error });
  if (status !== undefined && status >= 400 && status < 500) {
    return new Fault('INGRESS_BODY_INVALID', 'The request cannot be read.', { cause: error });
  }
  return new Fault('INTERNAL', FAULTS.INTERNAL.summary, { cause: error });
}

/** The HTTP status of anything thrown on the way to an answer. */
export function statusOf(error: unknown): number {
  return FAULT_STATUS[faultOf(error).code];
}

/** Writes a fault as the answer, unless an answer has begun; then the connection is broken off instead. */
export function answerFault(res: ServerResponse, fault: Fault, requestId: string): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body: FaultBody = {
    error: {
      code: fault.code,
      message: fault.message,
      retryable: fault.retryable,
      request_id: requestId,
      ...(Object.keys(fault.details).length > 0 ? { details: fault.details } : {}),
    },
  };
  const status = FAULT_STATUS[fault.code];
  res.statusCode = status;
  res.setHeader('X-Request-Id', requestId);
  if (status === 503) res.setHeader('Retry-After', RETRY_AFTER_SECONDS);
  answerJson(res, body);
}

/** Writes a JSON body under the status already set. Offsets (`bigint`) are written as strings. */
export function answerJson(res: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(res.req.method === 'HEAD' ? undefined : text);
}

/** The status that Express and its body parser put on errors of their own. */
function librarysStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  return typeof error.status === 'number' ? error.status : undefined;
}
