import type { JsonObject, Position, TenantId } from '#domain';
import type { Audit, EventLog, HistoryReadKind, HistoryReader, LogChannel, LogRecord } from '#log';
import { readAt } from './record-ranges.ts';

/** Who asks, whose history, and until when they listen. */
export type HistoryAsker = {
  readonly tenant: TenantId;
  readonly reader: HistoryReader;
  readonly signal: AbortSignal;
};

/** Records of raw history that somebody asks for by their places. */
export interface AuditedRecords {
  /**
   * The records at these positions, in their order. Those that are not in the log are left out. The read is
   * recorded in the audit, durably, before it is answered.
   */
  records(
    wanted: {
      readonly channel: LogChannel;
      readonly positions: readonly Position[];
      readonly kind: HistoryReadKind;
      readonly question: JsonObject;
    },
    asker: HistoryAsker,
  ): Promise<readonly LogRecord[]>;
}

export function createAuditedRecords({
  log,
  audit,
}: {
  readonly log: Pick<EventLog, 'read' | 'bounds'>;
  readonly audit: Pick<Audit, 'record'>;
}): AuditedRecords {
  return {
    async records({ channel, positions, kind, question }, { tenant, reader, signal }) {
      const found = await readAt(log, { name: { tenant, channel }, positions }, signal);
      await audit.record({ tenant, kind, question, reader }, found.length);
      return found;
    },
  };
}
