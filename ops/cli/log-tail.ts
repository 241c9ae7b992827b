import { askPlatform, linesOf } from './client.ts';
import { readableRecord } from './log-lines.ts';
import type { RecordLine } from './log-lines.ts';
import type { Surroundings } from './output.ts';

export type LogTailCommand = {
  readonly url: string;
  readonly tenant: string;
  /** How many of the newest records come first. */
  readonly count: string;
  readonly follow: boolean;
  readonly deadLetters: boolean;
  /** Records as they arrive, one JSON object a line. */
  readonly json: boolean;
  /** Who asks, for the audit. */
  readonly as?: string;
};

/** Prints the newest records of a tenant's log, and with `follow` those that come, until the signal aborts. */
export async function runLogTail(command: LogTailCommand, around: Surroundings): Promise<void> {
  const search = new URLSearchParams({
    tenant_id: command.tenant,
    n: command.count,
    channel: command.deadLetters ? 'dead_letters' : 'events',
    ...(command.follow ? { follow: '1' } : {}),
  });
  try {
    const response = await askPlatform(
      { url: command.url, path: `/api/v1/log/tail?${search.toString()}`, actor: command.as },
      around,
    );
    if (!response.body) return;
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const line of linesOf(text)) {
      around.out(command.json ? `${line}\n` : readableRecord(JSON.parse(line) as RecordLine));
    }
  } catch (error) {
    // Ctrl-C is how following is meant to end.
    if (!around.interrupted().aborted) throw error;
  }
}
