import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import type { ImportEnd, PortionReport } from '#ingress';
import { linesOf, refusalOf, whyOf } from './client.ts';
import { PendingRows } from './import-pending.ts';
import type { SentRow } from './import-pending.ts';
import { CommandFailed } from './output.ts';

export type ImportSending = {
  /** Base address of the running platform. */
  readonly url: string;
  readonly tenant: string;
  readonly dryRun: boolean;
  /** Rows that are answered together, at most. */
  readonly portionRows: number;
  readonly signal: AbortSignal;
  /** Told of every portion that is durable, with its rows. */
  readonly answered: (rows: readonly SentRow[], report: PortionReport) => void;
};

/** The platform went away and did not come back in time; what was answered is durable. */
export class PlatformGone extends Error {
  override readonly name = 'PlatformGone';
}

/** More than the largest portion and the longest line, so that a portion always comes full. */
const MOST_PENDING_BYTES = 16 * 1024 * 1024;
/** Waits double from the first to the longest: about a minute in all. */
const ATTEMPTS = 12;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;

/**
 * Sends rows over one connection and in their order, as fast as the platform takes them. When it goes away
 * the rows without an answer are sent again; their ids see to it that none stands in the log twice. Holds a
 * bounded number of rows, whatever the file.
 *
 * Throws {@link CommandFailed} when no platform answers at all or it refuses, {@link PlatformGone} when it
 * does not come back.
 */
export async function sendRows(
  rows: AsyncIterator<readonly SentRow[]>,
  sending: ImportSending,
): Promise<void> {
  const pending = new PendingRows();
  let broken: Error | undefined;
  // What was read before a file could not be read further is sent all the same.
  const taking: AsyncIterator<readonly SentRow[]> = {
    next: async () => {
      try {
        return await rows.next();
      } catch (error) {
        broken = error instanceof Error ? error : new Error(String(error));
        return { done: true, value: undefined };
      }
    },
  };
  let reachedBefore = false;
  for (let failures = 0; ;) {
    const { complete, progressed, reached, failure } = await new Exchange(taking, pending, sending).run();
    if (complete) {
      if (broken) throw broken;
      return;
    }
    sending.signal.throwIfAborted();
    if (failure instanceof CommandFailed) throw failure;
    reachedBefore ||= reached;
    if (!reachedBefore && failure) throw noPlatform(failure, sending.url);
    failures = progressed ? 0 : failures + 1;
    if (failures >= ATTEMPTS) throw new PlatformGone(`${sending.url} went away (${whyOf(failure)})`);
    // One that ended an import in order goes on at once.
    if (failure) {
      await wait(Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS), undefined, {
        signal: sending.signal,
      });
    }
  }
}

function noPlatform(failure: unknown, url: string): CommandFailed {
  return new CommandFailed(
    `No Daybook answers at ${url} (${whyOf(failure)}). Start one with "daybook start", or name another with --url.`,
  );
}

type Ended = {
  readonly complete: boolean;
  /** Whether any row was answered. */
  readonly progressed: boolean;
  /** Whether there was a platform to connect to. */
  readonly reached: boolean;
  readonly failure?: unknown;
};

/** One request: rows go out while answers come in. */
class Exchange {
  readonly #rows: AsyncIterator<readonly SentRow[]>;
  readonly #pending: PendingRows;
  readonly #sending: ImportSending;
  readonly #stopped = Promise.withResolvers<undefined>();
  #over = false;
  #progressed = false;
  #reached = false;

  constructor(rows: AsyncIterator<readonly SentRow[]>, pending: PendingRows, sending: ImportSending) {
    this.#rows = rows;
    this.#pending = pending;
    this.#sending = sending;
  }

  async run(): Promise<Ended> {
    const { url, tenant, dryRun, portionRows, signal } = this.#sending;
    const address = new URL('/api/v1/behaviors/import', url);
    address.searchParams.set('portion_lines', String(portionRows));
    if (dryRun) address.searchParams.set('dry_run', '1');
    const open = address.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = { 'Content-Type': 'application/x-ndjson', 'X-Tenant-Id': tenant };
    const request = open(address, { method: 'POST', headers, signal, agent: false });
    const opened = Promise.withResolvers<IncomingMessage>();
    request.once('response', opened.resolve);
    request.on('error', opened.reject);
    request.once('socket', (socket) => {
      socket.once('connect', () => {
        this.#reached = true;
      });
    });
    const reading = this.#read(opened.promise).finally(() => {
      this.#stop();
    });
    const writing = this.#write(request);
    try {
      const end = await reading;
      await writing;
      return { ...this.#far(), complete: end.complete, ...failureOf(end) };
    } catch (failure) {
      await writing;
      return { ...this.#far(), complete: false, failure };
    } finally {
      request.destroy();
    }
  }

  #far(): Pick<Ended, 'progressed' | 'reached'> {
    return { progressed: this.#progressed, reached: this.#reached };
  }

  #stop(): void {
    this.#over = true;
    this.#stopped.resolve(undefined);
  }

  #goesOn(): boolean {
    return !this.#over;
  }

  async #write(request: ClientRequest): Promise<void> {
    await this.#put(request, this.#pending.rows);
    while (this.#goesOn()) {
      const next = await this.#rows.next();
      if (next.done === true) break;
      this.#pending.add(next.value);
      await this.#put(request, next.value);
      while (this.#goesOn() && this.#pending.bytes > MOST_PENDING_BYTES) {
        await Promise.race([this.#pending.taken(), this.#stopped.promise]);
      }
    }
    if (this.#goesOn()) request.end();
  }

  async #put(request: ClientRequest, rows: readonly SentRow[]): Promise<void> {
    if (!this.#goesOn() || rows.length === 0) return;
    const drained = Promise.withResolvers<undefined>();
    const taken = request.write(Buffer.concat(rows.map(({ line }) => line)));
    if (taken) return;
    request.once('drain', () => {
      drained.resolve(undefined);
    });
    await Promise.race([drained.promise, this.#stopped.promise]);
  }

  async #read(opened: Promise<IncomingMessage>): Promise<ImportEnd> {
    const response = await opened;
    if (response.statusCode !== 200) throw await refusalFrom(response, this.#sending.url);
    for await (const line of linesOf(response.setEncoding('utf8') as AsyncIterable<string>)) {
      const said = JSON.parse(line) as PortionReport | ImportEnd;
      if ('complete' in said) return said;
      this.#progressed = true;
      this.#sending.answered(this.#pending.take(said.lines), said);
    }
    throw new Error('the answer broke off');
  }
}

function failureOf({ error }: ImportEnd): { readonly failure?: unknown } {
  if (!error) return {};
  const { code, message, retryable } = error;
  return { failure: retryable ? new Error(code) : new CommandFailed(`${code}: ${message}`) };
}

/** One that is starting or overloaded may take it later. */
async function refusalFrom(response: IncomingMessage, url: string): Promise<Error> {
  let text = '';
  for await (const part of response.setEncoding('utf8') as AsyncIterable<string>) text += part;
  const status = response.statusCode ?? 0;
  return status === 503 ? new Error(`HTTP ${status}`) : new CommandFailed(refusalOf(text, { status, url }));
}
