import { v7 as newUuid } from 'uuid';
import type { JsonObject } from '#domain';

/** What became of one event; see the batch route of the API. */
export type TrackResult = {
  readonly event_id: string;
  readonly outcome: 'accepted' | 'duplicate' | 'conflict' | 'rejected';
  readonly receipt?: { readonly partition: number; readonly offset: string; readonly token: string };
  readonly warnings?: readonly { readonly field: string; readonly code: string; readonly message: string }[];
  readonly errors?: readonly { readonly field: string; readonly code: string; readonly message: string }[];
};

export type ClientOptions = {
  /** Where Daybook answers, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Put into every event that names no tenant. */
  readonly tenantId: string;
  /** Time for one attempt. @default 3000 */
  readonly timeoutMs?: number;
  /** Attempts after the first. @default 5 */
  readonly retries?: number;
  /** Wait before the first repetition; it doubles each time. @default 200 */
  readonly retryDelayMs?: number;
  /** @default the platform's own */
  readonly fetch?: typeof fetch;
  /** Epoch ms. @default Date.now */
  readonly clock?: () => number;
};

/** Sends events to Daybook. */
export interface Client {
  /**
   * Resolves when every event has an outcome, in the order given. Ids and times are assigned once, before the
   * first attempt, so an event whose answer was lost is answered `duplicate` and never counted twice.
   *
   * Throws {@link SendError} when the platform could not be reached or kept refusing; `unsent` then holds the
   * events without an outcome, with their ids, to be sent again later.
   */
  track(events: readonly JsonObject[]): Promise<readonly TrackResult[]>;
}

/** Some events have no outcome. Sending `unsent` again is safe. */
export class SendError extends Error {
  readonly unsent: readonly JsonObject[];
  /** Outcomes of the events that came before, in order. */
  readonly results: readonly TrackResult[];

  constructor(cause: unknown, { unsent, results }: Pick<SendError, 'unsent' | 'results'>) {
    super(`${unsent.length} events could not be sent`, { cause });
    this.name = 'SendError';
    this.unsent = unsent;
    this.results = results;
  }
}

/** What the native batch route takes at most. */
const BATCH_EVENTS = 100;

/**
 * Creates a client that needs nothing but `fetch`.
 *
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:8080', tenantId: 'acme' });
 * const [result] = await client.track([{ event_name: 'signup', user_id: 'ada' }]);
 */
export function createClient(options: ClientOptions): Client {
  const settings = { ...DEFAULTS, ...options };
  return {
    async track(events) {
      const now = settings.clock();
      const complete = events.map((event) => ({
        event_id: `evt_${newUuid()}`,
        timestamp: now,
        tenant_id: settings.tenantId,
        ...event,
      }));
      const results: TrackResult[] = [];
      for (let at = 0; at < complete.length; at += BATCH_EVENTS) {
        try {
          results.push(...(await sendBatch(complete.slice(at, at + BATCH_EVENTS), settings)));
        } catch (cause) {
          throw new SendError(cause, { unsent: complete.slice(at), results });
        }
      }
      return results;
    },
  };
}

const DEFAULTS = {
  timeoutMs: 3000,
  retries: 5,
  retryDelayMs: 200,
  fetch: globalThis.fetch,
  clock: Date.now,
};

type Settings = typeof DEFAULTS & ClientOptions;

async function sendBatch(events: readonly JsonObject[], settings: Settings): Promise<readonly TrackResult[]> {
  for (let attempt = 0; ; attempt++) {
    const answer = await attemptBatch(events, settings);
    if (answer.ok) return answer.results;
    if (!answer.retryable || attempt >= settings.retries) throw answer.error;
    await delay(Math.max(answer.waitMs, settings.retryDelayMs * 2 ** attempt));
  }
}

type Attempt =
  | { readonly ok: true; readonly results: readonly TrackResult[] }
  | { readonly ok: false; readonly retryable: boolean; readonly waitMs: number; readonly error: Error };

async function attemptBatch(events: readonly JsonObject[], settings: Settings): Promise<Attempt> {
  let response: Response;
  let text: string;
  try {
    response = await settings.fetch(new URL('/api/v1/behaviors/track/batch', settings.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ events }),
      signal: AbortSignal.timeout(settings.timeoutMs),
    });
    text = await response.text();
  } catch (error) {
    return { ok: false, retryable: true, waitMs: 0, error: asError(error) };
  }
  const results = response.ok ? resultsOf(text) : undefined;
  // An outcome for some only means that the log refused the others for the moment: all are sent again.
  if (results?.length === events.length && results.every(hasOutcome)) return { ok: true, results };
  return {
    ok: false,
    retryable: response.ok || response.status === 429 || response.status >= 500,
    waitMs: Number(response.headers.get('retry-after') ?? 0) * 1000 || 0,
    error: new Error(`HTTP ${response.status}: ${text.slice(0, 500)}`),
  };
}

function resultsOf(text: string): readonly TrackResult[] | undefined {
  try {
    return (JSON.parse(text) as { results?: readonly TrackResult[] }).results;
  } catch {
    return undefined;
  }
}

const OUTCOMES = new Set(['accepted', 'duplicate', 'conflict', 'rejected']);

function hasOutcome({ outcome }: TrackResult): boolean {
  return OUTCOMES.has(outcome);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
