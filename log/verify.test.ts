import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'lmdb';
import { Fault, parseTenantId } from '#domain';
import type { TenantId } from '#domain';
import { temporaryDir } from '../test/platform.ts';
import type { NewRecord } from './event-log.ts';
import { openLmdbEventLog } from './lmdb-event-log.ts';
import { verification, verifyLog } from './verify.ts';
import type { LogVerdict } from './verify.ts';

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const acme: TenantId = parsed.tenant;
const events = { tenant: acme, channel: 'events' } as const;
const deadLetters = { tenant: acme, channel: 'dead_letters' } as const;

/** Where parts of a block stand, as `block.ts` says. */
const AT = { digest: 3, previous: 40, count: 68, firstOffset: 72, body: 88 };

function eventOf(n: number, filler: string): NewRecord {
  const atMs = 1_700_000_000_000 + n;
  const schema = 'envelope.generic';
  const value = {
    event_id: `evt_${n}`,
    tenant_id: 'acme',
    kind: 'generic',
    user_id: 'u1',
    timestamp: atMs,
    server_time: atMs,
    properties: { filler },
    schema,
    schema_version: 1,
  };
  return {
    key: Buffer.from('u1'),
    headers: {
      eventId: `evt_${n}`,
      contentHash: new Uint8Array(16).fill(n),
      source: 'http',
      schema,
      schemaVersion: 1,
      receivedAtMs: atMs,
      timestampMs: atMs,
      valid: true,
    },
    value: Buffer.from(JSON.stringify(value)),
  };
}

function letterOf(n: number): NewRecord {
  const sent = Buffer.from(`{"broken":${n}, "text":"the bytes as sent"`);
  const { headers } = eventOf(n, '');
  return {
    key: Buffer.alloc(0),
    headers: {
      ...headers,
      schema: '',
      contentHash: createHash('sha256').update(sent).digest().subarray(0, 16),
      valid: false,
    },
    value: Buffer.from(JSON.stringify({ tenant_id: 'acme', reason: 'not_json' })),
    sent,
  };
}

/** Five blocks of two small records, kept as they are, then one of 400 that is compressed. */
async function fill(dataDir: string): Promise<void> {
  await using log = await openLmdbEventLog({ dataDir });
  await log.create(acme, { partitions: 1 });
  for (let n = 0; n < 10; n += 2) {
    await log.append(events, [eventOf(n, 'small'), eventOf(n + 1, 'small')]);
    await log.append(deadLetters, [letterOf(n), letterOf(n + 1)]);
  }
  const many = Array.from({ length: 400 }, (_, i) =>
    eventOf(10 + i, createHash('sha512').update(`${i}`).digest('base64').repeat(8)),
  );
  await log.append(events, many);
}

type Block = { readonly key: Buffer; bytes: Buffer };
type Rows = { blocks: Block[]; heads: Block[] };

/** Changes what is stored behind the log's back; what is no longer among the rows is removed. */
async function tamper(dataDir: string, change: (rows: Rows) => void): Promise<void> {
  const env = open(join(dataDir, 'log'), { noSubdir: false, overlappingSync: false, maxDbs: 8 });
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const stores = {
    blocks: env.openDB<Buffer, Buffer>({ name: 'blocks', ...binary }),
    heads: env.openDB<Buffer, Buffer>({ name: 'heads', ...binary }),
  };
  const rowsOf = (store: typeof stores.blocks): Block[] =>
    // The rows of the events; those of the dead letters have another number in front.
    [...store.getRange({})]
      .filter(({ key }) => key.readUInt32BE(0) === 0)
      .map(({ key, value }) => ({ key: Buffer.from(key), bytes: Buffer.from(value) }));
  const rows = { blocks: rowsOf(stores.blocks), heads: rowsOf(stores.heads) };
  const before = { blocks: [...rows.blocks], heads: [...rows.heads] };
  change(rows);
  for (const name of ['blocks', 'heads'] as const) {
    for (const { key } of before[name]) {
      if (!rows[name].some((row) => row.key.equals(key))) await stores[name].remove(key);
    }
    for (const { key, bytes } of rows[name]) await stores[name].put(key, bytes);
  }
  await env.close();
}

const flip = (block: Block | undefined, at: number, bit = 1): void => {
  assert.ok(block);
  block.bytes[at]! ^= bit;
};
/** The place of a text in a block that is kept as it is. */
const placeOf = (block: Block | undefined, text: string, after = 0): number => {
  const at = block?.bytes.indexOf(text, after) ?? -1;
  assert.ok(at > 0, `${text} stands there as it is`);
  return at;
};

