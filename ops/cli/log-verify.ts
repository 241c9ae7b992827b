import { askPlatform, linesOf } from './client.ts';
import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

export type LogVerifyCommand = {
  readonly url: string;
  readonly tenant: string;
  readonly deadLetters: boolean;
  /** Every line as it comes. */
  readonly json: boolean;
  /** Who asks, for the audit. */
  readonly as?: string;
};

type Step = {
  readonly progress?: {
    readonly partition: number;
    readonly partitions: number;
    readonly offset: string;
    readonly next: string;
  };
  readonly verdict?:
    | { readonly ok: true; readonly blocks: number; readonly records: string }
    | {
        readonly ok: false;
        readonly reason: string;
        readonly partition: number;
        readonly offset: string;
        readonly names: 'record' | 'block';
        readonly message: string;
      };
};

/** Has the platform verify a tenant's log and says how it went; true when every byte is what was written. */
export async function runLogVerify(command: LogVerifyCommand, around: Surroundings): Promise<boolean> {
  const { url, tenant, deadLetters, json, as: actor } = command;
  const body = { tenant_id: tenant, channel: deadLetters ? 'dead_letters' : 'events' };
  const response = await askPlatform(
    { url, path: '/api/v1/log/verify', method: 'POST', body, actor },
    around,
  );
  const text = response.body?.pipeThrough(new TextDecoderStream());
  if (text) {
    for await (const line of linesOf(text)) {
      if (json) around.out(`${line}\n`);
      const { progress, verdict } = JSON.parse(line) as Step;
      if (progress && around.interactive === true) {
        const { partition, partitions, offset, next } = progress;
        around.err(`\r\u001b[2Kpartition ${partition + 1} of ${partitions}: ${offset} of ${next}`);
      }
      if (!verdict) continue;
      if (around.interactive === true) around.err('\r\u001b[2K');
      if (!json) around.out(`${sentenceOf(verdict)}\n`);
      return verdict.ok;
    }
  }
  throw new CommandFailed('The platform broke off before there was a verdict: verify again.');
}

function sentenceOf(verdict: NonNullable<Step['verdict']>): string {
  if (verdict.ok) {
    return `Every byte is what was written: ${verdict.records} records in ${verdict.blocks} blocks.`;
  }
  const { partition, offset, names, message, reason } = verdict;
  const what = names === 'record' ? 'the record' : 'the block that begins';
  return `Partition ${partition} differs from what was written, first ${what} at offset ${offset} (${reason}): ${message}`;
}
