import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLmdbEventLog } from '../../log/lmdb-event-log.ts';
import { parseTenantId } from '#domain';
import type { Event } from '#domain';
import { startPlatform, temporaryDir, untilReady } from '../platform.ts';
import type { Platform } from '../platform.ts';
import { createRandom, seedOfRun } from '../random.ts';
import type { Random } from '../random.ts';
import { readTable, waitUntilVisible } from './asking.ts';
import { BATCH_PATH } from './sending.ts';
import type { BatchReply } from './sending.ts';

const KILLS = 52;
const LIVES = 2; // platforms beside each other, so that one starts while the other is under load
const SENDERS = 4;
/** Most acknowledged batches in one life before it is ended, and the longest it may take. */
const MAX_BATCHES = 120;
const MAX_LIFE_MS = 4_000;
const TENANTS = ['acme', 'globex'] as const;
const FROM_MS = Date.UTC(2023, 0, 1);
const MONTHS_MS = 24 * 30 * 86_400_000;

type Sent = { readonly id: string; readonly tenant: string; readonly name: string; readonly atMs: number };
type Place = { readonly partition: number; readonly offset: string; readonly token: string };

/** What the sender knows: what it was told, and what it never heard of. */
class Sender {
  readonly #random: Random;
  readonly #label: string;
  readonly acknowledged = new Map<string, { readonly sent: Sent; readonly place: Place }>();
  readonly faults: string[] = [];
  unheard: Sent[] = [];
  duplicatesOfUnheard = 0;
  resent = 0;
  batches = 0;
  readonly #heard: Sent[] = [];
  #made = 0;

  constructor(random: Random, label: string) {
    this.#random = random;
    this.#label = label;
  }

  /** Sends until the platform goes away or there is nothing unheard left and no more is to be made. */
  async send(platform: Platform, options: { readonly more: () => boolean }): Promise<void> {
    while (options.more() || this.unheard.length > 0) {
      const batch = this.#batch(options.more());
      try {
        this.#hear(batch, await this.#post(platform, batch));
        await sleep(this.#random.below(12));
      } catch (error) {
        this.unheard.push(...batch.filter(({ id }) => !this.acknowledged.has(id)));
        if (error instanceof assert.AssertionError) this.faults.push(error.message);
        return;
      }
    }
  }

  async #post(platform: Platform, batch: readonly Sent[]): Promise<BatchReply> {
    const body = `{"events":[${batch.map((sent) => JSON.stringify(wireOf(sent))).join(',')}]}`;
    const reply = await platform.send(BATCH_PATH, { method: 'POST', body });
    if (reply.status === 503) throw new Error('not ready');
    assert.equal(reply.status, 200, reply.text.slice(0, 300));
    return reply.body as BatchReply;
  }

  /** What was never answered first, under the same ids; else new events, now and then old ones once more. */
  #batch(more: boolean): Sent[] {
    const size = this.#random.between(1, 60);
    const batch = this.unheard.splice(0, size);
    if (more) while (batch.length < size) batch.push(this.#create());
    if (this.#heard.length > 0 && this.#random.chance(0.2)) {
      const again = this.#random.pick(this.#heard.slice(-5_000));
      if (batch.length < 100 && !batch.some(({ id }) => id === again.id)) batch.push(again);
    }
    return batch;
  }

  #create(): Sent {
    const id = `${this.#label}-${(this.#made++).toString(36)}`;
    const name = this.#random.pick(['impression', 'click', 'order']);
    const atMs = FROM_MS + this.#random.below(MONTHS_MS);
    return { id, tenant: this.#random.pick(TENANTS), name, atMs };
  }

  #hear(batch: readonly Sent[], reply: BatchReply): void {
    this.batches++;
    assert.equal(reply.results.length, batch.length);
    for (const result of reply.results) {
      const sent = batch[result.index]!;
      const known = this.acknowledged.get(sent.id);
      const place = result.receipt;
      if (known) {
        this.resent++;
        if (
          result.outcome !== 'duplicate' ||
          place?.partition !== known.place.partition ||
          place.offset !== known.place.offset
        ) {
          this.faults.push(
            `${sent.id} stood at ${JSON.stringify(known.place)}, resent: ${JSON.stringify(result)}`,
          );
        }
      } else if ((result.outcome === 'accepted' || result.outcome === 'duplicate') && place) {
        if (result.outcome === 'duplicate') this.duplicatesOfUnheard++;
        this.acknowledged.set(sent.id, { sent, place });
        this.#heard.push(sent);
      } else {
        this.faults.push(`${sent.id}: ${JSON.stringify(result)}`);
      }
    }
  }
}

function wireOf({ id, tenant, name, atMs }: Sent): object {
  return {
    event_id: id,
    tenant_id: tenant,
    scenario_id: 'feed',
    user_id: `user-${atMs % 500}`,
    item_id: `item-${atMs % 50}`,
    action_type: name,
    timestamp: atMs,
    context: { device_type: 'mobile' },
  };
}

test('kill -9 at random instants loses no acknowledged event and counts none twice', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`seed ${seed} (repeat with DAYBOOK_TEST_SEED=${seed})`);
  await Promise.all(
    Array.from({ length: LIVES }, async (_, life) => {
      await using dir = await temporaryDir();
      const random = createRandom(seed + life);
      const senders = Array.from({ length: SENDERS }, (_unused, n) => new Sender(random, `s${n}`));
      const startsMs: number[] = [];
      for (let kill = 0; kill < KILLS / LIVES; kill++) await killOnce(dir.path, senders, random, startsMs);
      const kept = await finish(dir.path, senders);
      startsMs.sort((a, b) => a - b);
      const median = startsMs[Math.floor(startsMs.length / 2)] ?? 0;
      t.diagnostic(
        `life ${life}: ${kept} events, ${sumOf(senders, 'duplicatesOfUnheard')} of them kept without an answer, ` +
          `${sumOf(senders, 'resent')} sent once more, ready after ${Math.round(median)} ms (median), ` +
          `${Math.round(startsMs.at(-1) ?? 0)} ms (longest)`,
      );
    }),
  );
});

