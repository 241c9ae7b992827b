import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { FIELD_TYPES } from '#domain';
import type { JsonObject, ScenarioTemplate } from '#domain';
import { openConfigDoor } from '../test/config-door.ts';
import { commandsOf } from '../test/e2e/readme.ts';
import { TRACKING_CONFIG_PATHS } from './openapi-tracking-configs.ts';

const PAGE = join(import.meta.dirname, '../docs/tracking-configs.md');
const BASE = '/api/v1/tracking-configs';
const run = promisify(execFile);

const VIDEO: ScenarioTemplate = {
  template_id: 'video',
  scenario_type: 'video',
  name: 'Video',
  description: 'Videos of any length',
  required_fields: [],
  optional_fields: [],
  recommended_actions: [],
};

test('the commands of the page do what the page says', async () => {
  await using opened = await openConfigDoor([VIDEO]);
  const replies: JsonObject[] = [];
  for (const command of await commandsOf(PAGE)) {
    const here = command.replaceAll('http://127.0.0.1:8080', opened.address);
    const { stdout } = await run('sh', ['-c', here], { timeout: 20_000 });
    replies.push(JSON.parse(stdout) as JsonObject);
  }
  const [created, tracked, changed, versions, deleted, templates, fromTemplate] = replies;
  assert.equal(created?.['version'], 1);
  const page = await readFile(PAGE, 'utf8');
  const said = `"validation_warnings":${JSON.stringify(tracked?.['validation_warnings'])}`;
  assert.ok(page.includes(said), said);
  assert.equal(changed?.['version'], 2);
  assert.deepEqual(
    (versions?.['versions'] as JsonObject[]).map(({ change }) => change),
    [
      { type: 'config_created', by: 'ada', authenticated: false, reason: 'first version' },
      { type: 'config_updated', by: 'anonymous', authenticated: false },
    ],
  );
  assert.equal(deleted?.['status'], 'inactive');
  assert.equal((templates?.['templates'] as JsonObject[]).length, 1);
  assert.equal(fromTemplate?.['template_id'], 'video');
});

test('the page names every route and every type of field', async () => {
  const page = await readFile(PAGE, 'utf8');
  for (const [path, methods] of Object.entries(TRACKING_CONFIG_PATHS)) {
    const short = path.replace(BASE, '').replace('{tenant_id}/{scenario_id}', '{tenant}/{scenario}') || '/';
    for (const method of Object.keys(methods)) {
      if (short.endsWith('{version}')) assert.ok(page.includes('`/versions/{n}`'));
      else
        assert.match(
          page,
          new RegExp(`\`${method.toUpperCase()} ${short.replaceAll(/[{}]/g, '\\$&')}`),
          short,
        );
    }
  }
  for (const type of FIELD_TYPES) assert.ok(page.includes(`\`${type}\``), type);
});
