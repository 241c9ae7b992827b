import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPlatform, temporaryDir } from '../platform.ts';
import type { Platform } from '../platform.ts';

const ADDRESS = '/api/v1/tracking-configs';

/** Fields with a warning when a click without any scenario data is sent. */
async function warned(platform: Platform, tenant: string): Promise<readonly string[]> {
  const reply = await platform.post('/api/v1/behaviors/track', {
    tenant_id: tenant,
    scenario_id: 'feed',
    user_id: 'u1',
    item_id: 'i1',
    action_type: 'click',
    position: 1,
    context: { device_type: 'pc' },
  });
  assert.equal(reply.status, 200, reply.text);
  const body = reply.body as { validation_warnings: readonly { field: string }[] };
  return body.validation_warnings.map(({ field }) => field);
}

test('the started product checks by a config from the next event on, also after kill -9', async () => {
  await using dir = await temporaryDir();
  const missing = ['scenario_data.video_data.duration'];
  {
    await using platform = await startPlatform({ dataDir: dir.path });
    assert.deepEqual(await warned(platform, 'acme'), []);
    const created = await platform.post(`${ADDRESS}/`, {
      tenant_id: 'acme',
      scenario_id: 'feed',
      scenario_type: 'video',
      name: 'Feed',
      required_fields: [{ field_name: 'duration', field_type: 'integer' }],
    });
    assert.equal(created.status, 201, created.text);
    assert.deepEqual(await warned(platform, 'acme'), missing);
    assert.deepEqual(await warned(platform, 'globex'), []);
    await platform.kill();
  }
  await using platform = await startPlatform({ dataDir: dir.path });
  assert.deepEqual(await warned(platform, 'acme'), missing);
  const gone = await platform.send(`${ADDRESS}/acme/feed`, { method: 'DELETE' });
  assert.equal(gone.status, 200, gone.text);
  assert.deepEqual(await warned(platform, 'acme'), []);
});
