import { askPlatform, linesOf } from './client.ts';
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
};

type TailLine = {
  readonly position: { readonly partition: number; readonly offset: string };
  readonly headers: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly event: unknown;
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
      { url: command.url, path: `/api/v1/log/tail?${search.toString()}` },
      around,
    );
    if (!response.body) return;
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const line of linesOf(text)) around.out(command.json ? `${line}\n` : readable(line));
  } catch (error) {
    // Ctrl-C is how following is meant to end.
    if (!around.interrupted().aborted) throw error;
  }
}

/** `0:17  2024-03-04T10:00:00.000Z  u1  {…}` */
function readable(line: string): string {
  const { position, headers, key, event } = JSON.parse(line) as TailLine;
  const at = `${position.partition}:${position.offset}`;
  return `${at.padEnd(8)}  ${String(headers['timestamp'])}  ${key}  ${JSON.stringify(event)}\n`;
}