/** One life under load and its sudden end; now and then the end comes while it still starts. */
async function killOnce(
  dataDir: string,
  senders: readonly Sender[],
  random: Random,
  startsMs: number[],
): Promise<void> {
  const startedAt = performance.now();
  await using platform = await startPlatform({ dataDir, waitUntilReady: false });
  if (random.chance(0.1)) {
    await sleep(random.between(50, 1_500));
    await platform.kill();
    return;
  }
  await untilReady(platform);
  startsMs.push(performance.now() - startedAt);
  const load = senders.map((sender) => sender.send(platform, { more: () => true }));
  // An instant by progress, so that a slow machine sees as much load as a fast one, and then any moment.
  const until = sumOf(senders, 'batches') + random.between(0, MAX_BATCHES);
  const latest = performance.now() + MAX_LIFE_MS;
  while (sumOf(senders, 'batches') < until && performance.now() < latest) await sleep(1);
  await sleep(random.next() * 30);
  await platform.kill();
  await Promise.all(load);
}

type Count = 'batches' | 'resent' | 'duplicatesOfUnheard';

function sumOf(senders: readonly Sender[], count: Count): number {
  return senders.reduce((sum, sender) => sum + sender[count], 0);
}

/** The last life: everything unheard is sent again, then log, facts and the senders' ledgers must agree. */
async function finish(dataDir: string, senders: readonly Sender[]): Promise<number> {
  const platform = await startPlatform({ dataDir });
  await using _ = platform;
  // One after the other: two senders never share an id.
  for (const sender of senders) await sender.send(platform, { more: () => false });
  assert.deepEqual(senders.flatMap(({ faults }) => faults).slice(0, 10), []);
  assert.equal(senders.flatMap(({ unheard }) => unheard).length, 0);
  const known = senders.flatMap(({ acknowledged }) => [...acknowledged.values()]);
  assert.ok(known.length > 5_000, `only ${known.length} events were acknowledged`);
  assert.ok(senders.some(({ resent }) => resent > 0));
  for (const tenant of TENANTS) {
    const own = known.filter(({ sent }) => sent.tenant === tenant);
    await waitUntilVisible(
      platform,
      tenant,
      own.map(({ place }) => place),
    );
    await factsAgree(
      platform,
      tenant,
      own.map(({ sent }) => sent),
    );
  }
  assert.equal(await platform.stop(), 0);
  for (const tenant of TENANTS)
    await logAgrees(
      dataDir,
      tenant,
      known.filter(({ sent }) => sent.tenant === tenant),
    );
  return known.length;
}

/** Every event once, by name and month, and by identity. */
async function factsAgree(platform: Platform, tenant: string, sent: readonly Sent[]): Promise<void> {
  const whole = await readTable(
    platform,
    tenant,
    'SELECT count() AS events, uniqExact(event_id) AS ids, uniqExact(log_partition, log_offset) AS places FROM events',
  );
  assert.deepEqual(
    whole.map((row) => [row['events'], row['ids'], row['places']].map(Number)),
    [[sent.length, sent.length, sent.length]],
  );
  const rows = await readTable(
    platform,
    tenant,
    'SELECT event_name, toYYYYMM(event_time) AS month, count() AS events, sum(toUnixTimestamp64Milli(event_time) % 1000003) AS sum ' +
      'FROM events GROUP BY event_name, month',
  );
  const expected = new Map<string, { events: number; sum: number }>();
  for (const { name, atMs } of sent) {
    const key = `${name} ${new Date(atMs).toISOString().slice(0, 7).replace('-', '')}`;
    const cell = expected.get(key) ?? { events: 0, sum: 0 };
    expected.set(key, { events: cell.events + 1, sum: cell.sum + (atMs % 1_000_003) });
  }
  const found = rows.map((row) => [
    `${String(row['event_name'])} ${String(row['month'])}`,
    { events: Number(row['events']), sum: Number(row['sum']) },
  ]);
  assert.deepEqual(new Map(found as [string, { events: number; sum: number }][]), expected);
}

/** Reads the log itself: every offset once, every event once, each where its receipt says. */
async function logAgrees(
  dataDir: string,
  name: string,
  known: readonly { readonly sent: Sent; readonly place: Place }[],
): Promise<void> {
  const parsed = parseTenantId(name);
  assert.ok(parsed.ok);
  await using log = await openLmdbEventLog({ dataDir });
  const of = { tenant: parsed.tenant, channel: 'events' } as const;
  const { next } = await log.bounds(of);
  const found = new Map<string, string>();
  for (const [partition, end] of next.entries()) {
    let offset = 0n;
    for await (const batch of log.read(of, { partition, from: 0n, to: end })) {
      for (const record of batch.records) {
        assert.equal(record.offset, offset++);
        const event = JSON.parse(Buffer.from(record.value).toString('utf8')) as Event;
        assert.equal(event.event_id, record.headers.eventId);
        assert.ok(!found.has(event.event_id), `${event.event_id} stands twice`);
        found.set(event.event_id, `${partition}/${record.offset} ${event.timestamp} ${event.event_name}`);
      }
    }
    assert.equal(offset, end);
  }
  const expected = known.map(
    ({ sent, place }) => [sent.id, `${place.partition}/${place.offset} ${sent.atMs} ${sent.name}`] as const,
  );
  assert.equal(found.size, known.length);
  for (const [id, line] of expected) assert.equal(found.get(id), line);
}
