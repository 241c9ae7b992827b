import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { openLmdbLogReader } from './lmdb-log-reader.ts';
import { recordTimesContract } from './record-times.contract.ts';

async function openLog(t: TestContext) {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-times-'));
  const opened = new AsyncDisposableStack();
  t.after(async () => {
    await opened.disposeAsync();
    await rm(dataDir, { recursive: true });
  });
  return { opened, dataDir, log: opened.use(await openLmdbEventLog({ dataDir })) };
}

recordTimesContract('the embedded log', async (t) => {
  const { log } = await openLog(t);
  return { log, times: log };
});

recordTimesContract('the reader of the embedded log', async (t) => {
  const { opened, dataDir, log } = await openLog(t);
  const onCommit = log.onCommit.bind(log);
  return { log, times: opened.use(openLmdbLogReader({ dataDir, onCommit })) };
});
