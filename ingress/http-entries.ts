import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from '#domain';
import type { FieldError } from '#schema-registry';
import { ENTRY_FORMS, ENTRY_PATHS } from './entry-forms.ts';
import type { EntryPath } from './entry-forms.ts';
import { entryPaths, entrySchemas } from './entry-openapi.ts';
import { createEntryReaders } from './entry-request.ts';
import type { EntryAction, EntryRead } from './entry-request.ts';
import { createEntryWriter } from './entry-writer.ts';
import type { EntryOutcome, EntryWriterOptions } from './entry-writer.ts';
import type { Input } from './examine.ts';
import { sentenceOf } from './http-answers.ts';
import { Aborted, readBody } from './http-body.ts';
import type { HttpIngress } from './http-ingress.ts';
import { readInput, readInputs } from './http-inputs.ts';
import type { InputLimits } from './http-inputs.ts';
import { senderOf } from './http-sender.ts';
import type { SenderOptions } from './http-sender.ts';

export type HttpEntriesOptions = SenderOptions &
  EntryWriterOptions & {
    /** Answers a fault. */
    readonly fail: (res: ServerResponse, error: unknown) => void;
    /** The status of a fault, for outcomes within an import. */
    readonly statusOf: (error: unknown) => number;
    /** Bytes of a body after decompression. @default 10 MiB */
    readonly maxBodyBytes?: number;
  };

const MIB = 1024 * 1024;
const IMPORT_ENTRIES = 1000;
const LIMITS: InputLimits = { depth: 32, members: 10_000, eventBytes: MIB, batchEvents: IMPORT_ENTRIES };
const PATH = /^\/api\/v1\/(items|scenarios|model-configs)(?:\/([^/]+))?$/;
const ACTIONS: Readonly<Record<string, EntryAction>> = { PUT: 'replace', PATCH: 'change', DELETE: 'delete' };
const STATUS_OF = { accepted: 200, duplicate: 200, unchanged: 200 } as const;

type Route = {
  readonly path: EntryPath;
  readonly action: EntryAction | 'import';
  /** Members of the entry that the address gives. */
  readonly address: Readonly<Record<string, string>>;
};

/**
 * The routes that write items, scenarios and model configs, over plain `node:http`: an import is larger than
 * a question may be. Reading them is not theirs.
 */
export function createHttpEntries(options: HttpEntriesOptions): HttpIngress {
  const readers = createEntryReaders();
  const write = createEntryWriter(options);
  const maxBodyBytes = options.maxBodyBytes ?? 10 * MIB;

  async function respond(route: Route, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const sender = senderOf(req, options);
    const { path, action, address } = route;
    const bytes = await readBody(req, action === 'import' ? maxBodyBytes : Math.min(maxBodyBytes, MIB));
    const about = { address, sender };
    if (action === 'import') {
      const reads = inputsOf(bytes).map((input) => readers[path]('replace', input, about));
      const requests = reads.flatMap((read) => (read.ok ? [read.request] : []));
      answerImport(res, route.path, { reads, outcomes: await write(path, requests, sender) });
      return;
    }
    // What a deletion needs may stand in the address alone.
    const input: Input = bytes.length === 0 ? EMPTY : readInput(bytes, LIMITS);
    const read = readers[path](action, input, about);
    if (!read.ok) throw invalid(read.errors);
    const [outcome] = await write(path, [read.request], sender);
    if (!outcome) throw new Fault('INTERNAL');
    answerOne(res, outcome, action);
  }

  return {
    handle: (req, res) => {
      const route = routeOf(req);
      if (!route) return false;
      respond(route, req, res).catch((error: unknown) => {
        if (error instanceof Aborted || res.destroyed || res.headersSent) res.destroy();
        else {
          if (!req.complete) req.resume();
          options.fail(res, error);
        }
      });
      return true;
    },
    paths: entryPaths(),
    schemas: entrySchemas(),
  };

  function answerImport(
    res: ServerResponse,
    path: EntryPath,
    { reads, outcomes }: { readonly reads: readonly EntryRead[]; readonly outcomes: readonly EntryOutcome[] },
  ): void {
    let next = 0;
    let succeeded = 0;
    let failure: Fault | undefined;
    const results = reads.map((read, index) => {
      const outcome: EntryOutcome | undefined = read.ok
        ? outcomes[next++]
        : { outcome: 'rejected', errors: read.errors };
      const ids = read.ok ? idsOf(path, read.request.id) : {};
      if (outcome?.outcome === 'failed') failure ??= outcome.fault;
      if (outcome && outcome.outcome in STATUS_OF) succeeded++;
      return { index, ...ids, ...resultOf(outcome) };
    });
    if (failure && succeeded === 0 && results.length === outcomes.length) throw failure;
    const failed = results.length - succeeded;
    const body = { success: failure === undefined, total: results.length, succeeded, failed, results };
    answer(res, failure ? options.statusOf(failure) : 200, body);
  }
}

