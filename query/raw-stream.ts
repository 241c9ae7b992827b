import type { HistoryReadEnd, OpenHistoryRead } from '#log';

/**
 * Gives what a source gives, and records in the audit how it ended and how many records it has counted: all of
 * it given, the reader gone, or failed. Must be read to be recorded as ended.
 */
export async function* recordingEnd(
  read: OpenHistoryRead,
  signal: AbortSignal,
  source: (count: (records: number) => void) => AsyncIterable<string>,
): AsyncIterable<string> {
  let records = 0;
  let how: HistoryReadEnd = 'broken_off';
  try {
    yield* source((more) => {
      records += more;
    });
    if (!signal.aborted) how = 'complete';
  } catch (error) {
    if (!signal.aborted) how = 'failed';
    throw error;
  } finally {
    await read.end(how, records);
  }
}
