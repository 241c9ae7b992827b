import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTenantId } from '#domain';
import type { Event } from '#domain';
import { openLmdbEventLog } from '../../log/lmdb-event-log.ts';
import type { Input } from '../invariants/history.ts';
import { withKeptUnanswered } from '../invariants/killing.ts';
import { settle } from '../invariants/ledger.ts';
import { runDaybook, startPlatform, temporaryDir } from '../platform.ts';
import { arm, failureEnv } from './arm.ts';
import type { FailPointName } from './fail-points.ts';
import { BODY_AT, damageLog } from './damage.ts';
import { namesOf } from './fail-points.ts';
import type { TestClock } from './test-clock.ts';
import { assertTruth } from './truth.ts';
import { Trial, preload } from './trial.ts';

const SILENT = { DAYBOOK_LOG_LEVEL: 'silent' };
const DAY_MS = 86_400_000;
const clockEnv = (clock: TestClock): Record<string, string> => ({
  NODE_OPTIONS: preload('test-clock.ts'),
  TEST_CLOCK: JSON.stringify(clock),
});

test('a second process on the same data is turned away with a clear message, and the first goes on', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 400 });
  await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  trial.add(200);
  const sending = trial.sender.send(platform);
  const second = await runDaybook(['start'], { DAYBOOK_DATA_DIR: dir.path, DAYBOOK_HTTP_PORT: '0' });
  assert.equal(second.exit, 1);
  assert.match(
    second.output,
    new RegExp(`DATA_DIR_LOCKED: .*${dir.path}.* process ${platform.process.pid ?? 0}`),
  );
  await sending;
  trial.add(100);
  await trial.sender.send(platform);
  await assertTruth(platform, trial.told());
});

test('a thread that fails at a write is started again and folds each record once', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 1_200 });
  const points: readonly (readonly [FailPointName, 'throw' | 'hold'])[] = [
    ['before the views', 'throw'],
    ['after the views', 'throw'],
    ['before the profiles', 'throw'],
    ['after the profiles', 'throw'],
    ['after the log append, before the answer', 'hold'],
    ['after the facts, before the checkpoint', 'hold'],
  ];
  for (const [at, by] of points) {
    await t.test(`${by}: ${at}`, async () => {
      const file = join(dir.path, at);
      await using platform = await startPlatform({
        dataDir: dir.path,
        env: { ...SILENT, ...failureEnv(file) },
      });
      arm(file, { at, by, holdMs: 300 });
      trial.add(100);
      await trial.sender.send(platform);
      await assertTruth(platform, trial.told());
      assert.ok(existsSync(`${file}.reached`), `${at} was not reached`);
    });
  }
});

test('an event that passes every check and that the facts cannot take becomes a dead letter, the rest is kept', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 1_000 });
  {
    await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
    trial.add(200);
    await trial.sender.send(platform);
    assert.equal(await platform.stop(), 0);
  }
  const poison = await appendPoison(dir.path);
  const platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  await using _ = platform;
  trial.add(200);
  await trial.sender.send(platform);
  await assertTruth(platform, {
    inputs: [...trial.inputs, poison.input],
    answers: new Map([...trial.sender.answers, [poison.input.index, poison.answer]]),
    unreadable: { tenant: poison.input.tenant, eventId: poison.input.eventId },
  });
});

/** A record such as a later version might write: a sound event with a member that the facts do not know. */
async function appendPoison(dataDir: string) {
  const event: Event = {
    event_id: 'poison',
    tenant_id: 'acme',
    kind: 'generic',
    event_name: 'pageview',
    user_id: 'user-0',
    timestamp: Date.now() - DAY_MS,
    server_time: Date.now(),
    valid_status: 1,
    schema: 'envelope.generic',
    schema_version: 1,
  };
  const parsed = parseTenantId('acme');
  assert.ok(parsed.ok);
  await using log = await openLmdbEventLog({ dataDir });
  const [kept] = await log.append({ tenant: parsed.tenant, channel: 'events' }, [
    {
      key: Buffer.from('user-0'),
      headers: {
        eventId: event.event_id,
        contentHash: Buffer.alloc(16, 1),
        source: 'http',
        schema: event.schema,
        schemaVersion: 1,
        receivedAtMs: event.server_time,
        timestampMs: event.timestamp,
        valid: true,
      },
      value: Buffer.from(JSON.stringify({ ...event, unheard_of: { deep: [1] } })),
    },
  ]);
  assert.equal(kept?.outcome, 'accepted');
  const input: Input = {
    index: -1,
    tenant: 'acme',
    eventId: event.event_id,
    text: JSON.stringify(event),
    event,
    variant: 0,
  };
  return { input, answer: { outcome: 'accepted', ...kept.position } as const };
}

