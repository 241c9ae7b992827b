import { Router } from 'express';
import type { Request, Response } from 'express';
import {
  FAULTS,
  Fault,
  SCENARIO_TYPES,
  definitionOfTemplate,
  lintTrackingConfig,
  parseTenantId,
} from '#domain';
import type {
  DefinitionFinding,
  Json,
  JsonObject,
  ScenarioTemplate,
  ScenarioType,
  TenantId,
  TrackingConfigCommand,
  TrackingConfigRefusal,
} from '#domain';
import { configSchema } from './config-schema.ts';
import type { ConfigFilter, ConfigVersion, TrackingConfigs } from './tracking-configs.ts';
import type { ChangedBy } from './tracking-config-stream.ts';

export type TrackingConfigRouterOptions = {
  readonly configs: TrackingConfigs;
  /** What `from-template` chooses from. */
  readonly templates: readonly ScenarioTemplate[];
};

const BASE = '/api/v1/tracking-configs';
const ONE = `${BASE}/:tenant/:scenario`;
const MAX_REASON = 1_000;

/**
 * Routes of the tracking configs under `/api/v1/tracking-configs`. The body must have been parsed before.
 * Faults are passed to the next error handler.
 */
export function createTrackingConfigRouter({ configs, templates }: TrackingConfigRouterOptions): Router {
  const router = Router();
  const change = async (command: TrackingConfigCommand, by: ChangedBy): Promise<object> => {
    const changed = await configs.change(command, by);
    if (!changed.ok) throw refusal(changed);
    return bodyOf(changed.version);
  };
  const existing = (req: Request): ConfigVersion => {
    const found = configs.get(...scenarioOf(req));
    if (!found) throw new Fault('SCHEMA_NOT_FOUND');
    return found;
  };

  router.get(`${BASE}/templates`, (_req, res) => {
    res.json({ templates });
  });
  router.get(BASE, (req, res) => {
    const found = configs.list(tenantOf(req, req.query['tenant_id']), filterOf(req));
    res.json({ configs: found.map(bodyOf), total: found.length });
  });
  router.post(BASE, async (req, res) => {
    const { tenant_id, scenario_id, reason, ...definition } = objectOf(req.body);
    const command = { type: 'create', ...newScenario(req, { tenant_id, scenario_id }), definition } as const;
    res.status(201).json(await change(command, changedBy(req, reason)));
  });
  router.post(`${BASE}/from-template`, async (req, res) => {
    const { tenant_id, scenario_id, template_id, reason, ...changes } = objectOf(req.body);
    const template = templates.find((one) => one.template_id === template_id);
    if (!template) {
      const known = templates.map((one) => one.template_id).join(', ');
      throw invalid([{ field: 'template_id', code: 'enum', message: `must be one of ${known}` }]);
    }
    const definition = { ...(definitionOfTemplate(template) as unknown as JsonObject), ...changes };
    const command = { type: 'create', ...newScenario(req, { tenant_id, scenario_id }), definition } as const;
    res.status(201).json(await change(command, changedBy(req, reason)));
  });
  router.get(ONE, (req, res) => {
    res.json(bodyOf(existing(req)));
  });
  router.put(ONE, async (req, res) => {
    const [tenant, scenario] = scenarioOf(req);
    const { expected_version: expected, reason, ...sent } = objectOf(req.body);
    const changes = withoutAddress(sent, tenant, scenario);
    const command = { type: 'update', tenant, scenario, changes, ...expectedVersion(expected) } as const;
    res.json(await change(command, changedBy(req, reason)));
  });
  router.delete(ONE, async (req, res) => {
    const [tenant, scenario] = scenarioOf(req);
    const { expected_version: expected, reason } = req.query;
    const asNumber = typeof expected === 'string' && /^\d{1,9}$/.test(expected) ? Number(expected) : expected;
    const command = { type: 'deactivate', tenant, scenario, ...expectedVersion(asNumber) } as const;
    res.json(await change(command, changedBy(req, reason)));
  });
  router.get(`${ONE}/versions`, (req, res) => {
    existing(req);
    res.json({ versions: configs.history(...scenarioOf(req)).map(bodyOf) });
  });
  router.get(`${ONE}/versions/:version`, (req, res) => {
    const { version } = req.params;
    const found = configs.history(...scenarioOf(req)).find((one) => String(one.version) === version);
    if (!found) throw new Fault('SCHEMA_NOT_FOUND');
    res.json(bodyOf(found));
  });
  router.get(`${ONE}/schema`, (req, res) => {
    sendSchema(res, existing(req));
  });
  return router;
}

/** A version of a config as it is answered, with the change that made it. */
function bodyOf({ version, config, change, by }: ConfigVersion): object {
  const { tenant, scenario, status, definition, createdAtMs, updatedAtMs } = config;
  return {
    tenant_id: tenant,
    scenario_id: scenario,
    version,
    status,
    ...definition,
    created_at: new Date(createdAtMs).toISOString(),
    updated_at: new Date(updatedAtMs).toISOString(),
    change: {
      type: change,
      by: by.actor,
      authenticated: by.authenticated,
      ...(by.reason === undefined ? {} : { reason: by.reason }),
    },
    lint: lintTrackingConfig(definition),
  };
}

