import { channel } from 'node:diagnostics_channel';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Fault, decideTrackingConfig, evolveTrackingConfig } from '#domain';
import type {
  JsonObject,
  ScenarioType,
  TenantId,
  TrackingConfig,
  TrackingConfigCommand,
  TrackingConfigEvent,
  TrackingConfigRefusal,
} from '#domain';
import type { StreamEvent, StreamStore } from '#log';
import { createConfigChecks } from './config-check.ts';
import type { CheckEvent } from './config-check.ts';
import {
  configSubject,
  isConfigStream,
  parseStreamEvent,
  streamOf,
  toStreamEvent,
} from './tracking-config-stream.ts';
import type { ChangedBy } from './tracking-config-stream.ts';

/** One version of a tracking config, with the change that made it. */
export type ConfigVersion = {
  /** `config.acme.vlog_feed` */
  readonly subject: string;
  readonly version: number;
  readonly scenarioType: ScenarioType;
  /** The config as of this version. */
  readonly config: TrackingConfig;
  readonly change: TrackingConfigEvent['type'];
  readonly by: ChangedBy;
  /**
   * Says what is wrong with the scenario data of a behaviour in its documented form; undefined when nothing
   * is. Compiled on first use, which takes some milliseconds.
   */
  readonly check: CheckEvent;
};

/** Which configs to list. Members that are left out do not matter. */
export type ConfigFilter = {
  readonly scenarioType?: ScenarioType;
  readonly status?: TrackingConfig['status'];
};

export type ConfigChanged =
  | { readonly ok: true; readonly version: ConfigVersion; readonly position: bigint | undefined }
  | TrackingConfigRefusal;

/**
 * The tracking configs of the control plane, folded from their streams and kept current from them.
 *
 * Everything but `change` answers from memory, so that nothing that happens to the streams can stop an event
 * at the door; while they cannot be reached, the last that was known stays in force. A change made here is in
 * force when `change` resolves, and on every other node as soon as its streams tell of it.
 */
export interface TrackingConfigs extends AsyncDisposable {
  /** The newest version, when it is active. */
  inForce(tenant: TenantId, scenario: string): ConfigVersion | undefined;
  /** The newest version, active or not. */
  get(tenant: TenantId, scenario: string): ConfigVersion | undefined;
  /** The newest versions of a tenant's configs, by scenario id. */
  list(tenant: TenantId, filter?: ConfigFilter): readonly ConfigVersion[];
  /** Every version, the first first; empty when there is no such config. */
  history(tenant: TenantId, scenario: string): readonly ConfigVersion[];
  /**
   * Decides on what the stream holds and appends what was decided; `position` is undefined when there was
   * nothing to change. Of two who change the same version, the second decides again on what the first did.
   */
  change(command: TrackingConfigCommand, by: ChangedBy): Promise<ConfigChanged>;
  /** Resolves when everything up to a position of the control plane is in force here. */
  reached(position: bigint): Promise<void>;
}

export type TrackingConfigsOptions = {
  /** Epoch ms. */
  readonly clock: () => number;
  /** Makes the ids of events of the control plane. */
  readonly newId: () => string;
  /** How often all streams are read again from the beginning, whatever was heard of them. @default 300000 */
  readonly rereadMs?: number;
  /** Wait before the streams are followed again after they could not be. @default 500 */
  readonly retryMs?: number;
};

const REREAD_MS = 300_000;
const RETRY_MS = 500;
/** Others who change the same config at the same time come in between this often at most. */
const ATTEMPTS = 20;

/** Events folded before others get their turn: about a millisecond's worth. */
const FOLDED_PER_TURN = 100;

const unreachable = channel('daybook:schema-registry:unreachable');

/** Resolves when every tracking config of the control plane has been folded. */
export async function openTrackingConfigs(
  streams: StreamStore,
  options: TrackingConfigsOptions,
): Promise<TrackingConfigs> {
  const configs = new FoldedConfigs(streams, options);
  try {
    await configs.caughtUp;
  } catch (error) {
    await configs[Symbol.asyncDispose]();
    throw error;
  }
  return configs;
}

class FoldedConfigs implements TrackingConfigs {
  readonly #streams: StreamStore;
  readonly #options: Required<TrackingConfigsOptions>;
  /** Tenant → scenario → versions, the first first. */
  readonly #tenants = new Map<TenantId, Map<string, ConfigVersion[]>>();
  readonly #makeCheck = createConfigChecks();
  readonly #stop = new AbortController();
  readonly #caughtUp = Promise.withResolvers<undefined>();
  readonly #waiting = new Set<{ readonly position: bigint; readonly resolve: () => void }>();
  readonly #following: Promise<void>;
  #position = 0n;

