import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from 'lmdb';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { command, untilActivated } from './rebuilding.ts';

const AT_FIRST = 8_000;
const APPENDS = 400;
const AT_ONCE = 4;
const PAGE_BYTES = 4_096;
/** What the pages that are freed and used again may come to beside what is appended. */
const BOUND_BYTES = 2 * 1024 * 1024;

/** What a stretch of load has added to the log, and how much its file has grown by it. */
type Growth = { readonly sentBytes: number; readonly appends: number; readonly grownBytes: number };

/** Each append is a block of its own, of at most a page more than was sent. */
const allowed = ({ sentBytes, appends }: Growth): number => sentBytes + appends * PAGE_BYTES + BOUND_BYTES;

test('rebuilds that read the whole log while it is appended to do not let its file grow beyond what is appended', async (t) => {
  await using dir = await temporaryDir();
  await using platform = await startPlatform({ dataDir: dir.path, env: { DAYBOOK_LOG_LEVEL: 'error' } });
  const next = { id: 0 };
  while (next.id < AT_FIRST) {
    const events = Array.from({ length: 100 }, () => eventOf(next.id++));
    const reply = await platform.post('/api/v1/behaviors/track/batch', { events });
    assert.equal(reply.status, 200, reply.text);
  }
  const growth = await growthUnderRebuild(platform, next);
  tell(t, 'while read models are rebuilt', growth);
  assert.ok(growth.grownBytes <= allowed(growth));

  // What a reader that does not let go of what it sees would do, so that the bound is known to tell the two apart.
  const reader = open({ path: join(dir.path, 'log'), noSubdir: false, maxDbs: 8, readOnly: true });
  const held = reader.useReadTransaction();
  const under = await growthUnderRebuild(platform, next);
  held.done();
  await reader.close();
  tell(t, 'with a reader that holds on', under);
  assert.ok(under.grownBytes > allowed(under));
});

function tell(t: TestContext, when: string, growth: Growth): void {
  const { sentBytes, appends, grownBytes } = growth;
  t.diagnostic(
    `${when}: ${appends} appends of ${sentBytes} bytes, grown by ${grownBytes}, allowed ${allowed(growth)}`,
  );
}

const eventOf = (id: number): object => ({
  tenant_id: 'acme',
  event_id: `evt_${id}`,
  scenario_id: 'feed',
  user_id: `user_${id % 97}`,
  item_id: `item_${id % 53}`,
  action_type: 'click',
  context: { device_type: 'pc' },
  timestamp: Date.now() - (id % 3_000) * 60_000,
});

/** Appends one event at a time while facts and live views are rebuilt again and again. */
async function growthUnderRebuild(platform: Platform, next: { id: number }): Promise<Growth> {
  const file = join(platform.dataDir, 'log', 'data.mdb');
  const before = statSync(file).size;
  const until = next.id + APPENDS;
  let sentBytes = 0;
  const sending = Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next.id < until) {
        const body = JSON.stringify(eventOf(next.id++));
        sentBytes += body.length;
        const reply = await platform.post('/api/v1/behaviors/track', body);
        assert.equal(reply.status, 200, reply.text);
      }
    }),
  );
  let rebuilds = 0;
  do {
    for (const projection of ['facts', 'live_views'] as const)
      await command(platform, projection, ['rebuild', { activate: true }]);
    const standing = await untilActivated(platform);
    for (const projection of ['facts', 'live_views'] as const) {
      for (const generation of standing[projection].previous)
        await command(platform, projection, ['drop', { generation }]);
    }
    rebuilds++;
  } while (next.id < until);
  await sending;
  assert.ok(rebuilds > 0);
  return { sentBytes, appends: APPENDS, grownBytes: statSync(file).size - before };
}
