import type { TenantId } from '#domain';
import type { HistoryRead } from '#log';
import { createAuditedRecords } from './audited-records.ts';
import type { AuditedRecords } from './audited-records.ts';
import type { RawLog } from './explain-log.ts';

/** What the audit was told of one read. */
export type Audited = { readonly read: HistoryRead; readonly records: number };

/** Reads records of a log, with an audit that can be looked into and made to fail. */
export type AuditedLog = {
  readonly history: AuditedRecords;
  readonly asker: { readonly reader: HistoryRead['reader']; readonly signal: AbortSignal };
  /** The reads of a tenant, the oldest first. */
  reads(tenant: TenantId): readonly Audited[];
  /** Whether the audit refuses. */
  isBroken: boolean;
};

export function openAudited(log: RawLog): AuditedLog {
  const told: Audited[] = [];
  const audit = {
    record(read: HistoryRead, records: number): Promise<void> {
      if (audited.isBroken) return Promise.reject(new Error('not recorded'));
      told.push({ read, records });
      return Promise.resolve();
    },
  };
  const audited: AuditedLog = {
    history: createAuditedRecords({ log, audit }),
    asker: { reader: { actor: 'ada', address: '127.0.0.1' }, signal: new AbortController().signal },
    reads: (tenant) => told.filter(({ read }) => read.tenant === tenant),
    isBroken: false,
  };
  return audited;
}
