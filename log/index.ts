export type {
  AppendOutcome,
  EventLog,
  EventLogReader,
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
export { HISTORY_READS, createAudit } from './audit.ts';
export type {
  Audit,
  AuditEntry,
  AuditPage,
  AuditPlace,
  HistoryRead,
  HistoryReadEnd,
  HistoryReadKind,
  HistoryReader,
  OpenHistoryRead,
} from './audit.ts';
export { announcedWrites } from './announced-writes.ts';
export type { AnnouncedWrite } from './announced-writes.ts';
export { commitAll, hearingFailure } from './commit.ts';
export { openCatalogue } from './catalogue.ts';
export type { Catalogue, CatalogueOptions, EntryVersion, EntryWritten } from './catalogue.ts';
export { follow } from './follow.ts';
export { StreamFollower } from './stream-follower.ts';
export type { RecordTimes, TimesBatch } from './record-times.ts';
export { openTenants } from './tenants.ts';
export type { Tenants, TenantsOptions } from './tenants.ts';
export { verification, verifyLog } from './verify.ts';
export type {
  BlockAbout,
  BlockChain,
  BlockSource,
  ChainProgress,
  LogDifference,
  LogVerdict,
} from './verify.ts';
