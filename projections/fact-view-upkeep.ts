import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantId } from '#domain';
import type { Tenants } from '#log';
import { announced } from './announced.ts';
import type { FactGenerations } from './fact-generations.ts';
import type { FactStore } from './fact-store.ts';
import { FACTS } from './facts-version.ts';
import type { Generations } from './generations.ts';

export type FactViewUpkeepDeps = {
  readonly facts: Pick<FactStore, 'prepare'> & Pick<FactGenerations, 'show'>;
  readonly generations: Generations;
  readonly tenants: Pick<Tenants, 'list'>;
};

const RETRY_MS = 1000;

/**
 * Lets the documented views of the store show of each tenant the active generation of its facts. Resolves when
 * they do; from then on they follow every activation.
 */
export async function openFactViewUpkeep(deps: FactViewUpkeepDeps): Promise<AsyncDisposable> {
  const { facts, generations, tenants } = deps;
  const stop = new AbortController();
  let shown = '';
  let showing = Promise.resolve();

  async function show(): Promise<void> {
    const active = new Map(tenants.list().map(({ id }) => [id, generations.active(FACTS.name, id)] as const));
    const rest = mostCommon([...active.values()]);
    const others = new Map([...active].filter(([, generation]) => generation !== rest));
    const said = JSON.stringify([rest, ...others]);
    if (said === shown) return;
    for (const generation of new Set([rest, ...others.values()])) {
      if (isOfThisProcess(generation, active)) await facts.prepare(generation);
    }
    await announced({ what: 'fact_views' }, () => facts.show({ rest, others }));
    shown = said;
  }

  /** What other logic has folded has its tables, and they are not to be fitted to this one. */
  function isOfThisProcess(generation: number, active: ReadonlyMap<TenantId, number>): boolean {
    const versions = [...active]
      .filter(([, own]) => own === generation)
      .map(([tenant]) => generations.versionOf({ projection: FACTS.name, tenant }, generation));
    return versions.every((version) => version === undefined || version === FACTS.version);
  }

  async function showUntilShown(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await show();
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  await show();
  const following = generations.onChange(({ projection }) => {
    if (projection === FACTS.name) showing = showing.then(showUntilShown);
  });
  return {
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      stop.abort();
      await showing;
    },
  };
}

/** The least of those that occur most often; 1 when there are none. */
function mostCommon(numbers: readonly number[]): number {
  const counted = [...Map.groupBy(numbers, (number) => number)].map(
    ([number, all]) => [number, all.length] as const,
  );
  const [most] = counted.sort(([a, often], [b, more]) => more - often || a - b);
  return most?.[0] ?? 1;
}