function sendSchema(res: Response, { subject, version, config }: ConfigVersion): void {
  res.type('application/schema+json');
  res.send(
    JSON.stringify({ ...configSchema(config.definition), $comment: `${subject}, version ${version}` }),
  );
}

function refusal(refused: TrackingConfigRefusal): Fault {
  switch (refused.reason) {
    case 'invalid':
      return invalid(refused.errors);
    case 'not_found':
      return new Fault('SCHEMA_NOT_FOUND');
    case 'exists':
      return new Fault('SCHEMA_EXISTS', undefined, { details: { version: refused.actual } });
    case 'inactive':
      return new Fault('SCHEMA_INACTIVE', undefined, { details: { version: refused.actual } });
    case 'version_conflict':
      return new Fault('SCHEMA_VERSION_CONFLICT', undefined, { details: { version: refused.actual } });
  }
}

function invalid(errors: readonly DefinitionFinding[]): Fault {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const text = first
    ? `${first.field || 'the body'} ${first.message}${more}.`
    : FAULTS.SCHEMA_INVALID.summary;
  return new Fault('SCHEMA_INVALID', text, { details: { errors } });
}

function objectOf(body: unknown): JsonObject {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as JsonObject;
  const message = 'must be a JSON object, sent as application/json';
  throw invalid([{ field: '', code: 'type', message }]);
}

/** The tenant by the request's word, else by the header; both must agree. */
function tenantOf(req: Request, given: unknown): TenantId {
  const header = req.get('x-tenant-id');
  const parsed = parseTenantId(given ?? header);
  if (!parsed.ok) {
    const errors = [{ field: 'tenant_id', code: 'tenant', message: parsed.reason }];
    throw new Fault('TENANT_INVALID', `tenant_id ${parsed.reason}.`, { details: { errors } });
  }
  if (header !== undefined && header !== parsed.tenant) {
    throw new Fault('TENANT_MISMATCH', 'tenant_id differs from the header X-Tenant-Id.');
  }
  return parsed.tenant;
}

/** The scenario an address is of. */
function scenarioOf(req: Request): [tenant: TenantId, scenario: string] {
  const { tenant, scenario } = req.params;
  return [tenantOf(req, tenant), String(scenario)];
}

/** The scenario a body is of. */
function newScenario(
  req: Request,
  sent: { readonly tenant_id: Json | undefined; readonly scenario_id: Json | undefined },
): { readonly tenant: TenantId; readonly scenario: string } {
  const tenant = tenantOf(req, sent.tenant_id);
  const scenario = sent.scenario_id ?? '';
  if (typeof scenario === 'string') return { tenant, scenario };
  throw invalid([{ field: 'scenario_id', code: 'type', message: 'must be a string' }]);
}

/** A body may repeat what its address says, and must not contradict it. */
function withoutAddress(sent: JsonObject, tenant: TenantId, scenario: string): JsonObject {
  const { tenant_id: ownTenant = tenant, scenario_id: ownScenario = scenario, ...changes } = sent;
  if (ownTenant !== tenant) throw new Fault('TENANT_MISMATCH', 'tenant_id differs from that of the address.');
  if (ownScenario === scenario) return changes;
  throw invalid([
    { field: 'scenario_id', code: 'contradiction', message: 'differs from that of the address' },
  ]);
}

function expectedVersion(value: unknown): { readonly expectedVersion?: number } {
  if (value === undefined || value === null) return {};
  if (typeof value === 'number' && Number.isInteger(value)) return { expectedVersion: value };
  throw invalid([{ field: 'expected_version', code: 'type', message: 'must be an integer' }]);
}

/** Who asks, by their own word, and why. */
function changedBy(req: Request, reason: unknown): ChangedBy {
  const actor = req.get('x-user-id');
  const by = { actor: actor === undefined || actor === '' ? 'anonymous' : actor, authenticated: false };
  if (reason === undefined || reason === null) return by;
  if (typeof reason === 'string' && reason.length <= MAX_REASON) return { ...by, reason };
  const message = `must be a text of at most ${MAX_REASON} characters`;
  throw invalid([{ field: 'reason', code: 'type', message }]);
}

function filterOf({ query }: Request): ConfigFilter {
  const { scenario_type: type, status } = query;
  const errors: DefinitionFinding[] = [];
  if (type !== undefined && !(SCENARIO_TYPES as readonly unknown[]).includes(type)) {
    const message = `must be one of ${SCENARIO_TYPES.join(', ')}`;
    errors.push({ field: 'scenario_type', code: 'enum', message });
  }
  if (status !== undefined && status !== 'active' && status !== 'inactive') {
    errors.push({ field: 'status', code: 'enum', message: 'must be active or inactive' });
  }
  if (errors.length > 0) throw invalid(errors);
  return {
    ...(type !== undefined && { scenarioType: type as ScenarioType }),
    ...(status !== undefined && { status: status as 'active' | 'inactive' }),
  };
}
