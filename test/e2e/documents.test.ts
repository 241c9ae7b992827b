import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform, Reply } from '../platform.ts';

type Body = Record<string, unknown>;
type Item = Body & { item_id: string; version: number; status: string; metadata: Body };
type Result = Body & { outcome: string; errors: { field: string; code: string }[] };

const DAY = Date.UTC(2024, 2, 4);

describe('documents over HTTP', () => {
  const opened = new AsyncDisposableStack();
  let dataDir = '';
  let platform: Platform;
  before(async () => {
    dataDir = opened.use(await temporaryDir()).path;
    platform = await startPlatform({ dataDir });
  });
  after(async () => {
    await platform[Symbol.asyncDispose]();
    await opened.disposeAsync();
  });

  const call = (method: string, path: string, body?: object, headers = {}): Promise<Reply> =>
    platform.send(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const bodyOf = async (reply: Promise<Reply>, status = 200): Promise<Body> => {
    const { status: got, text, body } = await reply;
    assert.equal(got, status, text);
    return body as Body;
  };
  const faultOf = async (reply: Promise<Reply>, status: number): Promise<Body> =>
    (await bodyOf(reply, status))['error'] as Body;
  const receiptOf = ({ receipt }: Body): string => (receipt as { token: string }).token;
  const itemOf = async (tenant: string, item: string, scenario = 'feed'): Promise<Item> => {
    const asked = platform.get(
      `/api/v1/items/${encodeURIComponent(item)}?tenant_id=${tenant}&scenario_id=${scenario}&wait_for=latest`,
    );
    return (await bodyOf(asked))['item'] as Item;
  };
  const overview = async (tenant: string, more = 'wait_for=latest'): Promise<Body> => {
    const answer = await bodyOf(platform.get(`/api/analytics/dashboard?tenant_id=${tenant}&${more}`));
    const { total_items, active_scenarios } = answer['overview'] as Body;
    const { as_of, now } = answer['meta'] as Body;
    return { total_items, active_scenarios, as_of, now };
  };
  const track = async (events: readonly object[]): Promise<void> => {
    const answer = await bodyOf(platform.post('/api/v1/behaviors/track/batch', { events }));
    assert.equal(answer['succeeded'], events.length, JSON.stringify(answer));
  };

  test('an item is created, read back by its receipt, changed, replaced, and deleted', async () => {
    const about = { tenant_id: 'acme', scenario_id: 'feed' };
    const created = await bodyOf(
      call('POST', '/api/v1/items', {
        ...about,
        item_id: 'a/ü 1',
        metadata: { title: 'One', category: 'travel', price: 3 },
        embedding: [0.5, -1],
      }),
      201,
    );
    assert.equal(created['version'], 1);
    const path = `/api/v1/items/${encodeURIComponent('a/ü 1')}`;
    const read = await bodyOf(
      platform.get(`${path}?tenant_id=acme&scenario_id=feed&wait_for=${receiptOf(created)}`),
    );
    const item = read['item'] as Item;
    assert.deepEqual(item.metadata, { title: 'One', category: 'travel', price: 3 });
    assert.deepEqual([item.status, item['embedding'], item.version], ['active', [0.5, -1], 1]);
    assert.equal('fold' in item, false);

    const metadata = { price: null, stock: 4 };
    const changed = await bodyOf(
      call('PATCH', path, { ...about, metadata, status: 'inactive', expected_version: 1 }),
    );
    assert.equal(changed['version'], 2);
    const second = await itemOf('acme', 'a/ü 1');
    assert.deepEqual(second.metadata, { title: 'One', category: 'travel', stock: 4 });
    assert.deepEqual([second.status, second.version, second['embedding']], ['inactive', 2, [0.5, -1]]);

    await bodyOf(call('PUT', path, { ...about, metadata: { title: 'Two' } }));
    const third = await itemOf('acme', 'a/ü 1');
    assert.deepEqual(
      [third.metadata, third.status, third['embedding']],
      [{ title: 'Two' }, 'active', undefined],
    );

    await bodyOf(call('DELETE', `${path}?tenant_id=acme&scenario_id=feed&expected_version=3&reason=gone`));
    await faultOf(platform.get(`${path}?tenant_id=acme&scenario_id=feed&wait_for=latest`), 404);
    const again = await bodyOf(
      call('POST', '/api/v1/items', { ...about, item_id: 'a/ü 1', metadata: { title: 'Three' } }),
      201,
    );
    assert.equal(again['version'], 5);
    assert.deepEqual((await itemOf('acme', 'a/ü 1')).metadata, { title: 'Three' });
  });

  test('an unexpected version, an existing item and an unknown one are refused, and change nothing', async () => {
    const about = { tenant_id: 'acme', scenario_id: 'refusals', item_id: 'i1', metadata: {} };
    await bodyOf(call('POST', '/api/v1/items', about), 201);
    const exists = await faultOf(call('POST', '/api/v1/items', about), 409);
    assert.deepEqual([exists['code'], exists['details']], ['CATALOGUE_CONFLICT', { version: 1 }]);
    const { item_id: _, ...rest } = about;
    await faultOf(call('PUT', '/api/v1/items/i1', { ...rest, expected_version: 2 }), 409);
    await faultOf(call('PATCH', '/api/v1/items/i2', rest), 404);
    await faultOf(call('DELETE', '/api/v1/items/i2?tenant_id=acme&scenario_id=refusals'), 404);
    assert.equal((await itemOf('acme', 'i1', 'refusals')).version, 1);
  });

  test('of many who expect the same version one writes', async () => {
    const about = { tenant_id: 'acme', scenario_id: 'race' };
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const entry = { ...about, item_id: 'i1', metadata: { n } };
        return (await call('POST', '/api/v1/items', entry)).status;
      }),
    );
    assert.deepEqual(statuses.sort(), [201, ...Array.from({ length: 7 }, () => 409)]);
  });

  test('a retry with its event id is no second write', async () => {
    const entry = {
      tenant_id: 'acme',
      scenario_id: 'retry',
      item_id: 'i1',
      event_id: 'w1',
      metadata: { a: 1 },
    };
    const first = await bodyOf(call('POST', '/api/v1/items', entry), 201);
    const retry = await bodyOf(call('POST', '/api/v1/items', entry), 200);
    assert.equal(retry['outcome'], 'duplicate');
    assert.deepEqual(retry['receipt'], first['receipt']);
    await faultOf(call('POST', '/api/v1/items', { ...entry, metadata: { a: 2 } }), 409);
    assert.equal((await itemOf('acme', 'i1', 'retry')).version, 1);
  });

  test('an entry that is not of the form is refused with all that is wrong', async () => {
    const entry = { tenant_id: 'acme', item_id: 7, metadata: { status: 'x' }, status: 'on', colour: 'red' };
    const fault = await faultOf(call('POST', '/api/v1/items', entry), 400);
    assert.equal(fault['code'], 'CATALOGUE_INVALID');
    const { errors } = fault['details'] as { errors: { field: string; code: string }[] };
    assert.deepEqual(errors.map(({ field, code }) => `${field} ${code}`).sort(), [
      'colour unknown_field',
      'item_id type',
      'metadata.status unknown_field',
      'scenario_id required',
      'status enum',
    ]);
    const twice = '{"tenant_id":"acme","scenario_id":"s","item_id":"i","metadata":{"a":1,"a":2}}';
    const reply = platform.send('/api/v1/items', { method: 'POST', body: twice });
    assert.equal((await faultOf(reply, 400))['code'], 'CATALOGUE_INVALID');
    const other = { tenant_id: 'acme', scenario_id: 's', item_id: 'i', metadata: {} };
    await faultOf(call('POST', '/api/v1/items', other, { 'x-tenant-id': 'umbra' }), 403);
    const differs = { tenant_id: 'acme', scenario_id: 's', item_id: 'j', metadata: {} };
    await faultOf(call('PUT', '/api/v1/items/i', differs), 400);
  });

  test('an import answers each entry, as lines or as an array, and pages list it once', async () => {
    const lines = Array.from({ length: 700 }, (_, n) =>
      JSON.stringify({
        scenario_id: 'shop',
        item_id: `i${String(n).padStart(3, '0')}`,
        metadata: { category: `c${n % 3}` },
        ...(n % 2 === 0 ? {} : { status: 'inactive' }),
      }),
    );
    lines[5] = '{"scenario_id":"shop"';
    lines[6] = '{"scenario_id":"shop","item_id":"x"}';
    const imported = await bodyOf(
      platform.send('/api/v1/items/import?tenant_id=acme', {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: `${lines.join('\r\n')}\n\n`,
      }),
    );
    const results = imported['results'] as Result[];
    assert.deepEqual(
      [imported['total'], imported['succeeded'], imported['failed'], results.length],
      [700, 698, 2, 700],
    );
    assert.deepEqual(
      results
        .filter(({ outcome }) => outcome !== 'accepted')
        .map(({ index, errors }) => [index, errors[0]?.code]),
      [
        [5, 'not_json'],
        [6, 'required'],
      ],
    );
    const array = [{ tenant_id: 'acme', scenario_id: 'shop', item_id: 'i005', metadata: { category: 'c2' } }];
    await bodyOf(call('POST', '/api/v1/items/import', array));
    const listed: string[] = [];
    const filter = 'tenant_id=acme&scenario_id=shop&category=c2&status=active&limit=40&wait_for=latest';
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await bodyOf(
        platform.get(`/api/v1/items?${filter}${cursor === '' ? '' : `&cursor=${cursor}`}`),
      );
      listed.push(...(page['items'] as Item[]).map(({ item_id }) => item_id));
      cursor = page['next_cursor'] as string | null;
    }
    const expected = Array.from({ length: 700 }, (_, n) => n).filter(
      (n) => n % 3 === 2 && (n % 2 === 0 || n === 5),
    );
    assert.deepEqual(
      listed,
      expected.map((n) => `i${String(n).padStart(3, '0')}`),
    );
    const many = Array.from({ length: 1001 }, () => array[0]!);
    await faultOf(call('POST', '/api/v1/items/import', many), 400);
    await faultOf(platform.get('/api/v1/items?tenant_id=acme&cursor=nonsense'), 400);
  });

  test('scenarios and model configs keep their versions with who and why', async () => {
    const scenario = { tenant_id: 'acme', scenario_id: 'feed', scenario_type: 'vlog', name: 'Feed' };
    const who = { 'x-user-id': 'ann' };
    const created = await bodyOf(
      call('POST', '/api/v1/scenarios', { ...scenario, reason: 'launch' }, who),
      201,
    );
    assert.equal((created['entry'] as Body)['scenario_type'], 'video');
    await faultOf(call('POST', '/api/v1/scenarios', scenario), 409);
    const path = '/api/v1/scenarios/feed';
    const change = { tenant_id: 'acme', config: { rank: 'deepfm' }, status: 'inactive', expected_version: 1 };
    await bodyOf(call('PATCH', path, change));
    await faultOf(call('PATCH', path, change), 409);
    const same = await bodyOf(call('PATCH', path, { tenant_id: 'acme', status: 'inactive' }));
    assert.deepEqual([same['outcome'], same['version']], ['unchanged', 2]);
    const read = (await bodyOf(platform.get(`${path}?tenant_id=acme`)))['scenario'] as Body;
    assert.deepEqual(
      [read['name'], read['config'], read['status'], read['version']],
      ['Feed', { rank: 'deepfm' }, 'inactive', 2],
    );
    const { versions } = (await bodyOf(platform.get(`${path}/versions?tenant_id=acme`))) as {
      versions: Body[];
    };
    assert.deepEqual(
      versions.map(({ version, changed_by, reason, status }) => [version, changed_by, reason, status]),
      [
        [1, 'ann', 'launch', 'active'],
        [2, 'anonymous', '', 'inactive'],
      ],
    );
    await bodyOf(call('DELETE', `${path}?tenant_id=acme`));
    await faultOf(platform.get(`${path}?tenant_id=acme`), 404);

    const model = {
      tenant_id: 'acme',
      scenario_id: 'feed',
      model_type: 'rank',
      model_name: 'deepfm',
      model_version: 'v1.0',
      model_path: 's3://models/deepfm_v1.0.pt',
      metrics: { auc: 0.85 },
    };
    await bodyOf(call('POST', '/api/v1/model-configs', model), 201);
    const own = '/api/v1/model-configs/rank-deepfm-v1.0?tenant_id=acme&scenario_id=feed';
    const kept = (await bodyOf(platform.get(own)))['model_config'] as Body;
    assert.deepEqual([kept['metrics'], kept['model_path']], [{ auc: 0.85 }, model.model_path]);
    const listed = await bodyOf(platform.get('/api/v1/model-configs?tenant_id=acme&scenario_id=feed'));
    assert.equal((listed['model_configs'] as Body[]).length, 1);
  });

  test('the dashboard counts items and active scenarios, and a pinned one keeps its counts', async () => {
    const entry = (n: number) => ({ scenario_id: 'feed', item_id: `i${n}`, metadata: {} });
    const many = [1, 2, 3].map(entry);
    await bodyOf(call('POST', '/api/v1/items/import?tenant_id=counted', many));
    const scenarios = ['a', 'b', 'c'].map((scenario_id) => ({
      scenario_id,
      scenario_type: 'video',
      name: scenario_id,
      status: scenario_id === 'c' ? 'inactive' : 'active',
    }));
    await bodyOf(call('POST', '/api/v1/scenarios/import?tenant_id=counted', scenarios));
    const before = await overview('counted');
    assert.deepEqual([before['total_items'], before['active_scenarios']], [3, 2]);
    await bodyOf(call('DELETE', '/api/v1/items/i2?tenant_id=counted&scenario_id=feed'));
    await bodyOf(call('PATCH', '/api/v1/scenarios/a', { tenant_id: 'counted', status: 'inactive' }));
    const now = await overview('counted');
    assert.deepEqual([now['total_items'], now['active_scenarios']], [2, 1]);
    const pinned = await overview('counted', `as_of=${String(before['as_of'])}&now=${String(before['now'])}`);
    assert.deepEqual([pinned['total_items'], pinned['active_scenarios']], [3, 2]);
  });

  const behaviour = (tenant: string, n: number, more: object): object => ({
    event_id: `e${n}`,
    tenant_id: tenant,
    scenario_id: 'feed',
    user_id: 'u1',
    item_id: `i${n}`,
    action_type: 'click',
    timestamp: DAY + n * 3_600_000,
    context: { device_type: 'mobile' },
    ...more,
  });
  const travel = { scenario_data: { video_data: { category: 'travel' } }, scenario_type: 'video' };
  const profileOf = (tenant: string, more = ''): Promise<Body> =>
    bodyOf(platform.get(`/api/analytics/users/u1/profile?tenant_id=${tenant}&wait_for=latest${more}`));

  test('a profile is what the user did, by scenario and over all, in the zone asked for', async () => {
    await track([
      behaviour('acme', 20, travel),
      behaviour('acme', 21, { ...travel, action_type: 'play_end', extra_data: { watch_duration: 2.5 } }),
      behaviour('acme', 22, { scenario_id: 'shop', extra_data: { category: 'shoes' }, action_type: 'order' }),
      // Late: earlier than what was folded, and the newest word on one property all the same.
      behaviour('acme', 1, { action_type: 'impression', context: { device_type: 'pc' } }),
      {
        event_id: 'p1',
        tenant_id: 'acme',
        kind: 'user',
        event_name: 'identify',
        user_id: 'u1',
        timestamp: DAY + 10,
        properties: { city: 'Beijing', vip: true },
      },
      {
        event_id: 'p2',
        tenant_id: 'acme',
        kind: 'user',
        event_name: 'identify',
        user_id: 'u1',
        timestamp: DAY + 5,
        properties: { city: 'Wuhan', age: 30 },
      },
      // The same ids in another tenant.
      behaviour('umbra', 20, { extra_data: { category: 'secrets' }, action_type: 'like' }),
    ]);
    const whole = await profileOf('acme', '&tz=Asia/Shanghai');
    const features = whole['features'] as Body;
    assert.deepEqual(features['action_counts'], { click: 1, impression: 1, order: 1, play_end: 1 });
    assert.deepEqual(features['favorite_categories'], ['travel', 'shoes']);
    // Points: 3 for the click, 2 for the play, 10 for the order.
    assert.deepEqual((whole['preferences'] as Body)['category_scores'], { shoes: 0.6667, travel: 0.3333 });
    assert.deepEqual([features['total_watch_count'], features['total_watch_duration']], [1, 2.5]);
    assert.deepEqual(features['devices'], { mobile: 3, pc: 1 });
    // 20, 21, 22 and 1 o'clock UTC are eight hours later there.
    const hours = (features['active_hours'] as number[]).flatMap((events, hour) =>
      events > 0 ? [hour] : [],
    );
    assert.deepEqual(hours, [4, 5, 6, 9]);
    assert.equal(features['first_seen_at'], '2024-03-04T09:00:00.000+08:00');
    assert.deepEqual(whole['properties'], { age: 30, city: 'Beijing', vip: true });
    const shop = await profileOf('acme', '&scenario_id=shop');
    assert.deepEqual((shop['features'] as Body)['action_counts'], { order: 1 });
    assert.deepEqual(shop['properties'], whole['properties']);
    const foreign = await profileOf('umbra');
    assert.deepEqual((foreign['features'] as Body)['category_counts'], { secrets: 1 });
    assert.deepEqual(foreign['properties'], {});
  });

  test('a profile of nobody is zeros, and one as of a token is refused', async () => {
    const nobody = await bodyOf(platform.get('/api/analytics/users/nobody/profile?tenant_id=never-heard-of'));
    const features = nobody['features'] as Body;
    assert.deepEqual([features['total_events'], features['favorite_categories']], [0, []]);
    assert.equal(features['first_seen_at'], null);
    assert.deepEqual(
      features['active_hours'],
      Array.from({ length: 24 }, () => 0),
    );
    assert.match(String((nobody['meta'] as Body)['notice']), /no event of this tenant/);
    await faultOf(platform.get('/api/analytics/users/u1/profile?tenant_id=acme&as_of=da1_x'), 410);
    await faultOf(platform.get('/api/analytics/users/u1/profile?tenant_id=acme&tz=Mars'), 400);
  });

  test('everything is there after a restart, and nothing is folded twice', async () => {
    const before = await profileOf('acme');
    const item = await itemOf('acme', 'i010', 'shop');
    await platform.kill();
    platform = await startPlatform({ dataDir });
    const again = await profileOf('acme');
    for (const member of ['features', 'preferences', 'properties']) {
      assert.deepEqual(again[member], before[member]);
    }
    assert.deepEqual(await itemOf('acme', 'i010', 'shop'), item);
    assert.deepEqual(
      (await bodyOf(platform.get('/api/v1/scenarios?tenant_id=counted')))['scenarios'] &&
        (await overview('counted'))['active_scenarios'],
      1,
    );
  });
});
