import { Router } from 'express';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { Audit, AuditEntry, AuditPlace } from '#log';
import { tenantOf } from './http-query.ts';
import { questionOf } from './http-raw-history.ts';
import { COMMON, createFormCheck, invalidQuestion } from './question.ts';

/** The form of `GET /api/v1/audit`. */
export const AUDIT_FORM = Type.Object(
  {
    tenant_id: COMMON.tenant_id,
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, default: 100, description: 'Most entries per page.' }),
    ),
    cursor: Type.Optional(
      Type.String({
        maxLength: 4_000,
        description: 'The `next_cursor` of the page before; an opaque word.',
      }),
    ),
  },
  { additionalProperties: false },
);

const checkForm = createFormCheck(AUDIT_FORM);
const CURSOR = /^dh1_[0-9a-z]{1,13}(?:\.[0-9a-z]{1,13})*$/;

/** Serves `GET /api/v1/audit`: who has read a tenant's raw history, the newest first. Not recorded itself. */
export function createAuditRouter(audit: Audit): Router {
  const router = Router();
  router.get('/api/v1/audit', async (req, res) => {
    const question = questionOf(req, AUDIT_FORM);
    const tenant = tenantOf(question['tenant_id'], req.get('x-tenant-id'));
    const problems = checkForm(question);
    if (problems.length > 0) throw invalidQuestion(problems);
    const { limit = 100, cursor } = question as Static<typeof AUDIT_FORM>;
    const { entries, next } = await audit.list(tenant, {
      limit,
      ...(cursor === undefined ? {} : { from: parseCursor(cursor) }),
    });
    res.setHeader('Cache-Control', 'no-store');
    res.json({
      tenant_id: tenant,
      entries: entries.map(showEntry),
      next_cursor: next ? formatCursor(next) : null,
    });
  });
  return router;
}

function showEntry({ id, recordedAtMs, kind, question, reader, state, records }: AuditEntry): object {
  return {
    id,
    recorded_at: new Date(recordedAtMs).toISOString(),
    kind,
    question,
    actor: reader.actor,
    authenticated: false,
    address: reader.address,
    ...(reader.forwardedFor === undefined ? {} : { forwarded_for: reader.forwardedFor }),
    ...(reader.userAgent === undefined ? {} : { user_agent: reader.userAgent }),
    state,
    records: records ?? null,
  };
}

function formatCursor({ before, shown }: AuditPlace): string {
  return `dh1_${[before, ...shown].map((revision) => revision.toString(36)).join('.')}`;
}

function parseCursor(cursor: string): AuditPlace {
  if (!CURSOR.test(cursor)) {
    throw invalidQuestion([{ field: 'cursor', code: 'cursor', message: 'is not from an answer' }]);
  }
  const [before = 0n, ...shown] = cursor
    .slice('dh1_'.length)
    .split('.')
    .map((digits) => BigInt(parseInt(digits, 36)));
  return { before, shown };
}
