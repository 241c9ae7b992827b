import { setTimeout as sleep } from 'node:timers/promises';
import { startPlatform, untilReady } from '../platform.ts';
import type { Platform } from '../platform.ts';
import type { Random } from '../random.ts';
import type { Input } from './history.ts';
import type { Answer } from './ledger.ts';
import { sendOne } from './sending.ts';

const SENDERS = 6;

/** Sends inputs to a platform that is ended again and again, until each has been answered. */
export class PersistentSender {
  readonly answers = new Map<number, Answer>();
  readonly #random: Random;
  #queue: (readonly Input[])[] = [];
  #answered = 0;
  resent = 0;
  /** Why the last request that was not answered was not. */
  refusal = '';

  constructor(random: Random) {
    this.#random = random;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  add(inputs: readonly Input[]): void {
    for (let at = 0; at < inputs.length;) {
      const size = this.#random.chance(0.25) ? 1 : this.#random.between(30, 100);
      this.#queue.push(inputs.slice(at, at + size));
      at += size;
    }
  }

  /**
   * Sends until nothing waits, or the platform has been ended by {@link killAmid}. One that may end by itself
   * is left alone once it gives no answer.
   */
  async send(
    platform: Platform,
    ending?: { readonly isEnded: boolean; readonly mayEnd?: boolean },
  ): Promise<void> {
    const sender = async (): Promise<void> => {
      for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
        try {
          for (const [index, answer] of await sendOne(platform, request)) this.answers.set(index, answer);
          this.#answered++;
        } catch (error) {
          // Whether it was taken is not known, so it is sent again as it was.
          this.#queue.unshift(request);
          this.refusal = String(error);
          if (!ending?.isEnded && !ending?.mayEnd) throw error;
          this.resent += request.length;
          return;
        }
        if (ending?.isEnded) return;
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, sender));
  }

  /** Starts the platform, sends, and kills it after about so many answers, at any instant after that. */
  async killAmid(dataDir: string, requests: number): Promise<void> {
    await using platform = await startPlatform({ dataDir, waitUntilReady: false });
    if (this.#random.chance(0.15)) {
      await sleep(this.#random.between(100, 1_500));
      await platform.kill();
      return;
    }
    await untilReady(platform);
    const until = this.#answered + requests;
    const ending = { isEnded: false };
    const sent = { isOver: false };
    const sending = this.send(platform, ending).finally(() => {
      sent.isOver = true;
    });
    while (this.#answered < until && !sent.isOver) await sleep(1);
    await sleep(this.#random.next() * 400);
    ending.isEnded = true;
    await platform.kill();
    await sending;
  }
}

/**
 * The answers as of the ledger: what was kept although its answer was lost is answered as a duplicate later on,
 * so the first such duplicate of a group without an accepted input stands for it.
 */
export function withKeptUnanswered(
  inputs: readonly Input[],
  answers: ReadonlyMap<number, Answer>,
): Map<number, Answer> {
  const settled = new Map(answers);
  for (const group of Map.groupBy(inputs, ({ tenant, eventId }) => `${tenant}\n${eventId}`).values()) {
    const outcomes = group.map(({ index }) => answers.get(index));
    if (outcomes.some((answer) => answer?.outcome === 'accepted')) continue;
    const first = group.find(({ index }) => answers.get(index)?.outcome === 'duplicate');
    const known = first && answers.get(first.index);
    if (known) settled.set(first.index, { ...known, outcome: 'accepted' });
  }
  return settled;
}

/** Which days the platform says to have sealed, `acme 20000`, from now on. Needs the log level debug. */
export function followSeals(platform: Platform): {
  readonly days: Set<string>;
  readonly changed: () => Promise<void>;
} {
  const days = new Set<string>();
  let rest = '';
  let wake = Promise.withResolvers<undefined>();
  platform.process.stdout?.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.includes('"Day sealed"')) continue;
      const { tenant, day } = JSON.parse(line) as { tenant: string; day: number };
      days.add(`${tenant} ${day}`);
    }
    wake.resolve(undefined);
    wake = Promise.withResolvers<undefined>();
  });
  return {
    days,
    changed: async () => {
      await Promise.race([wake.promise, sleep(1_000)]);
    },
  };
}
