import { parentPort, workerData } from 'node:worker_threads';
import { Fault } from '#domain';
import type { LogName } from './event-log.ts';
import { readAll } from './event-log.contract.ts';
import { openLmdbLogReader } from './lmdb-log-reader.ts';

// A thread that reads what it is asked for and answers the ids, in their order; `close` ends it.

const { dataDir } = workerData as { readonly dataDir: string };
const reader = openLmdbLogReader({ dataDir, onCommit: () => ({ [Symbol.dispose]: () => undefined }) });

parentPort?.on('message', (asked: LogName | 'close' | 'read_on') => {
  void answer(asked).then((said) => {
    parentPort?.postMessage(said);
    if (asked === 'close') parentPort?.close();
  });
});
parentPort?.postMessage('opened');

async function answer(asked: LogName | 'close' | 'read_on'): Promise<unknown> {
  if (asked === 'close') {
    await reader[Symbol.asyncDispose]();
    return 'closed';
  }
  if (asked === 'read_on') {
    // So fast that the thread is in the middle of it, whenever it is ended.
    setImmediate(function again() {
      void readAll(reader, { tenant: 'acme', channel: 'events' } as LogName).then(() => setImmediate(again));
    });
    return 'reading';
  }
  try {
    return (await readAll(reader, asked)).map(({ headers }) => headers.eventId);
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}
