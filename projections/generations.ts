import { Fault, NO_GENERATIONS, decideGenerations, evolveGenerations, generationOf } from '#domain';
import type { Acting, GenerationCommand, GenerationRefusal, TenantGenerations, TenantId } from '#domain';
import { StreamFollower } from '#log';
import type { StreamEvent, StreamStore } from '#log';
import { parseGenerationEvent, streamOf, toStreamEvent } from './generation-stream.ts';
import type { GenerationOf } from './read-model.ts';
import type { ProjectionOf } from './rebuilds.ts';

/** What is asked of the generations; who asks and when comes beside it. */
export type WantedOfGenerations = GenerationCommand extends infer Command
  ? Command extends GenerationCommand
    ? Omit<Command, 'atMs' | 'by'>
    : never
  : never;

/** What became of it. */
export type GenerationsChanged =
  | { readonly ok: true; readonly state: TenantGenerations }
  | { readonly ok: false; readonly reason: GenerationRefusal };

/**
 * Which generations of every projection there are per tenant, and which one is active: folded from one stream
 * of the control plane per projection and tenant, and kept current from them.
 */
export interface Generations extends AsyncDisposable {
  /** From memory; {@link NO_GENERATIONS} before the projection has been adopted. */
  of(of: ProjectionOf): TenantGenerations;
  /** The number of the active one; 1 before anything is said. */
  active(projection: string, tenant: TenantId): number;
  /** Which one was active once the control plane had come to a position. */
  activeAt(projection: string, tenant: TenantId, controlPosition: bigint): number;
  /** Numbers of those that are not dropped; of the one active by default before anything is said. */
  kept(projection: string, tenant: TenantId): readonly number[];
  /** The version of the logic that folded a generation; undefined when it is not known. */
  versionOf(of: ProjectionOf, generation: number): number | undefined;
  /**
   * A number for another generation of this version: greater than all of the tenant, and under which no other
   * tenant keeps one of another version, because tenants share the tables of a number.
   */
  nextNumber(of: ProjectionOf, version: number): number;
  /** Whether another tenant has something stored under a number of this projection. */
  isShared(of: ProjectionOf, generation: number): boolean;
  /** Decides, appends with the expected revision, and resolves when the change is seen by `of`. */
  change(of: ProjectionOf, wanted: WantedOfGenerations, by: Acting): Promise<GenerationsChanged>;
  /** Resolves once the projection has been adopted; throws the signal's reason. */
  adopted(of: ProjectionOf, signal?: AbortSignal): Promise<TenantGenerations>;
  /** Calls the listener after every change, those already there first, until disposed. */
  onChange(listener: (of: ProjectionOf) => void): Disposable;
  /** Position of the control plane folded so far. */
  position(): bigint;
}

export type GenerationsOptions = {
  /** Epoch ms. */
  readonly clock: () => number;
  /** Makes the ids of events of the control plane. */
  readonly newId: () => string;
};

/** Resolves when the whole control plane has been folded. */
export async function openGenerations(
  streams: StreamStore,
  options: GenerationsOptions,
): Promise<Generations> {
  const generations = new FoldedGenerations(streams, options);
  await generations.untilCaughtUp();
  return generations;
}

type Folded = {
  readonly of: ProjectionOf;
  readonly state: TenantGenerations;
  readonly revision: bigint;
  /** Which generation became active at which position. */
  readonly turns: readonly { readonly position: bigint; readonly generation: number }[];
};

class FoldedGenerations implements Generations {
  readonly #streams: StreamStore;
  readonly #options: GenerationsOptions;
  /** By the name of the stream. */
  readonly #folded = new Map<string, Folded>();
  readonly #listeners = new Set<(of: ProjectionOf) => void>();
  readonly #follower: StreamFollower;

