import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { askPlatform, linesOf } from './client.ts';
import { questionOf } from './log-search.ts';
import type { LogFilter } from './log-search.ts';
import type { Surroundings } from './output.ts';
import { CommandFailed } from './output.ts';

export type LogExportCommand = LogFilter & {
  readonly url: string;
  readonly tenant: string;
  /** Into this file, else to the output. */
  readonly out?: string;
  /** The bytes of each value and nothing else. */
  readonly raw: boolean;
  readonly cursor?: string;
  /** Who asks, for the audit. */
  readonly as?: string;
};

/** How far a file holds an export, kept beside it until the export is whole. */
type ExportProgress = {
  /** All that decides what the file holds. */
  readonly question: string;
  readonly bytes: number;
  readonly records: number;
  readonly cursor: string;
};

type Line = {
  readonly next_cursor?: string;
  readonly raw?: string;
  readonly raw_base64?: string;
};

/**
 * Writes all records that match, the oldest first. Into a file: broken off, the same command goes on from the
 * last portion that is whole, and what was written of a further one is cut off.
 */
export async function runLogExport(command: LogExportCommand, around: Surroundings): Promise<void> {
  const { url, tenant, out, raw, as: actor } = command;
  const search = questionOf(tenant, command);
  search.set('form', raw ? 'raw' : 'event');
  const question = search.toString();
  const before = out === undefined ? undefined : await progressOf(out, question);
  const cursor = command.cursor ?? before?.cursor;
  if (cursor !== undefined) search.set('cursor', cursor);
  search.set('marks', '1');
  const path = `/api/v1/log/export?${search.toString()}`;
  const response = await askPlatform({ url, path, actor }, around);
  await using target = out === undefined ? toOutput(around) : await toFile(out, question, before);
  let records = before?.records ?? 0;
  let last = cursor;
  for await (const portion of portionsOf(response, raw)) {
    records += portion.records;
    last = portion.cursor;
    await target.write(portion.text, { records, cursor: last });
  }
  await target.complete();
  around.err(`${records} records${last === undefined ? '' : `; what comes later: --cursor ${last}`}\n`);
}

type Portion = { readonly text: string; readonly records: number; readonly cursor: string };

/** What has come whole, portion by portion; throws at the end when the last was not. */
async function* portionsOf({ body }: Response, raw: boolean): AsyncIterable<Portion> {
  if (!body) return;
  let text = '';
  let records = 0;
  for await (const line of linesOf(body.pipeThrough(new TextDecoderStream()))) {
    const parsed = JSON.parse(line) as Line;
    if (parsed.next_cursor === undefined) {
      text += `${raw ? rawOf(parsed) : line}\n`;
      records += 1;
    } else {
      yield { text, records, cursor: parsed.next_cursor };
      text = '';
      records = 0;
    }
  }
  if (records > 0) throw new CommandFailed('The platform broke off in a portion: export again.');
}

/** Bytes that are no UTF-8 have no place in a file of text lines. */
function rawOf({ raw, raw_base64: base64 }: Line): string {
  return raw ?? JSON.stringify({ raw_base64: base64 });
}

type Target = AsyncDisposable & {
  /** A whole portion, and where the next begins. */
  write(text: string, mark: { readonly records: number; readonly cursor: string }): Promise<void>;
  complete(): Promise<void>;
};

function toOutput(around: Surroundings): Target {
  return {
    write: async (text) => {
      if (text !== '') around.out(text);
    },
    complete: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function toFile(path: string, question: string, before: ExportProgress | undefined): Promise<Target> {
  const file: FileHandle = await open(path, before ? 'r+' : 'wx').catch((error: unknown) => {
    throw new CommandFailed(`${path} cannot be written: ${error instanceof Error ? error.message : ''}`);
  });
  let bytes = before?.bytes ?? 0;
  await file.truncate(bytes);
  return {
    async write(text, { records, cursor }) {
      const { bytesWritten } = await file.write(text, bytes);
      bytes += bytesWritten;
      await file.sync();
      const progress = { question, bytes, records, cursor };
      await writeFile(`${progressPath(path)}.new`, `${JSON.stringify(progress)}\n`);
      await rename(`${progressPath(path)}.new`, progressPath(path));
    },
    complete: () => rm(progressPath(path), { force: true }),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function progressPath(path: string): string {
  return `${path}.daybook-progress`;
}

/** How far an earlier export of the same question came. */
async function progressOf(path: string, question: string): Promise<ExportProgress | undefined> {
  const text = await readFile(progressPath(path), 'utf8').catch(() => '');
  if (text === '') return undefined;
  const progress = JSON.parse(text) as ExportProgress;
  if (progress.question === question) return progress;
  throw new CommandFailed(
    `${path} holds a part of another export: name another file, or remove ${progressPath(path)}.`,
  );
}