type Expected = Omit<Extract<LogVerdict, { ok: false }>, 'ok' | 'message' | 'partition'>;
const named = (
  reason: Expected['reason'],
  firstOffset: bigint,
  names: Expected['names'] = 'block',
  offset = firstOffset,
): Expected => ({ reason, firstOffset, offset, names });

/** What is done to the log, and what must be found. */
const DAMAGES: Readonly<Record<string, readonly [(rows: Rows) => void, Expected]>> = {
  'a bit of a digest': [
    ({ blocks }) => {
      flip(blocks[2], AT.digest);
    },
    named('digest', 4n),
  ],
  'a bit of the last digest': [
    ({ blocks }) => {
      flip(blocks[5], AT.digest);
    },
    named('digest', 10n),
  ],
  'a bit of a previous digest': [
    ({ blocks }) => {
      flip(blocks[2], AT.previous);
    },
    named('digest', 4n),
  ],
  'a bit of the version': [
    ({ blocks }) => {
      flip(blocks[1], 64, 8);
    },
    named('digest', 2n),
  ],
  'a bit of the count': [
    ({ blocks }) => {
      flip(blocks[1], AT.count, 4);
    },
    named('digest', 2n),
  ],
  'a bit of the first offset': [
    ({ blocks }) => {
      flip(blocks[1], AT.firstOffset);
    },
    named('digest', 2n),
  ],
  'a bit of the length before compression': [
    ({ blocks }) => {
      flip(blocks[1], 80);
    },
    named('digest', 2n),
  ],
  'a bit of the second record’s user': [
    ({ blocks }) => {
      const second = placeOf(blocks[3], 'evt_7');
      flip(blocks[3], placeOf(blocks[3], '"u1"', second) + 1);
    },
    named('digest', 6n, 'record', 7n),
  ],
  'a bit of the second record’s length': [
    ({ blocks }) => {
      flip(blocks[3], AT.body + 4 + blocks[3]!.bytes.readUInt32LE(AT.body) + 1, 64);
    },
    named('digest', 6n, 'record', 7n),
  ],
  'a bit that makes the second value no JSON': [
    ({ blocks }) => {
      const second = placeOf(blocks[3], '"evt_7"');
      flip(blocks[3], placeOf(blocks[3], '{"filler"', second));
    },
    named('digest', 6n, 'record', 7n),
  ],
  'a bit that only the digest sees': [
    ({ blocks }) => {
      flip(blocks[3], placeOf(blocks[3], '"small"') + 2);
    },
    named('digest', 6n),
  ],
  'an end that is cut off': [
    ({ blocks }) => {
      blocks[4]!.bytes = blocks[4]!.bytes.subarray(0, -7);
    },
    named('digest', 8n, 'record', 9n),
  ],
  'a block of which ten bytes are left': [
    ({ blocks }) => {
      blocks[4]!.bytes = blocks[4]!.bytes.subarray(0, 10);
    },
    named('digest', 8n, 'record', 8n),
  ],
  'a block that is empty': [
    ({ blocks }) => {
      blocks[4]!.bytes = Buffer.alloc(0);
    },
    named('digest', 8n, 'record', 8n),
  ],
  'a block that was removed': [
    ({ blocks }) => {
      blocks.splice(2, 1);
    },
    named('missing', 4n),
  ],
  'the first block removed': [
    ({ blocks }) => {
      blocks.splice(0, 1);
    },
    named('missing', 0n),
  ],
  'the last block removed': [
    ({ blocks }) => {
      blocks.pop();
    },
    named('truncated', 10n),
  ],
  'two blocks swapped': [
    ({ blocks }) => {
      [blocks[1]!.bytes, blocks[2]!.bytes] = [blocks[2]!.bytes, blocks[1]!.bytes];
    },
    named('misplaced', 2n),
  ],
  'the mark of the end set back': [
    ({ heads }) => {
      heads[0]!.bytes.writeBigUInt64BE(8n, 0);
    },
    named('truncated', 8n),
  ],
  'the mark of the end removed': [
    ({ heads }) => {
      heads.pop();
    },
    named('truncated', 0n),
  ],
  'a bit of the last digest in the mark': [
    ({ heads }) => {
      flip(heads[0], 20);
    },
    named('chain', 410n),
  ],
};

