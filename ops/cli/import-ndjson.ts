import type { JsonObject } from '#domain';
import { portionsOf, readLines } from '#ingress';
import { readFileBytes } from './import-bytes.ts';
import type { SourceRow, SourceRows } from './import-source.ts';

const MIB = 1024 * 1024;
const PORTION = { portionBytes: MIB, portionLines: 5_000, lineBytes: 10 * MIB };
/** The limits of an event, as the platform has them: what exceeds them is sent to be refused. */
const LIMITS = { depth: 32, members: 2_000, eventBytes: MIB, batchEvents: Infinity };

/** Reads a file of one JSON object a line, `.gz` too. What is no object is left to the platform to refuse. */
export async function* readNdjson(path: string): AsyncGenerator<SourceRows> {
  const { stream, share } = await readFileBytes(path);
  for await (const portion of portionsOf(stream as AsyncIterable<Buffer>, PORTION)) {
    const rows = readLines(portion, LIMITS).map(({ line, input }): SourceRow => {
      // Rows wait for their answer: what they hold on to must be their bytes alone.
      const { value, errors, sent } = input;
      const readable = errors.length === 0 && isObject(value);
      return {
        at: line,
        text: () => Buffer.from(sent()).toString(),
        columns: readable ? value : undefined,
        line: () => Buffer.from(sent()),
      };
    });
    yield { rows, share: share() };
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
