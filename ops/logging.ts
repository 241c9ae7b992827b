import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { pino } from 'pino';
import type { Fault, FaultCode } from '#domain';
import type { LogLevel } from './settings.ts';

/** Writes log lines: named values and one sentence. */
export type Logger = Readonly<
  Record<
    'debug' | 'info' | 'warn' | 'error' | 'fatal',
    (values: Readonly<Record<string, unknown>>, sentence: string) => void
  >
> & { readonly isLevelEnabled: (level: string) => boolean };

export type LoggerOptions = {
  readonly level: LogLevel;
  /** Where lines go, one call per line. */
  readonly write: (line: string) => void;
  /** Lines for a person at a terminal instead of JSON. */
  readonly human: boolean;
};

/** What the folders announce, and the level at which it is logged: what was refused always, the rest at debug. */
const ANNOUNCEMENTS = [
  ['daybook:ingress:rejected', 'warn', 'Input rejected'],
  ['daybook:ingress:answered', 'debug', 'Input answered'],
  ['daybook:log:appended', 'debug', 'Records appended'],
  ['daybook:projections:applied', 'debug', 'Batch applied'],
  ['daybook:projections:paused', 'error', 'Projection paused'],
  ['daybook:projections:thread_ended', 'error', 'The thread of the projectors has died'],
  ['daybook:schema-registry:unreachable', 'error', 'Streams of the schemas cannot be followed'],
  ['daybook:projections:differs', 'warn', 'Facts are not what the log says'],
  ['daybook:projections:agrees', 'info', 'Facts are what the log says again'],
  ['daybook:projections:repaired', 'info', 'Facts repaired'],
  ['daybook:projections:sealed', 'debug', 'Day sealed'],
  ['daybook:query:answered', 'debug', 'Question answered'],
] as const;

/** Opens the log of the process. */
export function createLogger({ level, write, human }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (name) => ({ level: name }) },
    },
    {
      write: (line: string) => {
        write(human ? humanLine(line) : line);
      },
    },
  );
}

/**
 * Logs what the folders announce, until disposed. Channels whose lines would not be written get no
 * subscriber, so that nobody prepares an announcement for them.
 */
export function logAnnouncements(logger: Logger): Disposable {
  const subscriptions = ANNOUNCEMENTS.filter(([, level]) => logger.isLevelEnabled(level)).map(
    ([channel, level, sentence]) => {
      const listener = (message: unknown): void => {
        logger[level](isRecord(message) ? message : { message }, sentence);
      };
      subscribe(channel, listener);
      return { channel, listener };
    },
  );
  return {
    [Symbol.dispose]: () => {
      for (const { channel, listener } of subscriptions) unsubscribe(channel, listener);
    },
  };
}

/** Faults that are ours to mend, whoever asked. */
const OURS: ReadonlySet<FaultCode> = new Set(['INTERNAL', 'LOG_CORRUPT', 'FACTS_ENGINE_FAILED']);

/** Logs faults of requests: ours with their cause, those that callers can see to themselves at debug. */
export function createFaultLog(logger: Logger): (fault: Fault, requestId: string) => void {
  return (fault, requestId) => {
    const values = { request_id: requestId, code: fault.code, ...fault.details };
    if (!OURS.has(fault.code)) {
      logger.debug(values, fault.message);
      return;
    }
    const { cause } = fault;
    logger.error({ ...values, cause: cause instanceof Error ? cause.stack : cause }, fault.message);
  };
}

/** `12:30:01 WARN Input rejected tenant=acme reason="…"` */
function humanLine(line: string): string {
  const { level, time, msg, ...values } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(values).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return `${String(time).slice(11, 19)} ${String(level).toUpperCase()} ${String(msg)}${rest.join('')}\n`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
