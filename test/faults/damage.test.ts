import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { BODY_AT, damageCheckpoint, damageLog } from './damage.ts';
import type { StoredBlock, StoredCheckpoint } from './damage.ts';
import { assertTruth, assertTruthOnline } from './truth.ts';
import type { Told } from './truth.ts';
import { Trial } from './trial.ts';

const SILENT = { DAYBOOK_LOG_LEVEL: 'silent' };
const READ_MODELS = ['facts', 'checkpoints', 'seals', 'views', 'documents'] as const;
const ROUTES = {
  facts: 'dashboard',
  'live views': 'realtime/stats',
  documents: 'users/nobody/profile',
} as const;

/** Sends some portions, so that every partition has several blocks, and stops in order. */
async function fill(dataDir: string, trial: Trial): Promise<void> {
  await using platform = await startPlatform({ dataDir, env: SILENT });
  for (let portion = 0; portion < 3; portion++) {
    trial.add(200);
    await trial.sender.send(platform);
  }
  await assertTruth(platform, trial.told());
}

async function wipe(dataDir: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(dataDir, name), { recursive: true });
}

/** What of the trial one tenant has to do with. */
function only(tenant: string, { inputs, answers }: Told): Told {
  return { inputs: inputs.filter((input) => input.tenant === tenant), answers };
}

/** Why a read model of acme stands still, once it has said that it does not come to the end of the log. */
async function pauseOf(platform: Platform, readModel: keyof typeof ROUTES): Promise<string> {
  const path = `/api/analytics/${ROUTES[readModel]}?tenant_id=acme`;
  const waited = await platform.get(`${path}&wait_for=latest&timeout=30s`);
  assert.notEqual(waited.status, 200, waited.text);
  const { meta } = (await platform.get(path)).body as { meta: { notice?: string } };
  return meta.notice ?? '';
}

/** The second block of a partition that has two. */
function secondOf(blocks: readonly StoredBlock[]): StoredBlock {
  return blocks.find(({ firstOffset }) => firstOffset > 0n)!;
}

const flipped = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1;
  return changed;
};

const LOG_DAMAGES: Readonly<Record<string, Parameters<typeof damageLog>[2]>> = {
  'a flipped bit in a record': (blocks) => {
    const block = secondOf(blocks);
    return { block, bytes: flipped(block.bytes, BODY_AT + Math.floor((block.bytes.length - BODY_AT) / 2)) };
  },
  'a torn block': (blocks) => {
    const block = secondOf(blocks);
    return { block, bytes: block.bytes.subarray(0, Math.floor(block.bytes.length * 0.6)) };
  },
  'a block cut off within its header': (blocks) => {
    const block = secondOf(blocks);
    return { block, bytes: block.bytes.subarray(0, 40) };
  },
  'a lost first block': (blocks) => ({
    block: blocks.find(({ firstOffset }) => firstOffset === 0n)!,
    bytes: undefined,
  }),
};

test('a damaged log is not read past: who follows it says where it is, and others go on', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 1_000 });
  await fill(dir.path, trial);
  for (const [name, damage] of Object.entries(LOG_DAMAGES)) {
    await t.test(name, async () => {
      const { block, undo } = await damageLog(dir.path, 'acme', damage);
      await wipe(dir.path, READ_MODELS);
      await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
      for (const readModel of ['facts', 'live views', 'documents'] as const) {
        const { partition, firstOffset } = block;
        const expected = `The ${readModel} stand still at partition ${partition}, offset ${firstOffset}: LOG_CORRUPT`;
        const notice = await pauseOf(platform, readModel);
        assert.ok(notice.startsWith(expected), `${notice} instead of ${expected}`);
      }
      await assertTruthOnline(platform, only('globex', trial.told()));
      assert.equal(await platform.stop(), 0);
      await undo();
    });
  }
  await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  await assertTruth(platform, trial.told());
});

const CHECKPOINT_DAMAGES: Readonly<
  Record<string, readonly [(stored: StoredCheckpoint) => StoredCheckpoint, RegExp]>
> = {
  'of another log': [
    (stored) => ({ ...stored, log_identity: '018f0000-0000-7000-8000-000000000000' }),
    /^The facts stand still at partition 0, offset 0: LOG_IDENTITY_CHANGED/,
  ],
  'ahead of the log': [
    ({ vector, ...stored }) => ({ ...stored, vector: vector.map((next) => String(BigInt(next) + 7n)) }),
    /^The facts stand still at partition 0, offset \d+: LOG_GAP/,
  ],
};

test('a checkpoint that cannot be of this log stops its read model, no other one and no other tenant', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 1_000 });
  await fill(dir.path, trial);
  for (const [name, [change, reason]] of Object.entries(CHECKPOINT_DAMAGES)) {
    await t.test(name, async () => {
      const { undo } = await damageCheckpoint(dir.path, 'acme', change);
      await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
      assert.match(await pauseOf(platform, 'facts'), reason);
      for (const path of [ROUTES['live views'], ROUTES.documents]) {
        const reply = await platform.get(`/api/analytics/${path}?tenant_id=acme&wait_for=latest&timeout=30s`);
        assert.equal(reply.status, 200, reply.text);
      }
      await assertTruthOnline(platform, only('globex', trial.told()));
      assert.equal(await platform.stop(), 0);
      await undo();
    });
  }
  await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  await assertTruth(platform, trial.told());
});

test('read models wiped by hand are folded again from the log', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 2_000 });
  await fill(dir.path, trial);
  const some = [['views', 'documents', 'seals'], ['facts'], ['checkpoints', 'first-seen'], READ_MODELS];
  for (const names of some) {
    await t.test(names.join(', '), async () => {
      await wipe(dir.path, names);
      await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
      trial.add(60);
      await trial.sender.send(platform);
      await assertTruth(platform, trial.told());
    });
  }
});