  constructor(streams: StreamStore, options: TrackingConfigsOptions) {
    this.#streams = streams;
    this.#options = { rereadMs: REREAD_MS, retryMs: RETRY_MS, ...options };
    this.#following = this.#followForEver();
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  inForce(tenant: TenantId, scenario: string): ConfigVersion | undefined {
    const newest = this.get(tenant, scenario);
    return newest?.config.status === 'active' ? newest : undefined;
  }

  get(tenant: TenantId, scenario: string): ConfigVersion | undefined {
    return this.#tenants.get(tenant)?.get(scenario)?.at(-1);
  }

  list(tenant: TenantId, { scenarioType, status }: ConfigFilter = {}): readonly ConfigVersion[] {
    return [...(this.#tenants.get(tenant)?.values() ?? [])]
      .flatMap((versions) => versions.at(-1) ?? [])
      .filter((version) => scenarioType === undefined || version.scenarioType === scenarioType)
      .filter((version) => status === undefined || version.config.status === status)
      .sort((a, b) => (a.config.scenario < b.config.scenario ? -1 : 1));
  }

  history(tenant: TenantId, scenario: string): readonly ConfigVersion[] {
    return [...(this.#tenants.get(tenant)?.get(scenario) ?? [])];
  }

  async change(command: TrackingConfigCommand, by: ChangedBy): Promise<ConfigChanged> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const changed = await this.#attempt(command, by);
      if (changed !== 'overtaken') return changed;
    }
    throw new Fault('SCHEMA_CONTENDED', undefined, { details: { subject: configSubject(command) } });
  }

  async reached(position: bigint): Promise<void> {
    if (this.#position >= position) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#waiting.add({
      position,
      resolve: () => {
        resolve(undefined);
      },
    });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #attempt(command: TrackingConfigCommand, by: ChangedBy): Promise<ConfigChanged | 'overtaken'> {
    const { clock, newId } = this.#options;
    const { tenant, scenario } = command;
    const stream = streamOf(configSubject(command));
    // Our own memory may be behind what another node did.
    const from = BigInt(this.get(tenant, scenario)?.version ?? 0);
    for await (const event of this.#streams.read(stream, from)) this.#fold(event);
    const known = this.get(tenant, scenario);
    const decided = decideTrackingConfig(known?.config, command, clock());
    if (!decided.ok) return decided;
    const events = decided.events.map((event) => toStreamEvent(event, newId(), by));
    this.#tryCompile(decided.events);
    if (known && events.length === 0) return { ok: true, version: known, position: undefined };
    // Every event makes one version, so version 1 stands at revision 0.
    const expected = known ? BigInt(known.version - 1) : 'no_stream';
    const appended = await this.#streams.append(stream, events, expected);
    if (!appended.ok) return 'overtaken';
    for (const event of events) this.#fold({ ...event, stream });
    const version = this.get(tenant, scenario);
    return version ? { ok: true, version, position: appended.position } : 'overtaken';
  }

  /** A definition that cannot be compiled would stop every event of its scenario, so it is found out before. */
  #tryCompile(events: readonly TrackingConfigEvent[]): void {
    for (const event of events) if (event.type !== 'config_deactivated') this.#makeCheck(event.definition);
  }

  /** Follows until disposed; only the first reading must succeed. */
  async #followForEver(): Promise<void> {
    const { retryMs, rereadMs } = this.#options;
    while (!this.#stop.signal.aborted) {
      const reread = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(rereadMs)]);
      try {
        await this.#follow(reread);
        // A store that has been closed ends the following without an abort.
        if (!reread.aborted) throw new Fault('LOG_CLOSED');
      } catch (error) {
        if (reread.aborted) continue;
        this.#caughtUp.reject(error);
        unreachable.publish({ reason: String(error) });
        await delay(retryMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
      }
    }
    this.#caughtUp.reject(new Fault('LOG_CLOSED'));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let folded = 0;
    for await (const event of this.#streams.follow(undefined, signal)) {
      if (event === 'caught_up') {
        this.#caughtUp.resolve(undefined);
        continue;
      }
      this.#fold(event);
      // Reading all there is must not keep the door waiting: a store may give many events in one turn.
      if (++folded % FOLDED_PER_TURN === 0) await nextTurn();
      if (event.position > this.#position) this.#position = event.position;
      for (const waiting of this.#waiting) {
        if (waiting.position > this.#position) continue;
        this.#waiting.delete(waiting);
        waiting.resolve();
      }
    }
  }

  /** Takes an event once, however often it comes. */
  #fold(stored: Pick<StreamEvent, 'stream' | 'type' | 'data' | 'metadata'>): void {
    if (!isConfigStream(stored.stream) || this.#knows(stored.data)) return;
    const parsed = parseStreamEvent(stored);
    if (!parsed) return;
    const { event, by } = parsed;
    const versions = this.#versionsOf(event.tenant, event.scenario);
    const config = evolveTrackingConfig(versions.at(-1)?.config, event);
    if (!config) return;
    const { definition } = config;
    const check = lazily(() => this.#makeCheck(definition));
    versions.push({
      subject: configSubject(event),
      version: config.version,
      scenarioType: definition.scenario_type,
      config,
      change: event.type,
      by,
      check,
    });
  }

  /** Looked at before the definition is: most of what a re-read brings is known. */
  #knows({ tenant, scenario, version }: JsonObject): boolean {
    const newest = this.#tenants
      .get(tenant as TenantId)
      ?.get(scenario as string)
      ?.at(-1);
    return newest !== undefined && Number(version) <= newest.version;
  }

  #versionsOf(tenant: TenantId, scenario: string): ConfigVersion[] {
    let scenarios = this.#tenants.get(tenant);
    if (!scenarios) this.#tenants.set(tenant, (scenarios = new Map<string, ConfigVersion[]>()));
    let versions = scenarios.get(scenario);
    if (!versions) scenarios.set(scenario, (versions = []));
    return versions;
  }
}

function lazily(make: () => CheckEvent): CheckEvent {
  let made: CheckEvent | undefined;
  return (event, sent) => (made ??= make())(event, sent);
}
