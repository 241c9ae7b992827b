import type { Platform, Reply } from '../platform.ts';
import type { Random } from '../random.ts';
import type { Input } from './history.ts';
import { OUTCOMES } from './ledger.ts';
import type { Answer, Outcome } from './ledger.ts';

type Receipt = { readonly partition: number; readonly offset: string; readonly token: string };
export type BatchResult = {
  readonly index: number;
  readonly event_id: string;
  readonly outcome: string;
  readonly receipt?: Receipt;
};
export type BatchReply = {
  readonly success: boolean;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly results: readonly BatchResult[];
};
type SingleReply = { readonly outcome?: string; readonly receipt?: Receipt & { readonly outcome?: string } };

export const BATCH_PATH = '/api/v1/behaviors/track/batch';
export const SINGLE_PATH = '/api/v1/behaviors/track';

/** Sends every input, most in batches of up to 100 and some alone, a few requests at a time. */
export async function sendAll(
  platform: Platform,
  inputs: readonly Input[],
  options: { readonly random: Random; readonly inFlight: number; readonly singles: number },
): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  const requests = requestsOf(inputs, options.random, options.singles);
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let request = requests[next++]; request; request = requests[next++]) {
      for (const [index, answer] of await sendOne(platform, request)) answers.set(index, answer);
    }
  };
  await Promise.all(Array.from({ length: options.inFlight }, sender));
  return answers;
}

function requestsOf(inputs: readonly Input[], random: Random, singles: number): Input[][] {
  const requests: Input[][] = [];
  for (let at = 0; at < inputs.length;) {
    const size = random.chance(singles) ? 1 : random.chance(0.9) ? 100 : random.between(2, 99);
    requests.push(inputs.slice(at, at + size));
    at += size;
  }
  return requests;
}

/** Sends one request with these inputs: alone if it is one, else as a batch. */
export async function sendOne(platform: Platform, inputs: readonly Input[]): Promise<[number, Answer][]> {
  const [only] = inputs;
  if (only && inputs.length === 1) {
    const reply = await platform.send(SINGLE_PATH, { method: 'POST', body: only.text });
    return [[only.index, answerOf(reply)]];
  }
  const body = `{"events":[${inputs.map(({ text }) => text).join(',')}]}`;
  const reply = await platform.send(BATCH_PATH, { method: 'POST', body });
  if (reply.status !== 200)
    throw new Error(`a batch was answered ${reply.status}: ${reply.text.slice(0, 500)}`);
  const { results, total, succeeded, failed } = reply.body as BatchReply;
  if (results.length !== inputs.length || total !== inputs.length || succeeded + failed !== total) {
    throw new Error(`a batch of ${inputs.length} was answered ${reply.text.slice(0, 300)}`);
  }
  return results.map((result) => [inputs[result.index]!.index, fromReceipt(result.outcome, result.receipt)]);
}

function answerOf(reply: Reply): Answer {
  const { outcome, receipt } = reply.body as SingleReply;
  const byStatus = { 200: 'accepted', 400: 'rejected', 409: 'conflict' }[reply.status];
  const said = outcome ?? receipt?.outcome ?? byStatus;
  const fits = said === 'duplicate' ? reply.status === 200 : said === byStatus;
  if (said === undefined || !fits) throw new Error(`one event was answered ${reply.status}: ${reply.text}`);
  return fromReceipt(said, receipt);
}

function fromReceipt(said: string, receipt: Receipt | undefined): Answer {
  const outcome = OUTCOMES.find((one): one is Outcome => one === said);
  if (!outcome) throw new Error(`an unknown outcome: ${said}`);
  if (!receipt) return { outcome };
  return { outcome, partition: receipt.partition, offset: BigInt(receipt.offset), token: receipt.token };
}
