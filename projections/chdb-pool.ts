import { createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import type { ChdbConnection } from 'chdb/connection';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { Fault } from '#domain';
import { quote } from './chdb-parameters.ts';

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** One connection of the pool, lent to one statement at a time. */
export type PooledConnection = {
  readonly client: ReturnType<typeof createClient>;
  readonly chdb: ChdbConnection['chdb'];
};

/** Statements of one kind, that wait for each other and not for those of another kind. */
export type Lane = 'question' | 'insert' | 'upkeep' | 'control';

export type ChdbPoolOptions = {
  readonly path: string;
  /** How many statements of a kind run at once. */
  readonly atOnce: Readonly<Record<Lane, number>>;
  /** How many questions may wait before further ones are refused with `QUERY_OVERLOADED`. */
  readonly maxWaitingQuestions: number;
  /** A word that no other statement has, to find a running one by. */
  readonly newTag: () => string;
};

type Waiter = { readonly start: () => void; readonly signal: AbortSignal | undefined };

/**
 * Connections to one chdb directory. A connection serves one statement at a time, and after one that failed
 * or was aborted it is drained before the next: the engine would otherwise put the rows the broken statement
 * had already written in front of the next answer.
 */
export class ChdbPool implements AsyncDisposable {
  readonly #options: ChdbPoolOptions;
  readonly #idle: PooledConnection[] = [];
  readonly #running: Record<Lane, number> = { question: 0, insert: 0, upkeep: 0, control: 0 };
  readonly #waiting: Record<Lane, Waiter[]> = { question: [], insert: [], upkeep: [], control: [] };
  readonly #unfinished = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: ChdbPoolOptions) {
    this.#options = options;
    this.#idle.push(open(options.path));
  }

  /** Questions that run or wait to. */
  get questions(): number {
    return this.#running.question + this.#waiting.question.length;
  }

  /**
   * Runs `work` on a connection of its own. `work` must put the tag into the statement's `log_comment`, so
   * that an abort can stop it in the engine. When the signal aborts, the result rejects with its reason at
   * once; the connection comes back when the engine has stopped.
   */
  async use<T>(
    lane: Lane,
    work: (connection: PooledConnection, tag: string) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    await this.#enter(lane, signal);
    const running = this.#run(lane, work, signal);
    this.#unfinished.add(running.ended);
    void running.ended.finally(() => this.#unfinished.delete(running.ended));
    return running.result;
  }

  /** Waits for what runs, then closes every connection; whoever still waits is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const waiters of Object.values(this.#waiting)) {
      for (const waiter of waiters.splice(0)) waiter.start();
    }
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished);
    await Promise.all(this.#idle.splice(0).map((connection) => connection.client.close()));
  }

  async #enter(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
    // What stops a running statement must still get through while the pool closes.
    if (this.#closed && lane !== 'control') throw closed();
    if (this.#running[lane] < this.#options.atOnce[lane]) {
      this.#running[lane]++;
      return;
    }
    const waiting = this.#waiting[lane];
    if (lane === 'question' && waiting.length >= this.#options.maxWaitingQuestions) {
      throw new Fault('QUERY_OVERLOADED', undefined, { details: { waiting: waiting.length } });
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const waiter: Waiter = {
        signal,
        start: () => {
          signal?.removeEventListener('abort', leave);
          if (this.#closed) reject(closed());
          else resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(waiter);
    });
  }

  /** Passes the place on to the next in line, or gives it back. */
  #leave(lane: Lane): void {
    const next = this.#waiting[lane].shift();
    if (next) next.start();
    else this.#running[lane]--;
  }

  #run<T>(
    lane: Lane,
    work: (connection: PooledConnection, tag: string) => Promise<T>,
    signal: AbortSignal | undefined,
  ): { readonly result: Promise<T>; readonly ended: Promise<void> } {
    const tag = this.#options.newTag();
    let finished = false;
    const worked = (async () => {
      try {
        return await this.#lend(work, tag);
      } finally {
        finished = true;
        this.#leave(lane);
      }
    })();
    const aborted = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener(
        'abort',
        () => {
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
          if (!finished) this.#kill(tag, () => finished);
        },
        { once: true },
      );
    });
    const ended = worked.then(
      () => undefined,
      () => undefined,
    );
    return { result: signal ? Promise.race([worked, aborted]) : worked, ended };
  }

  async #lend<T>(work: (connection: PooledConnection, tag: string) => Promise<T>, tag: string): Promise<T> {
    const connection = this.#idle.pop() ?? open(this.#options.path);
    try {
      const result = await work(connection, tag);
      this.#idle.push(connection);
      return result;
    } catch (error) {
      await this.#drain(connection);
      throw error;
    }
  }

  /** Reads away what a broken statement left on the connection; one that cannot be drained is replaced. */
  async #drain(connection: PooledConnection): Promise<void> {
    try {
      // Through the session: the client would append a FORMAT of its own.
      await connection.chdb.queryAsync('SELECT 1 FORMAT Null');
      this.#idle.push(connection);
    } catch {
      await connection.client.close();
    }
  }

  /** Asks the engine to stop the tagged statement until it has ended: it may not have begun yet. */
  #kill(tag: string, ended: () => boolean): void {
    const killing = (async () => {
      while (!ended()) {
        // ASYNC: the waiting form hangs on chdb.
        const sql = `KILL QUERY WHERE Settings['log_comment'] = ${quote(tag)} ASYNC FORMAT Null`;
        await this.use('control', (connection) => connection.chdb.queryAsync(sql)).catch(() => undefined);
        if (!ended()) await new Promise((resolve) => setTimeout(resolve, KILL_AGAIN_MS));
      }
    })();
    this.#unfinished.add(killing);
    void killing.finally(() => this.#unfinished.delete(killing));
  }
}

const KILL_AGAIN_MS = 20;

function open(path: string): PooledConnection {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    throw new Fault('FACTS_ENGINE_FAILED', 'The directory of the facts cannot be written.', {
      details: { path },
      cause,
    });
  }
  try {
    const connection = createChdbConnection({ path });
    // The engine's package brings its own copy of the client's types; they are the same by its contract.
    const client = createClient({ connection: connection as unknown as ClientConnection });
    return { client, chdb: connection.chdb };
  } catch (cause) {
    const message = 'The engine of the facts cannot open its directory: another process holds it.';
    throw new Fault('DATA_DIR_LOCKED', message, { details: { path }, cause });
  }
}

function closed(): Fault {
  return new Fault('FACTS_ENGINE_FAILED', 'The facts have been closed.');
}