  constructor(streams: StreamStore, options: GenerationsOptions) {
    this.#streams = streams;
    this.#options = options;
    this.#follower = new StreamFollower(streams, (event) => {
      this.#fold(event);
    });
  }

  untilCaughtUp(): Promise<void> {
    return this.#follower.untilCaughtUp();
  }

  of(of: ProjectionOf): TenantGenerations {
    return this.#folded.get(streamOf(of))?.state ?? NO_GENERATIONS;
  }

  active(projection: string, tenant: TenantId): number {
    return this.of({ projection, tenant }).active;
  }

  activeAt(projection: string, tenant: TenantId, controlPosition: bigint): number {
    const turns = this.#folded.get(streamOf({ projection, tenant }))?.turns ?? [];
    const at = turns.findLast(({ position }) => position <= controlPosition);
    return at?.generation ?? turns[0]?.generation ?? NO_GENERATIONS.active;
  }

  kept(projection: string, tenant: TenantId): readonly number[] {
    const { active, all } = this.of({ projection, tenant });
    return all.length === 0
      ? [active]
      : all.flatMap(({ role, generation }) => (role === 'dropped' ? [] : [generation]));
  }

  versionOf(of: ProjectionOf, generation: number): number | undefined {
    return this.of(of).all.find((one) => one.generation === generation)?.version;
  }

  nextNumber(of: ProjectionOf, version: number): number {
    const others = [...this.#folded.values()]
      .filter((one) => one.of.projection === of.projection)
      .flatMap(({ state }) => state.all.filter((one) => !one.removed && one.version !== version));
    const taken = new Set(others.map(({ generation }) => generation));
    let number = 1 + Math.max(0, ...this.of(of).all.map(({ generation }) => generation));
    while (taken.has(number)) number++;
    return number;
  }

  isShared(of: ProjectionOf, generation: number): boolean {
    return [...this.#folded.values()].some(
      (one) =>
        one.of.projection === of.projection &&
        one.of.tenant !== of.tenant &&
        one.state.all.some((other) => other.generation === generation && !other.removed),
    );
  }

  async change(of: ProjectionOf, wanted: WantedOfGenerations, by: Acting): Promise<GenerationsChanged> {
    const stream = streamOf(of);
    for (;;) {
      const folded = this.#folded.get(stream);
      const state = folded?.state ?? NO_GENERATIONS;
      const decided = decideGenerations(state, { ...wanted, atMs: this.#options.clock(), by });
      if (!decided.ok) return decided;
      if (decided.events.length === 0) return { ok: true, state };
      const events = decided.events.map((event) => toStreamEvent(of, event, this.#options.newId()));
      const expected = folded?.revision ?? 'no_stream';
      const appended = await this.#streams.append(stream, events, expected);
      // Somebody else was first; their event is on its way to us, and then it is decided again.
      const next = appended.ok ? appended.revision : (folded?.revision ?? -1n) + 1n;
      await this.#follower.until(() =>
        (this.#folded.get(stream)?.revision ?? -1n) >= next ? true : undefined,
      );
      if (appended.ok) return { ok: true, state: this.of(of) };
    }
  }

  async adopted(of: ProjectionOf, signal?: AbortSignal): Promise<TenantGenerations> {
    const isAdopted = (): TenantGenerations | undefined => {
      signal?.throwIfAborted();
      const state = this.of(of);
      return state.all.length > 0 ? state : undefined;
    };
    const known = isAdopted();
    if (known) return known;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => {
      aborted.reject(signal?.reason instanceof Error ? signal.reason : new Fault('LOG_CLOSED'));
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([this.#follower.until(isAdopted), aborted.promise]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  onChange(listener: (of: ProjectionOf) => void): Disposable {
    const own = (of: ProjectionOf): void => {
      listener(of);
    };
    this.#listeners.add(own);
    for (const { of } of this.#folded.values()) own(of);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  position(): bigint {
    return this.#follower.position;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]();
  }

  #fold(event: StreamEvent): void {
    const parsed = parseGenerationEvent(event);
    if (!parsed) return;
    const before = this.#folded.get(event.stream);
    const state = evolveGenerations(before?.state ?? NO_GENERATIONS, parsed.event);
    const turns = before?.turns ?? [];
    const { position, revision } = event;
    const isTurn = state.active !== before?.state.active;
    this.#folded.set(event.stream, {
      of: parsed.of,
      state,
      revision,
      turns: isTurn ? [...turns, { position, generation: state.active }] : turns,
    });
    for (const listener of this.#listeners) listener(parsed.of);
  }
}

/** What a read model asks about its generations. */
export function sharingOf(
  generations: Pick<Generations, 'of' | 'isShared'>,
  projection: string,
): {
  readonly isBuilding: (of: GenerationOf) => boolean;
  readonly isShared: (of: GenerationOf) => boolean;
} {
  return {
    isBuilding: ({ tenant, generation }) =>
      generationOf(generations.of({ projection, tenant }), generation)?.role === 'building',
    isShared: ({ tenant, generation }) => generations.isShared({ projection, tenant }, generation),
  };
}
