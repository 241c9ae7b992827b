import { Router } from 'express';
import type { Request, Response } from 'express';
import { Type } from 'typebox';
import type { Static } from 'typebox';
import { Fault, UTC, formatDate, parseInstant } from '#domain';
import type { FactRepair, RepairReport, RepairScope } from '#projections';
import { forCaller } from './http-caller.ts';
import { tenantOf } from './http-query.ts';
import { COMMON, createFormCheck, invalidQuestion } from './question.ts';
import type { Problem } from './question.ts';

const { tenant_id, from, to } = COMMON;
const OFFSET = Type.Optional(
  Type.String({ pattern: '^[0-9]{1,15}$', description: 'An offset of the partition.' }),
);
const FORM = Type.Object(
  {
    tenant_id,
    from,
    to,
    partition: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    from_offset: OFFSET,
    to_offset: OFFSET,
  },
  { additionalProperties: false },
);

const EXAMPLE = {
  checked: 65_536,
  total: 80_000,
  inserted: 3,
  copies_removed: 0,
  poisoned: 0,
  days: ['2024-03-04'],
  done: false,
};
const integer = { type: 'integer' } as const;

/** The description of {@link createRepairRouter} in OpenAPI 3.1. */
export const REPAIR_PATHS = {
  '/api/v1/projections/facts/repair': {
    post: {
      operationId: 'repairFacts',
      tags: ['projections'],
      summary: 'Projects records again that the facts have lost, and removes copies',
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/RepairCommand' },
            example: { tenant_id: 'acme', from: '2024-03-04', to: '2024-03-05' },
          },
        },
      },
      responses: {
        200: {
          description:
            'One line for every 65,536 offsets compared; the last one has `done` true, or `error`.',
          content: { 'application/x-ndjson': { schema: { $ref: '#/components/schemas/RepairReport' } } },
        },
        400: { $ref: '#/components/responses/Fault' },
        403: { $ref: '#/components/responses/Fault' },
        404: { $ref: '#/components/responses/Fault' },
      },
    },
  },
} as const;

/** The schemas that {@link REPAIR_PATHS} refers to. */
export const REPAIR_SCHEMAS = {
  RepairCommand: JSON.parse(JSON.stringify(FORM)) as object,
  RepairReport: {
    type: 'object',
    properties: {
      checked: { ...integer, description: 'Offsets compared so far.' },
      total: { ...integer, description: 'Offsets to compare.' },
      inserted: { ...integer, description: 'Records that were missing and have been projected again.' },
      copies_removed: integer,
      poisoned: { ...integer, description: 'Records that the facts could not take; now dead letters.' },
      days: { type: 'array', items: { type: 'string' }, description: 'Days (UTC) whose facts have changed.' },
      done: { type: 'boolean' },
      error: { type: 'object', description: 'Why it could not go on, if it could not.' },
    },
    example: EXAMPLE,
  },
};

const check = createFormCheck(FORM);

/** Serves `POST /api/v1/projections/facts/repair`. A caller who goes away ends the repair, which may be repeated. */
export function createRepairRouter({ repair }: { readonly repair: FactRepair }): Router {
  const router = Router();
  router.post('/api/v1/projections/facts/repair', async (req, res) => {
    await answerRepair(repair, req, res);
  });
  return router;
}

async function answerRepair(repair: FactRepair, req: Request, res: Response): Promise<void> {
  const command = (req.body ?? {}) as Static<typeof FORM>;
  const tenant = tenantOf(command.tenant_id, req.get('x-tenant-id'));
  const scope = readScope({ ...command, tenant_id: tenant });
  const write = (line: object): void => {
    if (!res.headersSent) res.setHeader('Content-Type', 'application/x-ndjson; charset=utf-8');
    res.write(`${JSON.stringify(line)}\n`);
  };
  try {
    const report = await forCaller(res, (signal) =>
      repair.repair(tenant, scope, {
        signal,
        progress: (so) => {
          write(lineOf(so, false));
        },
      }),
    );
    write(lineOf(report, true));
  } catch (error) {
    if (!res.headersSent) throw error;
    const { code, message } = error instanceof Fault ? error : new Fault('INTERNAL');
    write({ error: { code, message } });
  }
  res.end();
}

function readScope(command: Static<typeof FORM>): RepairScope {
  const problems: Problem[] = [...check(command)];
  if (problems.length > 0) throw invalidQuestion(problems);
  const { partition, from_offset, to_offset, from, to } = command;
  const times = [from, to].filter((value) => value !== undefined);
  const offsets = [partition, from_offset, to_offset].filter((value) => value !== undefined);
  if (times.length > 0 && offsets.length > 0) throw refused('from', 'cannot be given together with offsets');
  if (times.length === 0 && offsets.length === 0) return { kind: 'all' };
  if (partition !== undefined && from_offset !== undefined && to_offset !== undefined) {
    return { kind: 'offsets', partition, from: BigInt(from_offset), to: BigInt(to_offset) };
  }
  if (offsets.length > 0) throw refused('partition', 'must be given with both from_offset and to_offset');
  return timeScope(from, to);
}

function timeScope(from: string | number | undefined, to: string | number | undefined): RepairScope {
  const [fromMs, toMs] = [from, to].map((value) => (value === undefined ? value : parseInstant(value, UTC)));
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs) {
    throw refused('from', 'and to must both be ISO 8601 or epoch milliseconds, the earlier first');
  }
  return { kind: 'time', fromMs, toMs };
}

function refused(field: string, message: string): Fault {
  return invalidQuestion([{ field, code: 'range', message }]);
}

const DAY_MS = 86_400_000;

function lineOf({ checked, total, inserted, copiesRemoved, poisoned, days }: RepairReport, done: boolean) {
  const dates = days.map((day) => formatDate(day * DAY_MS, UTC));
  return { checked, total, inserted, copies_removed: copiesRemoved, poisoned, days: dates, done };
}
