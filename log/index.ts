export type {
  AppendOutcome,
  EventLog,
  LogBounds,
  LogChannel,
  LogName,
  LogRecord,
  NewRecord,
  OffsetRange,
  RecordBatch,
  RecordHeaders,
  TurnedAway,
} from './event-log.ts';
export type {
  ExpectedRevision,
  NewStreamEvent,
  StreamAppendResult,
  StreamEvent,
  StreamStore,
} from './stream-store.ts';
export type { Tenants } from './tenants.ts';
