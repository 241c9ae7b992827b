import { Type } from 'typebox';
import type { Static } from 'typebox';
import { parsePosition, parseReceipt } from '#domain';
import type { JsonObject, Position, ReceiptToken } from '#domain';
import type { LogChannel } from '#log';
import { COMMON, createFormCheck, invalidQuestion, oneOf } from './question.ts';
import { RECORD_FORMS } from './raw-record.ts';
import type { RecordForm } from './raw-record.ts';

const CHANNEL = Type.Optional(
  oneOf(['events', 'dead_letters'], 'The events, or the inputs that were kept out of them.', 'events'),
);

/** The form of `GET /api/v1/log/record`. */
export const RECORD_FORM = Type.Object(
  {
    tenant_id: COMMON.tenant_id,
    channel: CHANNEL,
    position: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,5}:[0-9]{1,16}$',
        description: 'Partition and offset, `2:17`.',
      }),
    ),
    receipt: Type.Optional(Type.String({ maxLength: 100, description: 'The token the sender got.' })),
    event_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255, description: 'Id of an event.' })),
  },
  { additionalProperties: false },
);

/** The form of `GET /api/v1/log/tail`. */
export const TAIL_FORM = Type.Object(
  {
    tenant_id: COMMON.tenant_id,
    n: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000,
        default: 10,
        description: 'How many of the newest records come first.',
      }),
    ),
    follow: Type.Optional(
      oneOf(['0', '1'], '1: go on with the records that come, until the connection is closed.', '0'),
    ),
    channel: CHANNEL,
    form: Type.Optional(
      oneOf(RECORD_FORMS, 'Each record with its decoded event, its raw bytes, or both.', 'event'),
    ),
  },
  { additionalProperties: false },
);

/** The form of the body of `POST /api/v1/log/verify`. */
export const VERIFY_FORM = Type.Object(
  { tenant_id: COMMON.tenant_id, channel: CHANNEL },
  { additionalProperties: false },
);

/** How one record is named. */
export type RecordPlace = { readonly channel: LogChannel; readonly asked: JsonObject } & (
  { readonly position: Position } | { readonly receipt: ReceiptToken } | { readonly eventId: string }
);

/** Which of the newest records are wanted, and whether those that come. */
export type Tail = {
  readonly channel: LogChannel;
  readonly count: number;
  readonly following: boolean;
  readonly form: RecordForm;
  readonly asked: JsonObject;
};

const checkRecord = createFormCheck(RECORD_FORM);
const checkTail = createFormCheck(TAIL_FORM);
const checkVerify = createFormCheck(VERIFY_FORM);

/** Takes an untrusted question for one record. Throws `QUERY_INVALID`. */
export function readPlace(question: JsonObject): RecordPlace {
  refuse(checkRecord(question));
  const asked = question as Static<typeof RECORD_FORM>;
  const { position, receipt, event_id: eventId } = asked;
  const about = { channel: asked.channel ?? 'events', asked: question } as const;
  if ([position, receipt, eventId].filter((one) => one !== undefined).length !== 1) {
    const message = 'must be given, or receipt, or event_id; one of them';
    throw invalidQuestion([{ field: 'position', code: 'required', message }]);
  }
  if (eventId !== undefined) {
    if (about.channel === 'events') return { ...about, eventId };
    const message = 'has no index among the dead letters, where it may stand many times: search for it';
    throw invalidQuestion([{ field: 'event_id', code: 'channel', message }]);
  }
  const at = parsePosition(position ?? '');
  if (at) return { ...about, position: at };
  const token = parseReceipt(receipt ?? '');
  if (token) return { ...about, receipt: token };
  throw invalidQuestion([{ field: 'receipt', code: 'token', message: 'is no receipt' }]);
}

/** Takes an untrusted question for the newest records. Throws `QUERY_INVALID`. */
export function readTail(question: JsonObject): Tail {
  refuse(checkTail(question));
  const { channel = 'events', n = 10, follow, form = 'event' } = question as Static<typeof TAIL_FORM>;
  return { channel, count: n, following: follow === '1', form, asked: question };
}

/** Takes an untrusted body that asks to verify. Throws `QUERY_INVALID`. */
export function readVerify(question: unknown): { readonly tenantId: unknown; readonly channel: LogChannel } {
  refuse(checkVerify(question));
  const { tenant_id: tenantId, channel = 'events' } = question as Static<typeof VERIFY_FORM>;
  return { tenantId, channel };
}

function refuse(problems: ReturnType<ReturnType<typeof createFormCheck>>): void {
  if (problems.length > 0) throw invalidQuestion(problems);
}
