import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from '#domain';
import type { Input, Sender } from './examine.ts';
import { Aborted, streamBody } from './http-body.ts';
import type { InputLimits } from './http-inputs.ts';
import { readLines } from './import-inputs.ts';
import { portionsOf } from './import-portions.ts';
import { ImportTotals, reportOf } from './import-report.ts';
import type { LineOutcome } from './import-report.ts';
import type { Ingress } from './ingress.ts';

export type HttpImport = {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly sender: Sender;
  readonly ingress: Ingress;
  readonly limits: InputLimits;
  /** Of a longer line only so much is kept. */
  readonly lineBytes: number;
  /** Ends the import after the portions under way, so that a stop need not wait for its sender. */
  readonly stopping: AbortSignal | undefined;
};

const PORTION_BYTES = 2 * 1024 * 1024;
const PORTION_LINES = 5_000;
const MOST_PORTION_LINES = 20_000;
/** The server gives a request 60 s; before that the sender is asked to go on with another one. */
const LONGEST_MS = 45_000;
/** How often a portion is given to a log that is overloaded; the waits double, 6 s in all. */
const ATTEMPTS = 8;
const FIRST_WAIT_MS = 50;

/**
 * Takes a body of events, one a line, of any length, and answers one line per portion when that is durable.
 * The next portion is read and checked while one is written; a slow log slows the sender.
 */
export async function answerImport(about: HttpImport): Promise<void> {
  const { req, res, limits, lineBytes } = about;
  const totals = new ImportTotals();
  const deadline = AbortSignal.timeout(LONGEST_MS);
  const ending = about.stopping ? AbortSignal.any([deadline, about.stopping]) : deadline;
  const body = streamBody(req);
  const { dryRun, portionLines } = parseOptions(req.url ?? '');
  const portionLimits = { portionBytes: PORTION_BYTES, portionLines, lineBytes };
  let written: Promise<void> = Promise.resolve();
  let fault: Fault | undefined;
  let whole = true;
  try {
    for await (const portion of portionsOf(body, portionLimits)) {
      const lines = readLines(portion, limits);
      const before = written;
      const inputs = lines.map(({ input }) => input);
      written = (dryRun ? check(about, inputs) : keep(about, inputs)).then(async (outcomes) => {
        await before;
        await write(res, reportOf(totals, { portion, lines, outcomes }));
      });
      // Whoever waits for it is told; nobody may be waiting yet when it fails.
      written.catch(() => undefined);
      await before;
      if (ending.aborted) {
        whole = false;
        break;
      }
    }
    await written;
  } catch (error) {
    if (error instanceof Aborted || res.destroyed) throw error;
    fault = error instanceof Fault ? error : new Fault('INTERNAL', undefined, { cause: error });
    await written.catch(() => undefined);
    if (!res.headersSent) throw fault;
  }
  await write(res, totals.end({ complete: whole && !fault, fault }));
  res.end();
}

/** `?dry_run=1` keeps nothing; `?portion_lines=` says how many lines are answered together, at most. */
function parseOptions(url: string): { readonly dryRun: boolean; readonly portionLines: number } {
  const query = new URLSearchParams(url.split('?', 2)[1]);
  const dryRun = query.get('dry_run') ?? '0';
  if (dryRun !== '0' && dryRun !== '1') throw new Fault('INGRESS_BODY_INVALID', 'dry_run must be 0 or 1.');
  const lines = query.get('portion_lines') ?? String(PORTION_LINES);
  if (!/^[1-9]\d{0,4}$/.test(lines) || Number(lines) > MOST_PORTION_LINES) {
    throw new Fault(
      'INGRESS_BODY_INVALID',
      `portion_lines must be a number from 1 to ${MOST_PORTION_LINES}.`,
    );
  }
  return { dryRun: dryRun === '1', portionLines: Number(lines) };
}

async function check(
  { ingress, sender }: HttpImport,
  inputs: readonly Input[],
): Promise<readonly LineOutcome[]> {
  return ingress
    .check(inputs, sender)
    .map((one) =>
      one.ok
        ? { outcome: 'checked', warnings: one.warnings }
        : { outcome: 'rejected', eventId: one.eventId, errors: one.errors, deadLetter: undefined },
    );
}

/** Gives inputs to the door until the log has taken them. Throws the fault when it takes them no more. */
async function keep(
  { ingress, sender }: HttpImport,
  inputs: readonly Input[],
): Promise<readonly LineOutcome[]> {
  const outcomes = [...(await ingress.track(inputs, sender))];
  for (let attempt = 1; ; attempt++) {
    const failed = outcomes.flatMap((one, index) => (one.outcome === 'failed' ? [{ index, one }] : []));
    const [first] = failed;
    if (!first) return outcomes;
    if (attempt >= ATTEMPTS || first.one.fault.code !== 'LOG_OVERLOADED') throw first.one.fault;
    await wait(FIRST_WAIT_MS * 2 ** (attempt - 1));
    const again = await ingress.track(
      failed.flatMap(({ index }) => inputs[index] ?? []),
      sender,
    );
    failed.forEach(({ index, one }, place) => (outcomes[index] = again[place] ?? one));
  }
}

/** Waits until the sender has read enough, so that one who reads nothing sends nothing more. */
async function write(res: ServerResponse, line: object): Promise<void> {
  if (!res.headersSent) {
    res.writeHead(200, {
      'Content-Type': 'application/x-ndjson; charset=utf-8',
      'Cache-Control': 'no-store',
    });
  }
  if (res.write(JSON.stringify(line) + '\n') || res.destroyed) return;
  const done = new AbortController();
  const either = { signal: done.signal };
  // Whichever comes second is listened to no longer.
  const [drained, closed] = [once(res, 'drain', either), once(res, 'close', either)];
  await Promise.race([drained, closed]);
  for (const one of [drained, closed]) one.catch(() => undefined);
  done.abort();
}