test('a clock that steps back by days changes nothing', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 4_000 });
  const stepAfterMs = 2_500;
  for (const clock of [
    { aheadMs: 3 * DAY_MS, stepAfterMs, stepMs: -3 * DAY_MS },
    { aheadMs: -3 * 3_600_000 },
  ]) {
    const startedAt = performance.now();
    await using platform = await startPlatform({ dataDir: dir.path, env: { ...SILENT, ...clockEnv(clock) } });
    // Until some have certainly come after the step.
    for (let portions = 0; portions < 2 || performance.now() < startedAt + 2 * stepAfterMs; portions++) {
      trial.add(50);
      await trial.sender.send(platform);
      await platform.get('/api/analytics/dashboard?tenant_id=acme&wait_for=latest&timeout=30s');
    }
    await assertTruth(platform, trial.told());
  }
});

test('damage that the start itself must read past ends the start with the place named', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 600 });
  {
    await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
    trial.add(300);
    await trial.sender.send(platform);
    await assertTruth(platform, trial.told());
  }
  const { block, undo } = await damageLog(dir.path, 'acme', (blocks) => {
    const last = blocks.at(-1)!;
    const bytes = Buffer.from(last.bytes);
    bytes[BODY_AT]! ^= 1;
    return { block: last, bytes };
  });
  // The ids of all records are then read anew.
  rmSync(join(dir.path, 'first-seen'), { recursive: true });
  const { exit, output } = await runDaybook(['start'], {
    DAYBOOK_DATA_DIR: dir.path,
    DAYBOOK_HTTP_PORT: '0',
  });
  assert.equal(exit, 1, output);
  assert.match(
    output,
    new RegExp(`LOG_CORRUPT: .*partition ${block.partition}.*offset ${block.firstOffset}`),
  );
  await undo();
  await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
  await assertTruth(platform, trial.told());
});

test('facts let go while the platform is killed, and events that come too late for them', async (t) => {
  await using dir = await temporaryDir();
  const trial = new Trial(t, { events: 900 });
  {
    // Kept for ever at first: where there is no event yet there is nothing that would have to be sealed before.
    await using platform = await startPlatform({ dataDir: dir.path, env: SILENT });
    trial.add(150);
    await trial.sender.send(platform);
    await assertTruth(platform, trial.told());
  }
  const inTime = acceptedOf(trial);
  const env = { ...SILENT, DAYBOOK_FACTS_RETENTION_DAYS: '90', DAYBOOK_INGRESS_MAX_AGE_DAYS: '0' };
  for (const at of namesOf('expiry')) {
    await t.test(at, async () => {
      const file = join(dir.path, at);
      arm(file, { at, by: 'kill' });
      await using platform = await startPlatform({
        dataDir: dir.path,
        env: { ...env, ...failureEnv(file, { hurry: 60 }) },
        waitUntilReady: false,
      });
      // Every day must be sealed before any facts may go.
      assert.equal(await platform.gone, 'SIGKILL', platform.written());
      assert.ok(existsSync(`${file}.reached`));
    });
  }
  const platform = await startPlatform({ dataDir: dir.path, env });
  await using _ = platform;
  trial.add(300);
  await trial.sender.send(platform);
  const factsFromMs = Date.parse(await horizonOf(platform.url));
  assert.ok(factsFromMs <= Date.now() - 90 * DAY_MS && factsFromMs > Date.now() - 122 * DAY_MS);
  const tooLate = [...acceptedOf(trial)].filter(
    ([key, event]) => !inTime.has(key) && event.timestamp < factsFromMs,
  );
  assert.ok(tooLate.length > 20, `${tooLate.length} events came too late`);
  await assertTruth(platform, {
    ...trial.told(),
    factsFromMs,
    tooLate: new Set(tooLate.map(([key]) => key)),
  });
});

/** `tenant event id` of what stands in the log by the answers so far. */
function acceptedOf({ inputs, sender }: Trial): ReadonlyMap<string, Event> {
  const { accepted } = settle(inputs, withKeptUnanswered(inputs, sender.answers));
  return new Map(
    [...accepted].flatMap(([tenant, kept]) =>
      kept.map(({ event }) => [`${tenant} ${event.event_id}`, event] as const),
    ),
  );
}

async function horizonOf(url: string): Promise<string> {
  const reply = await fetch(`${url}/api/analytics/dashboard?tenant_id=acme&wait_for=latest&timeout=30s`);
  const { meta } = (await reply.json()) as { meta: { horizon: string } };
  return meta.horizon;
}