for (const [what, [change, expected]] of Object.entries(DAMAGES)) {
  test(`verifying finds ${what}`, async () => {
    await using dir = await temporaryDir();
    await fill(dir.path);
    await tamper(dir.path, change);
    await using log = await openLmdbEventLog({ dataDir: dir.path });
    const verdict = await verifyLog(log, events);
    assert.ok(!verdict.ok);
    const { ok: _ok, message: _message, partition, ...found } = verdict;
    assert.deepEqual(found, expected, verdict.message);
    assert.equal(partition, 0);
    assert.ok((await verifyLog(log, deadLetters)).ok);
  });
}

test('a bit turned anywhere in a compressed block is found, and no record before its place is blamed', async () => {
  await using dir = await temporaryDir();
  await fill(dir.path);
  for (const share of [0.2, 0.5, 0.9]) {
    await using copy = await temporaryDir();
    await fill(copy.path);
    await tamper(copy.path, ({ blocks }) => {
      const { bytes } = blocks[5]!;
      flip(blocks[5], AT.body + Math.floor((bytes.length - AT.body) * share), 16);
    });
    await using log = await openLmdbEventLog({ dataDir: copy.path });
    const verdict = await verifyLog(log, events);
    assert.ok(!verdict.ok);
    assert.deepEqual([verdict.reason, verdict.firstOffset], ['digest', 10n]);
    assert.ok(verdict.offset >= 10n && verdict.offset < 410n, verdict.message);
  }
});

test('of a dead letter the bytes as sent are compared with their hash', async () => {
  await using dir = await temporaryDir();
  await fill(dir.path);
  const env = open(join(dir.path, 'log'), { noSubdir: false, overlappingSync: false, maxDbs: 8 });
  const blocks = env.openDB<Buffer, Buffer>({ name: 'blocks', encoding: 'binary', keyEncoding: 'binary' });
  const [, row] = [...blocks.getRange({})]
    .filter(({ key }) => key.readUInt32BE(0) === 1)
    .map(({ key, value }) => ({ key: Buffer.from(key), bytes: Buffer.from(value) }));
  flip(row, placeOf(row, 'as sent', placeOf(row, '"broken":3')));
  await blocks.put(row!.key, row!.bytes);
  await env.close();
  await using log = await openLmdbEventLog({ dataDir: dir.path });
  const verdict = await verifyLog(log, deadLetters);
  assert.ok(!verdict.ok);
  assert.deepEqual([verdict.offset, verdict.names], [3n, 'record'], verdict.message);
});

test('a log whose mark of the end lies beyond its blocks is not opened, and the offset is named', async () => {
  await using dir = await temporaryDir();
  await fill(dir.path);
  await tamper(dir.path, ({ heads }) => {
    heads[0]!.bytes.writeBigUInt64BE(500n, 0);
  });
  await assert.rejects(openLmdbEventLog({ dataDir: dir.path }), (error) => {
    return error instanceof Fault && error.code === 'LOG_CORRUPT' && error.message.includes('410');
  });
});

test('verifying leaves a turn to everybody else between two blocks, and covers what stood there when it began', async () => {
  await using dir = await temporaryDir();
  await using log = await openLmdbEventLog({ dataDir: dir.path });
  await log.create(acme, { partitions: 1 });
  const blocks = 200;
  for (let n = 0; n < blocks; n++) await log.append(events, [eventOf(n, 'before')]);
  let turns = 0;
  let verifying = true;
  const turn = (): void => {
    turns += 1;
    if (verifying) setImmediate(turn);
  };
  setImmediate(turn);
  const beside = [0, 1, 2].map((n) => log.append(events, [eventOf(1_000 + n, 'beside')]));
  const steps = [];
  for await (const step of verification(log, events)) steps.push(step);
  verifying = false;
  assert.ok(turns >= blocks, `${turns} turns`);
  const verdict = steps.at(-1)?.verdict;
  assert.ok(verdict?.ok);
  assert.ok(verdict.records >= BigInt(blocks));
  const told = steps.flatMap(({ progress }) => (progress ? [Number(progress.offset)] : []));
  assert.ok(told.length >= 4, `${told.length} words of progress`);
  assert.deepEqual(
    told,
    told.toSorted((a, b) => a - b),
  );
  const outcomes = (await Promise.all(beside)).flat();
  assert.ok(outcomes.every(({ outcome }) => outcome === 'accepted'));
  assert.ok((await verifyLog(log, events)).ok);
});
