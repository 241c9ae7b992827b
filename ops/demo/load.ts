import type { JsonObject } from '#domain';
import type { Expected, Input, Month } from './month.ts';

/** Sends a batch and resolves with an outcome for each event, in order. */
export type Send = (events: readonly JsonObject[]) => Promise<readonly { readonly outcome: Expected }[]>;

export type Loading = {
  readonly send: Send;
  /** Called as the answers come. */
  readonly onAnswered: (answered: number, total: number) => void;
};

/** How the inputs were answered. */
export type Answered = Record<Expected, number>;

const BATCH_EVENTS = 100;
/** While some batches are written to the disk the next are on their way. */
const IN_FLIGHT = 8;

/**
 * Sends a month: first what is new, about in the order of its arrival, then what is sent once more. Only so
 * is it certain which of two bodies under one id comes first.
 */
export async function load(
  { inputs, again }: Pick<Month, 'inputs' | 'again'>,
  loading: Loading,
): Promise<Answered> {
  const answered: Answered = { accepted: 0, duplicate: 0, conflict: 0, rejected: 0 };
  const total = inputs.length + again.length;
  let done = 0;
  for (const pass of [inputs, again]) {
    const batches = batchesOf(pass);
    let next = 0;
    const sendOn = async (): Promise<void> => {
      for (let batch = batches[next++]; batch; batch = batches[next++]) {
        const results = await loading.send(batch.map(({ event }) => event));
        for (const { outcome } of results) answered[outcome]++;
        done += batch.length;
        loading.onAnswered(done, total);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, sendOn));
  }
  return answered;
}

function batchesOf(inputs: readonly Input[]): readonly (readonly Input[])[] {
  const count = Math.ceil(inputs.length / BATCH_EVENTS);
  return Array.from({ length: count }, (_, at) => inputs.slice(at * BATCH_EVENTS, (at + 1) * BATCH_EVENTS));
}