const EMPTY: Input = { value: {}, errors: [], warnings: [], sent: () => new Uint8Array(0) };

function routeOf(req: IncomingMessage): Route | undefined {
  const [pathname = '', query = ''] = (req.url ?? '').split('?', 2);
  const [, collection, last] = PATH.exec(pathname) ?? [];
  const path = ENTRY_PATHS.find((one) => one === collection);
  if (path === undefined) return undefined;
  const address = Object.fromEntries(new URLSearchParams(query));
  if (req.method !== 'POST') return routeOfOne(req.method, { path, last, address });
  if (last === undefined) return { path, action: 'create', address };
  return last === 'import' ? { path, action: 'import', address } : undefined;
}

/** The address of one entry gives the last member of its id. */
function routeOfOne(
  method: string | undefined,
  about: {
    readonly path: EntryPath;
    readonly last: string | undefined;
    readonly address: Route['address'];
  },
): Route | undefined {
  const { path, last, address } = about;
  const action = ACTIONS[method ?? ''];
  const name = ENTRY_FORMS[path].id.at(-1);
  const id = last === undefined ? undefined : decoded(last);
  if (action === undefined || id === undefined || name === undefined) return undefined;
  return { path, action, address: { ...address, [name]: id } };
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** A JSON array, or an object per line. */
function inputsOf(bytes: Buffer): readonly Input[] {
  if (/^(?:\ufeff)?\s*\[/.test(bytes.toString('utf8', 0, 64))) {
    const read = readInputs(bytes, LIMITS);
    if (!read.ok) throw invalid(read.input.errors);
    return read.inputs;
  }
  const inputs: Input[] = [];
  for (let start = 0; start < bytes.length;) {
    const feed = bytes.indexOf(10, start);
    const end = feed < 0 ? bytes.length : feed;
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.toString('latin1').trim() === '') continue;
    if (inputs.push(readInput(line, LIMITS)) > IMPORT_ENTRIES) break;
  }
  if (inputs.length > 0 && inputs.length <= IMPORT_ENTRIES) return inputs;
  const message = `must hold 1 to ${IMPORT_ENTRIES} entries, as a JSON array or one object per line`;
  throw invalid([{ field: '', code: 'batch_size', message }]);
}

function invalid(errors: readonly FieldError[]): Fault {
  const mismatch = errors.find(({ code }) => code === 'tenant_mismatch');
  if (mismatch) return new Fault('TENANT_MISMATCH', undefined, { details: { errors } });
  return new Fault('CATALOGUE_INVALID', `${sentenceOf(errors)}.`, { details: { errors } });
}

function answerOne(res: ServerResponse, outcome: EntryOutcome, action: EntryAction): void {
  switch (outcome.outcome) {
    case 'accepted':
    case 'duplicate':
    case 'unchanged': {
      const created = action === 'create' && outcome.outcome === 'accepted';
      answer(res, created ? 201 : 200, { success: true, ...resultOf(outcome) });
      return;
    }
    case 'rejected':
      throw invalid(outcome.errors);
    case 'conflict':
      throw new Fault('CATALOGUE_CONFLICT', outcome.why, { details: { version: outcome.version } });
    case 'unknown':
      throw new Fault('NOT_FOUND', 'There is no such entry.');
    case 'failed':
      throw outcome.fault;
  }
}

function resultOf(outcome: EntryOutcome | undefined): object {
  switch (outcome?.outcome) {
    case 'accepted':
    case 'duplicate':
    case 'unchanged': {
      const { version, eventId, receipt, entry } = outcome;
      // What is undefined is left out when it is written.
      return { outcome: outcome.outcome, version, event_id: eventId, receipt, entry, errors: [] };
    }
    case 'rejected':
      return { outcome: 'rejected', errors: outcome.errors };
    case 'conflict':
      return { outcome: 'conflict', version: outcome.version, errors: errorOf('conflict', outcome.why) };
    case 'unknown':
      return { outcome: 'rejected', errors: errorOf('required', 'does not exist') };
    case 'failed':
      return { outcome: 'rejected', errors: errorOf('not_stored', outcome.fault.message) };
    case undefined:
      return { outcome: 'rejected', errors: errorOf('not_stored', 'was not written') };
  }
}

function errorOf(code: FieldError['code'], message: string): readonly FieldError[] {
  return [{ field: '', code, message }];
}

function idsOf(path: EntryPath, id: readonly string[]): object {
  return Object.fromEntries(ENTRY_FORMS[path].id.map((name, index) => [name, id[index]]));
}

function answer(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  const requestId = res.req.headers['x-request-id'];
  if (typeof requestId === 'string' && /^[\w.:-]{1,128}$/.test(requestId)) {
    res.setHeader('X-Request-Id', requestId);
  }
  if (status === 503) res.setHeader('Retry-After', 1);
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
  });
  res.end(text);
}
