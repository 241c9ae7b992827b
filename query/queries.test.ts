import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { Fault, formatAsOf, formatReceipt, parseAsOf } from '#domain';
import type { LoggedEvent } from '#domain';
import { tenantId } from '../test/tenant-id.ts';
import { CATALOGUE } from './queries.ts';
import type { Answer } from './queries.ts';
import type { AnalysisName } from './analysis.ts';
import { LOG, eventOf, historyOf, openAsking } from './asking.contract.ts';
import type { Asking } from './asking.contract.ts';

const RANGE = { from: '2024-03-04', to: '2024-03-06' };
const QUESTIONS: readonly (readonly [AnalysisName, object])[] = [
  ['dashboard', RANGE],
  ['trend', { ...RANGE, interval: 'day' }],
  ['distribution', RANGE],
  ['events', { ...RANGE, event: 'click', breakdown: 'os' }],
  ['funnel', { ...RANGE, steps: [{ event: 'impression' }, { event: 'click' }] }],
  ['funnel', { ...RANGE, steps: [{ event: 'impression' }, { event: 'click' }], order: 'any' }],
  ['retention', { ...RANGE, start: { event: 'impression' }, cohort: 'first_ever' }],
  ['retention', { ...RANGE, start: { event: 'click' }, cohort: 'recurring' }],
  ['hot-items', RANGE],
  ['behavior-analysis', RANGE],
  ['scenario-metrics', { ...RANGE, interval: 'day' }],
  ['minutes', { from: '2024-03-04', to: '2024-03-05' }],
  ['item-stats', { ...RANGE, item_id: 'i1' }],
];

const figures = ({ meta: _, ...data }: Answer): string => JSON.stringify(data);

async function faultOf(answer: Promise<unknown>): Promise<Fault> {
  const error: unknown = await answer.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Fault, String(error));
  return error;
}

async function problemsOf(answer: Promise<unknown>): Promise<string[]> {
  const fault = await faultOf(answer);
  assert.equal(fault.code, 'QUERY_INVALID');
  const errors = fault.details['errors'] as { field: string; code: string }[];
  return errors.map(({ field, code }) => `${field} ${code}`).sort();
}

