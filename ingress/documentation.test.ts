import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonObject } from '#domain';
import { FIELD_CODES } from '#schema-registry';
import { openDoor } from '../test/door.ts';
import { ingressSchemas } from './openapi-schemas.ts';
import { ingressPaths } from './openapi.ts';

type Operation = {
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly example: JsonObject } };
  };
  readonly responses: Readonly<
    Record<
      string,
      { readonly content?: { readonly 'application/json': { schema: object; example: unknown } } }
    >
  >;
};
const paths = ingressPaths() as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
const schemas = ingressSchemas();

test('the table of codes in the documentation is the one of the code', async () => {
  const page = await readFile(new URL('../docs/ingress.md', import.meta.url), 'utf8');
  const rows = [...page.slice(page.indexOf('## Codes')).matchAll(/^\| `(\w+)` +\| (.+?) +\|$/gm)];
  assert.deepEqual(
    rows.map(([, code, meaning]) => [code, meaning]),
    Object.entries(FIELD_CODES),
  );
  for (const path of Object.keys(paths)) assert.ok(page.includes(`${path}\``), path);
});

/** Validators of the described schemas; `maxBytes` is a keyword of ours. */
function validator(schema: object): (value: unknown) => string {
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: 'api', components: { schemas } });
  const text = JSON.stringify(schema).replaceAll('"#/components', '"api#/components');
  const validate = ajv.compile(JSON.parse(text) as object);
  return (value) => (validate(value) ? '' : ajv.errorsText(validate.errors));
}

/** Holds a body, and the example beside it, to what the description of that status says. */
function fits(operation: Operation, status: string, body: unknown): void {
  const described = operation.responses[status]?.content?.['application/json'];
  assert.ok(described);
  const violations = validator(described.schema);
  assert.equal(violations(body), '');
  assert.equal(violations(described.example), '', 'the example');
}

test('every route is described with an example that works, and answers as described', async () => {
  await using door = await openDoor();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const example = operation.requestBody?.content['application/json'].example;
      const reply = example
        ? await door.post(path, example, { 'x-tenant-id': 'acme' })
        : await door.send(path, { method: method.toUpperCase() });
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
      fits(operation, '200', reply.body);
    }
  }
});

test('refusals and conflicts answer as described', async () => {
  await using door = await openDoor();
  const path = '/api/v1/behaviors/track';
  const operation = paths[path]?.['post'];
  const click = operation?.requestBody?.content['application/json'].example ?? {};
  await door.post(path, click);
  const replies = {
    400: await door.post(path, {}),
    409: await door.post(path, { ...click, item_id: 'other' }),
  };
  for (const [status, reply] of Object.entries(replies)) {
    assert.equal(reply.status, Number(status));
    assert.ok(operation);
    fits(operation, status, reply.body);
  }
});
