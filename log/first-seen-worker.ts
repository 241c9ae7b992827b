import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { ClassicLevel } from 'classic-level';
import { announcedWrites } from './announced-writes.ts';
import { readFilterSnapshot, writeFilterSnapshot } from './filter-snapshot.ts';
import type {
  FilterState,
  IndexCheckpoint,
  IndexReply,
  IndexRequest,
  IndexWorkerOptions,
} from './first-seen-messages.ts';
import { IdFilter } from './id-filter.ts';
import { ENTRY_TAG, entryKey, packedEntries, parseEntryKey, parseSeen } from './tail-segment.ts';

// Keeps the first-seen index on disk, on a thread of its own: neither its writes nor its compactions nor the
// building of its batches stand in the way of an acknowledgement.

type Level = ClassicLevel<Buffer, Buffer>;

const CHECKPOINT_TAG = 0;
const IDS_PER_TURN = 256;
const IDENTITY_KEY = Buffer.from([2]);
const announced = announcedWrites('log');

const options = workerData as IndexWorkerOptions;
const levelDirectory = join(options.directory, 'level');
const snapshotPath = join(options.directory, 'filter');

await mkdir(options.directory, { recursive: true });
let level = await openLevel();
let checkpoints = await readCheckpoints();
if (!(await belongsToLogs())) {
  await level.close();
  await ClassicLevel.destroy(levelDirectory);
  await rm(snapshotPath, { force: true });
  level = await openLevel();
  await level.put(IDENTITY_KEY, Buffer.from(options.identity), { sync: true });
  checkpoints = new Map();
}
let idsSinceSnapshot = 0;
let writing: Promise<void> = Promise.resolve();

parentPort?.on('message', (request: IndexRequest) => {
  switch (request.type) {
    case 'write':
      writing = writing.then(() => write(request)).catch(fail);
      return;
    case 'fetch':
      fetch(request);
      return;
    case 'close':
      writing = writing.then(() => close(request.filter)).catch(fail);
  }
});
reply({ type: 'opened', checkpoints: listOf(checkpoints), ...(await restoreFilter()) });

async function openLevel(): Promise<Level> {
  // Ids and hashes do not compress; a large write buffer makes fewer and longer files to merge.
  const opened: Level = new ClassicLevel(levelDirectory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    compression: false,
    writeBufferSize: 64 * 1024 * 1024,
    maxFileSize: 16 * 1024 * 1024,
    cacheSize: 32 * 1024 * 1024,
  });
  try {
    await opened.open();
    return opened;
  } catch (error) {
    if (isLocked(error)) throw error;
    // A cache of the log that cannot be read is made again from the log.
    await opened.close();
    await ClassicLevel.destroy(levelDirectory);
    await opened.open();
    return opened;
  }
}

async function readCheckpoints(): Promise<Map<string, IndexCheckpoint>> {
  const found = new Map<string, IndexCheckpoint>();
  const end = Buffer.from([CHECKPOINT_TAG + 1]);
  for await (const [key, value] of level.iterator({ gte: Buffer.from([CHECKPOINT_TAG]), lt: end })) {
    const checkpoint = [key.readUInt32BE(1), key.readUInt16BE(5), value.readDoubleBE(0)] as const;
    found.set(nameOf(checkpoint), checkpoint);
  }
  return found;
}

async function belongsToLogs(): Promise<boolean> {
  const identity = await level.get(IDENTITY_KEY);
  if (identity?.toString() !== options.identity) return false;
  const heads = new Map(options.heads.map((head) => [nameOf(head), head[2]]));
  return [...checkpoints.values()].every((own) => own[2] <= (heads.get(nameOf(own)) ?? 0));
}

/** From the snapshot, where one belongs to this index and is not ahead of it; else from the keys. */
async function restoreFilter(): Promise<{ filter: FilterState; filterCheckpoints: IndexCheckpoint[] }> {
  const snapshot = await readFilterSnapshot(snapshotPath);
  const usable =
    snapshot?.identity === options.identity &&
    snapshot.checkpoints.every((own) => own[2] <= (checkpoints.get(nameOf(own))?.[2] ?? 0));
  if (usable) return { filter: snapshot.filter, filterCheckpoints: [...snapshot.checkpoints] };
  const filter = new IdFilter();
  const end = Buffer.from([ENTRY_TAG + 1]);
  for await (const key of level.keys({ gte: Buffer.from([ENTRY_TAG]), lt: end, fillCache: false })) {
    const { log, id } = parseEntryKey(key);
    filter.add(log, id);
  }
  idsSinceSnapshot = filter.ids;
  return { filter: { layers: filter.layers, ids: filter.ids }, filterCheckpoints: listOf(checkpoints) };
}

/**
 * One batch holds the entries and the checkpoint they lead to, and is synchronised: a later batch can then
 * not survive a power loss that an earlier one did not.
 */
async function write(request: Extract<IndexRequest, { type: 'write' }>): Promise<void> {
  const batch = level.batch();
  const moved = new Map<string, IndexCheckpoint>();
  let ids = 0;
  for (const { key, value } of packedEntries(Buffer.from(request.entries, 0, request.bytes))) {
    batch.put(key, value);
    const { partition, offset } = parseSeen(value);
    const log = key.readUInt32BE(1);
    moved.set(`${log}/${partition}`, [log, partition, offset + 1]);
    ids += 1;
    // Questions come in between: a commit may be waiting for their answer.
    if (ids % IDS_PER_TURN === 0) await setImmediate();
  }
  for (const checkpoint of moved.values()) batch.put(checkpointKey(checkpoint), doubleBytes(checkpoint[2]));
  await announced({ what: 'first_seen_index' }, () => batch.write({ sync: true }));
  for (const [name, checkpoint] of moved) checkpoints.set(name, checkpoint);
  reply({ type: 'written' });
  idsSinceSnapshot += ids;
  if (idsSinceSnapshot >= Math.max(options.snapshotEveryIds, request.filter.ids / 4))
    await snapshot(request.filter);
}

function fetch(request: Extract<IndexRequest, { type: 'fetch' }>): void {
  try {
    const values = request.ids.map(([log, id]) => level.getSync(entryKey(log, id)));
    reply({ type: 'fetched', request: request.request, values });
  } catch (error) {
    fail(error);
  }
}

async function snapshot(filter: FilterState): Promise<void> {
  idsSinceSnapshot = 0;
  const kept = { identity: options.identity, checkpoints: listOf(checkpoints), filter };
  await announced({ what: 'first_seen_filter' }, () => writeFilterSnapshot(snapshotPath, kept));
}

async function close(filter: FilterState): Promise<void> {
  if (idsSinceSnapshot > 0) await snapshot(filter);
  await level.close();
  reply({ type: 'closed' });
  parentPort?.close();
}

function reply(message: IndexReply): void {
  parentPort?.postMessage(message);
}

function fail(error: unknown): void {
  reply({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}

function nameOf([log, partition]: IndexCheckpoint): string {
  return `${log}/${partition}`;
}

function listOf(map: ReadonlyMap<string, IndexCheckpoint>): IndexCheckpoint[] {
  return [...map.values()];
}

function checkpointKey([log, partition]: IndexCheckpoint): Buffer {
  const key = Buffer.alloc(7);
  key[0] = CHECKPOINT_TAG;
  key.writeUInt32BE(log, 1);
  key.writeUInt16BE(partition, 5);
  return key;
}

function doubleBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

function isLocked(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_LOCKED') return true;
  }
  return false;
}
