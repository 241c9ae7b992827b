import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW_MS, openDoor } from '../test/door.ts';
import { openMmdbPlace } from './mmdb-place.ts';
import { createWhereabouts, isLoopback, maskedNetwork } from './place.ts';

test('addresses are masked to their network, whatever way they are written', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1234:5678::1', '2001:db8:1234::/48'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['::1', '::/48'],
    ['', undefined],
    ['203.0.113', undefined],
    ['localhost', undefined],
    ['203.0.113.77:80', undefined],
  ];
  for (const [address, network] of cases) assert.equal(maskedNetwork(address), network, address);
});

test('only this machine is loopback', () => {
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(address), address);
  for (const address of ['10.0.0.1', '::2', 'localhost', '', undefined])
    assert.ok(!isLoopback(address), address);
});

test('an address is looked up once, however often it comes', () => {
  let asked = 0;
  const whereabouts = createWhereabouts(() => ({ country: `C${++asked}` }));
  assert.deepEqual(whereabouts('8.8.8.8'), { place: { country: 'C1' }, ipPrefix: '8.8.8.0/24' });
  assert.deepEqual(whereabouts('8.8.8.8').place, { country: 'C1' });
  assert.deepEqual(whereabouts('no address'), { place: undefined, ipPrefix: undefined });
  assert.equal(asked, 1);
});

test('the database that comes along knows countries, and no place for private addresses', async () => {
  const lookUp = await openMmdbPlace();
  assert.deepEqual(lookUp('8.8.8.8'), { country: 'US' });
  assert.deepEqual(lookUp('2001:4860:4860::8888'), { country: 'US' });
  assert.deepEqual(lookUp('194.6.1.1')?.city, undefined);
  for (const address of ['10.1.2.3', '192.168.1.1', '127.0.0.1', '::1', 'fe80::1', '0.0.0.0', 'nowhere']) {
    assert.equal(lookUp(address), undefined, address);
  }
});

test('a database that cannot be read is a setting that is wrong', async () => {
  await assert.rejects(openMmdbPlace('/nowhere/places.mmdb'), { code: 'CONFIG_INVALID' });
  await assert.rejects(openMmdbPlace(import.meta.filename), { code: 'CONFIG_INVALID' });
});

test('the place is that of the connection or of the address forwarded by this machine', async () => {
  await using door = await openDoor({
    ingress: { lookUpPlace: (ip) => (ip === '203.0.113.9' ? { country: 'CN', city: 'Beijing' } : undefined) },
  });
  const click = {
    tenant_id: 'acme',
    scenario_id: 's',
    user_id: 'u',
    item_id: 'i',
    action_type: 'click',
    timestamp: NOW_MS,
    context: { device_type: 'pc' },
  };
  const kept = async (id: string, members: object, headers?: Record<string, string>): Promise<unknown[]> => {
    await door.post('/api/v1/behaviors/track', { ...click, ...members, event_id: id }, headers);
    const event = (await door.events()).find(({ value }) => value['event_id'] === id)?.value;
    return [event?.['country'], event?.['city'], event?.['ip_prefix']];
  };
  const forwarded = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 127.0.0.1' };
  assert.deepEqual(await kept('a', {}, forwarded), ['CN', 'Beijing', '203.0.113.0/24']);
  assert.deepEqual(await kept('b', {}), [undefined, undefined, '127.0.0.0/24']);
  assert.deepEqual(await kept('c', { country: 'FR' }, forwarded), ['FR', undefined, '203.0.113.0/24']);
  const device = { context: { device_type: 'pc', ip: '198.51.100.7' } };
  assert.deepEqual(await kept('d', device, forwarded), ['CN', 'Beijing', '198.51.100.0/24']);
});
