import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliDecompress, createGunzip, gunzip, inflate } from 'node:zlib';
import { Fault } from '#domain';

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
} as const;

/** What a body of JSON may be said to be: a string given to `sendBeacon` is text, one given to curl a form. */
const MEDIA_TYPES = new Set([
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/x-ndjson',
  'application/csp-report',
]);
const MEDIA_TYPE = /^\s*([^\s;]+)\s*(?:;\s*charset\s*=\s*"?([\w-]+)"?)?/i;

/** Whether a request went away before it was whole; there is nobody left to answer. */
export class Aborted extends Error {}

/**
 * Reads a body, decompressed. Never holds more than the limit, whatever is sent.
 *
 * Throws `INGRESS_MEDIA_TYPE_UNSUPPORTED`, `INGRESS_BODY_TOO_LARGE`, `INGRESS_BODY_INVALID` for a compressed
 * body that cannot be decompressed, and {@link Aborted}.
 */
export async function readBody(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const type = req.headers['content-type'];
  if (type !== undefined && type !== 'application/json') checkType(type);
  const encoding = req.headers['content-encoding']?.trim().toLowerCase();
  const bytes = await readRaw(req, limitBytes);
  if (encoding === undefined || encoding === '' || encoding === 'identity') return bytes;
  return decode(bytes, encoding, limitBytes);
}

/**
 * A body as it comes, decompressed, for those who need not hold it whole. Ending the iteration early leaves
 * the request open, so that it can be answered.
 *
 * Throws and is broken off as {@link readBody}, except that it has no limit.
 */
export function streamBody(req: IncomingMessage): AsyncIterable<Buffer> {
  const type = req.headers['content-type'];
  if (type !== undefined) checkType(type);
  const encoding = req.headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return unlessAborted(req, req);
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new Fault('INGRESS_MEDIA_TYPE_UNSUPPORTED', undefined, { details: { content_encoding: encoding } });
  }
  const unpacked = createGunzip();
  req.pipe(unpacked);
  req.once('close', () => {
    if (!req.complete) unpacked.destroy(new Aborted());
  });
  return unlessAborted(req, unpacked);
}

async function* unlessAborted(req: IncomingMessage, stream: Readable): AsyncGenerator<Buffer> {
  try {
    yield* stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  } catch (cause) {
    if (!req.complete && (stream === req || cause instanceof Aborted)) throw new Aborted();
    throw new Fault('INGRESS_BODY_INVALID', 'The body is not what gzip makes.', { cause });
  }
}

function checkType(type: string): void {
  const [, media = '', charset = 'utf-8'] = MEDIA_TYPE.exec(type.toLowerCase()) ?? [];
  const json = MEDIA_TYPES.has(media) || media.endsWith('+json');
  if (!json || !/^(utf-?8|us-ascii)$/.test(charset)) {
    throw new Fault('INGRESS_MEDIA_TYPE_UNSUPPORTED', undefined, { details: { content_type: type } });
  }
}

function readRaw(req: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > limitBytes) return Promise.reject(tooLarge(limitBytes));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) {
        req.removeAllListeners('data');
        rest = first = undefined;
        reject(tooLarge(limitBytes));
      } else if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    req.on('end', () => {
      resolve(rest ? Buffer.concat(rest, length) : (first ?? Buffer.alloc(0)));
    });
    req.on('error', () => {
      reject(new Aborted());
    });
    req.on('close', () => {
      if (!req.complete) reject(new Aborted());
    });
  });
}

async function decode(bytes: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  if (!isDecoder(encoding)) {
    throw new Fault('INGRESS_MEDIA_TYPE_UNSUPPORTED', undefined, { details: { content_encoding: encoding } });
  }
  try {
    return await DECODERS[encoding](bytes, { maxOutputLength: limitBytes });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(limitBytes);
    }
    throw new Fault('INGRESS_BODY_INVALID', `The body is not what ${encoding} makes.`, { cause });
  }
}

function isDecoder(encoding: string): encoding is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, encoding);
}

function tooLarge(limitBytes: number): Fault {
  return new Fault('INGRESS_BODY_TOO_LARGE', `The body is larger than ${limitBytes} bytes.`, {
    details: { limit_bytes: limitBytes },
  });
}