describe('questions', () => {
  let asking: Asking;
  beforeAll(async () => {
    asking = await openAsking();
  });
  after(() => asking[Symbol.asyncDispose]());

  const clicks = (tenant: string, user = 'u1') =>
    historyOf(
      tenant,
      ['impression', 'click', 'click', 'order'].map((name, index) => ({
        name,
        kind: 'behaviour' as const,
        at: `2024-03-04T10:0${index}:00Z`,
        user_id: user,
        item_id: 'i1',
        scenario_id: 'feed',
        scenario_type: 'ecommerce' as const,
        context: { os: 'ios' },
        server_time: Date.parse('2024-03-04T12:00:00Z') + index * 1000,
      })),
    );
  /** The same events done by others at another time, further on in the log. */
  const later = (history: readonly LoggedEvent[], at: string, from: bigint): LoggedEvent[] =>
    history.map(({ event }, index) => ({
      partition: 0,
      offset: from + BigInt(index),
      event: {
        ...eventOf(event.tenant_id, { name: event.event_name, ...event, at }),
        timestamp: Date.parse(at) + index,
        user_id: `late${String(from)}`,
      },
    }));

  test('a pinned answer never changes by a byte, though late and new events come', async () => {
    const history = clicks('pinned');
    const tenant = await asking.put(history);
    for (const [name, question] of QUESTIONS) {
      const first = await asking.ask(name, tenant, question);
      assert.deepEqual(parseAsOf(String(first.meta.as_of)), {
        logIdentity: LOG,
        generation: 1,
        controlPosition: 5n,
        vector: asking.state(tenant).confirmed,
      });
      const known = asking.state(tenant).highWater[0] ?? 0n;
      await asking.put(later(history, '2024-03-04T01:00:00Z', known));
      const fresh = await asking.ask(name, tenant, question);
      const pinned = await asking.ask(name, tenant, {
        ...question,
        as_of: first.meta.as_of,
        now: first.meta.now,
      });
      assert.equal(figures(pinned), figures(first));
      assert.notEqual(figures(fresh), figures(first), `${name} saw the new events`);
      assert.equal(pinned.meta.as_of, first.meta.as_of);
      assert.equal(pinned.meta.lag.events, Number(asking.state(tenant).confirmed[0]! - known));
    }
  });

  test('a pin is refused once facts of its range have been let go, and only then', async () => {
    const tenant = await asking.put(clicks('let_go'));
    const count = (more: object) => asking.ask('events', tenant, { ...RANGE, event: 'any', ...more });
    const first = await count({});
    assert.equal(first.meta.horizon, null);
    asking.letGo(tenant, { beforeMs: Date.parse('2024-03-04T12:00:01Z'), position: 9n });
    await assert.rejects(
      count({ as_of: first.meta.as_of }),
      (error: Fault) =>
        error.code === 'QUERY_PIN_UNAVAILABLE' && error.message.includes('2024-03-04T12:00:01.000Z'),
    );
    const later = await count({ as_of: first.meta.as_of, from: '2024-03-04T12:00:01Z' });
    assert.equal(later.meta.as_of, first.meta.as_of, 'its range lies behind the horizon');
    const fresh = await count({});
    assert.equal(fresh.meta.horizon, '2024-03-04T12:00:01.000Z');
    await count({ as_of: fresh.meta.as_of });
  });

  test('as of an instant means what was received before it', async () => {
    const tenant = await asking.put(clicks('received'));
    const count = async (as_of: string) => {
      const answer = await asking.ask('events', tenant, { ...RANGE, event: 'any', as_of });
      const [{ points } = { points: [] }] = answer['series'] as { points: { value: number }[] }[];
      return [points[0]?.value, parseAsOf(String(answer.meta.as_of))?.vector[0]];
    };
    assert.deepEqual(await count('2024-03-04T12:00:02Z'), [2, 2n]);
    assert.deepEqual(await count('2024-03-04T12:00:02.001Z'), [3, 3n]);
    assert.deepEqual(await count('2024-03-04'), [0, 0n]);
    assert.deepEqual(await count('2029-01-01'), [4, 4n]);
  });

  test('a pin that cannot be given is refused with the reason', async () => {
    const tenant = await asking.put(clicks('refused'));
    const pin = { logIdentity: LOG, generation: 1, controlPosition: 0n, vector: [4n, 0n, 0n, 0n] };
    const reasonOf = async (changed: object) => {
      const as_of = formatAsOf({ ...pin, ...changed });
      const fault = await faultOf(asking.ask('dashboard', tenant, { ...RANGE, as_of }));
      assert.equal(fault.code, 'QUERY_PIN_UNAVAILABLE');
      return fault.details['reason'];
    };
    assert.match(String(await reasonOf({ vector: [5n, 0n, 0n, 0n] })), /ahead/);
    assert.match(String(await reasonOf({ generation: 2 })), /generation 2/);
    assert.match(String(await reasonOf({ logIdentity: LOG.replace('018f', '0190') })), /another log/);
  });

  test('waits for a receipt and says when it did not become visible', async () => {
    const tenant = await asking.put(clicks('waiting'), [2n, 0n, 0n, 0n]);
    const receipt = (offset: bigint) => formatReceipt({ logIdentity: LOG, partition: 0, offset });
    const seen = await asking.ask('dashboard', tenant, { ...RANGE, wait_for: receipt(1n) });
    assert.deepEqual(seen.meta.completeness, { confirmed_ratio: 0.5, behind_events: 2 });
    const fault = await faultOf(asking.ask('dashboard', tenant, { wait_for: receipt(2n), timeout: '10ms' }));
    assert.equal(fault.code, 'QUERY_NOT_YET_VISIBLE');
    const latest = await faultOf(asking.ask('dashboard', tenant, { wait_for: 'latest', timeout: '10ms' }));
    assert.equal(latest.code, 'QUERY_NOT_YET_VISIBLE');
    const whole = await asking.put(clicks('whole'));
    const all = await asking.ask('dashboard', whole, { ...RANGE, wait_for: 'latest' });
    assert.equal(all.meta.completeness.behind_events, 0);
    const foreign = formatReceipt({ logIdentity: LOG.replace('018f', '0190'), partition: 0, offset: 0n });
    assert.deepEqual(await problemsOf(asking.ask('dashboard', tenant, { wait_for: foreign })), [
      'wait_for token',
    ]);
  });

  test('an unknown tenant is answered with zeros and a notice', async () => {
    for (const [name, question] of QUESTIONS) {
      const answer = await asking.ask(name, tenantId('nobody'), question);
      assert.match(answer.meta.notice ?? '', /no event/);
      assert.equal(answer.meta.as_of, null);
      assert.doesNotMatch(figures(answer), /NaN|undefined/);
    }
    const { meta: _, ...dashboard } = await asking.ask('dashboard', tenantId('nobody'), {});
    assert.deepEqual(dashboard['overview'], {
      total_recommendations: 0,
      total_clicks: 0,
      ctr: 0,
      total_conversions: 0,
      conversion_rate: 0,
      active_users: 0,
      total_items: 0,
      active_scenarios: 0,
    });
  });

  test('the same question as of the same vector is answered from memory, another is not', async () => {
    const tenant = await asking.put(clicks('cached'));
    const first = await asking.ask('dashboard', tenant, RANGE);
    const again = await asking.ask('dashboard', tenant, {
      start_time: '2024-03-04T00:00:00Z',
      end_time: Date.UTC(2024, 2, 6),
      now: first.meta.now,
    });
    assert.equal(first.meta.cached, false);
    assert.equal(again.meta.cached, true);
    assert.equal(figures(again), figures(first));
    asking.confirm(tenant, [3n, 0n, 0n, 0n]);
    assert.equal((await asking.ask('dashboard', tenant, RANGE)).meta.cached, false);
  });

  test('two tenants with the same ids never see each other', async () => {
    const one = await asking.put(clicks('one'));
    const alone = await Promise.all(QUESTIONS.map(([name, question]) => asking.data(name, one, question)));
    const two = await asking.put([...clicks('two'), ...later(clicks('two'), '2024-03-04T11:00:00Z', 4n)]);
    asking.confirm(one, [3n, 0n, 0n, 0n]);
    asking.confirm(one, [4n, 0n, 0n, 0n]);
    for (const [index, [name, question]] of QUESTIONS.entries()) {
      assert.deepEqual(
        await asking.data(name, one, { ...question, now: 1_900_000_000_000 + index }),
        alone[index],
      );
      assert.notDeepEqual(await asking.data(name, two, question), alone[index]);
    }
  });

  test('values and names that look like SQL are only values and names', async () => {
    const evil = [
      "'; DROP TABLE analysis_db.facts_g1; --",
      '{tenant:String}',
      '`',
      "\\'",
      '$$',
      ') OR (1=1',
      '\u0000',
    ];
    const tenant = await asking.put([
      ...historyOf(
        'evil',
        evil.map((text) => ({
          name: text,
          at: '2024-03-04T10:00:00Z',
          user_id: text,
          properties: { [text]: text },
        })),
      ),
    ]);
    for (const text of evil) {
      const filters = [{ property: text, op: '=', value: text }];
      const answer = await asking.data('events', tenant, { ...RANGE, event: text, filters, breakdown: text });
      assert.deepEqual(
        (answer as { series: object[] }).series.map((one) => (one as { breakdown: string }).breakdown),
        [text],
      );
      for (const [name, question] of [
        ['dashboard', { scenario_id: text }],
        ['distribution', { by: text }],
        ['funnel', { steps: [{ event: text, filters }, { event: text }] }],
        ['retention', { start: { event: text, filters }, return: { event: text }, filters }],
        ['hot-items', { scenario_id: text, filters }],
        ['behavior-analysis', { scenario_id: text, filters }],
        ['scenario-metrics', { scenario_id: text, filters }],
        ['minutes', { to: '2024-03-05', event: text, scenario_id: text, filters }],
        ['user-activity', { user_id: text }],
        ['item-stats', { item_id: text }],
      ] as const) {
        await asking.ask(name, tenant, { ...RANGE, ...question });
      }
    }
  });

  test('everything that is wrong is said at once', async () => {
    const ask = (name: AnalysisName, question: unknown) =>
      problemsOf(asking.queries.ask(name, { tenant: tenantId('x'), question }));
    assert.deepEqual(await ask('events', { evnt: 'a', measure: 'sum', filters: [{ property: 1 }] }), [
      'event required',
      'evnt unknown',
      'filters[0].op required',
      'filters[0].property type',
      'measure enum',
    ]);
    assert.deepEqual(
      await ask('funnel', {
        from: 'today',
        tz: 'Mars',
        window: '7 days',
        steps: [
          {
            event: 'a',
            filters: [
              { property: 'os', op: 'in', value: 'x' },
              { property: 'amount', op: '>', value: 'x' },
            ],
          },
        ],
      }),
      [
        'from time',
        'steps[0].filters[0].value type',
        'steps[0].filters[1].value type',
        'tz time_zone',
        'window form',
      ],
    );
    assert.deepEqual(await ask('trend', { from: '2024-03-05', to: '2024-03-05' }), ['from range']);
    assert.deepEqual(await ask('trend', { from: 1_709_510_400 }), ['from time_seconds']);
    assert.deepEqual(await ask('trend', { from: '2024-03-05', start_time: '2024-03-06', to: '2024-03-07' }), [
      'start_time ambiguous',
    ]);
    assert.deepEqual(await ask('trend', { from: '1950-01-01', to: '2024-01-01', interval: 'hour' }), [
      'interval range',
    ]);
    for (const wrong of [null, 1, 'x', []]) assert.deepEqual(await ask('dashboard', wrong), [' type']);
  });

  test('a name that two kinds of event bear must be asked for with its kind', async () => {
    const [behaviour, ...rest] = clicks('kinds');
    const tenant = await asking.put([behaviour!, ...rest]);
    const question = { ...RANGE, event: 'click' };
    const before = await asking.ask('events', tenant, question);
    await asking.put([
      {
        partition: 1,
        offset: 0n,
        event: eventOf('kinds', { name: 'click', at: '2020-01-01', user_id: 'u1' }),
      },
    ]);
    assert.deepEqual(await problemsOf(asking.ask('events', tenant, question)), ['kind ambiguous']);
    const named = await asking.ask('events', tenant, { ...question, kind: 'behaviour' });
    assert.equal(figures(named), figures(before));
    const pinned = await asking.ask('events', tenant, { ...question, as_of: before.meta.as_of });
    assert.equal(figures(pinned), figures(before));
  });

  test('the range is by default the last seven days up to now, by the clock that was given', async () => {
    const { meta } = await asking.ask('dashboard', tenantId('nobody'), {});
    assert.deepEqual(meta.range, {
      from: '2029-12-25T00:00:00.000Z',
      to: '2030-01-01T00:00:00.000Z',
      tz: 'UTC',
    });
    const day = await asking.ask('dashboard', tenantId('nobody'), { range: '24h', tz: 'Asia/Kolkata' });
    assert.equal(day.meta.range.from, '2029-12-31T05:30:00.000+05:30');
  });

  test('an answer is of the form its analysis describes', async () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    const tenant = await asking.put(clicks('formed'));
    let described = 0;
    for (const [name, question] of [...QUESTIONS, ['user-activity', { ...RANGE, user_id: 'u1' }] as const]) {
      const { answerSchema } = CATALOGUE[name];
      if (!answerSchema) continue;
      described++;
      const validate = ajv.compile(answerSchema);
      for (const who of [tenant, tenantId('nobody')]) {
        assert.ok(
          validate(await asking.data(name, who, question)),
          `${name} ${ajv.errorsText(validate.errors)}`,
        );
      }
    }
    assert.equal(described, 6);
  });

  test('the example of every analysis is a question of its own form', async () => {
    for (const { name, example } of Object.values(CATALOGUE)) {
      const { meta: _, ...answer } = await asking.ask(name, tenantId('nobody'), example.question);
      assert.deepEqual(Object.keys(answer), Object.keys(example.answer));
    }
  });
});
