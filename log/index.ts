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
export { announcedWrites } from './announced-writes.ts';
export type { AnnouncedWrite } from './announced-writes.ts';
export { commitAll, hearingFailure } from './commit.ts';
export { openCatalogue } from './catalogue.ts';
export type { Catalogue, CatalogueOptions, EntryVersion, EntryWritten } from './catalogue.ts';
export { follow } from './follow.ts';
export { openTenants } from './tenants.ts';
export type { Tenants, TenantsOptions } from './tenants.ts';
export { verifyChain, verifyLog } from './verify.ts';
export type { BlockChain, BlockSource, LogDifference, LogVerdict } from './verify.ts';
