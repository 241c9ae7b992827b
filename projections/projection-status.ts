import { keptGenerations } from '#domain';
import type { Generation, TenantGenerations } from '#domain';
import type { EventLog } from '#log';
import type { ReadModel } from './read-model.ts';
import type { GenerationStatus, ProjectionOf, ProjectionStatus, RebuildStatus } from './rebuilds.ts';
import type { TendedProjection } from './tended-projection.ts';

type Known = {
  readonly of: ProjectionOf;
  readonly model: ReadModel;
  readonly log: Pick<EventLog, 'bounds'>;
  readonly state: TenantGenerations;
  readonly tended: TendedProjection;
};

/** One projection of one tenant as it stands now: what the control plane says, and how far everything is. */
export async function projectionStatus(known: Known): Promise<ProjectionStatus> {
  const { of, model, log, state } = known;
  const bounds = await log.bounds({ tenant: of.tenant, channel: 'events' });
  const active = state.all.find(({ generation }) => generation === state.active);
  return {
    projection: of.projection,
    tenant: of.tenant,
    version: model.version,
    rebuildDue: active !== undefined && active.version !== model.version,
    active: state.active,
    highWater: bounds.next,
    generations: await Promise.all(state.all.map((generation) => generationStatus(known, generation))),
    rebuild: await rebuildStatus(known),
  };
}

async function generationStatus({ of, model, state }: Known, one: Generation): Promise<GenerationStatus> {
  const { generation, role, version, createdAtMs } = one;
  const isKept = keptGenerations(state).includes(one);
  const stands = isKept ? await model.state({ tenant: of.tenant, generation }) : undefined;
  const reason = stands?.paused?.reason ?? (stands ? null : 'It is not followed.');
  return {
    generation,
    role,
    version,
    createdAtMs,
    confirmed: stands?.confirmed ?? [],
    standsStill: isKept ? reason : null,
  };
}

async function rebuildStatus({ state, tended, model }: Known): Promise<RebuildStatus | null> {
  const { rebuild } = state;
  if (!rebuild) return null;
  const { generation, stage, scope, by, startedAtMs, accepted } = rebuild;
  const { done, total, rate } = await tended.progress();
  const isLeft = model.version !== state.all.find((one) => one.generation === generation)?.version;
  return {
    generation,
    stage,
    scope,
    by,
    startedAtMs,
    done,
    total,
    rate,
    etaSeconds: rate === null || rate <= 0 || isLeft ? null : Math.ceil((total - done) / rate),
    verification: rebuild.verification,
    accepted,
    reason: rebuild.reason,
  };
}
