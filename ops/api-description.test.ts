import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createHttpEntries, createHttpIngress } from '#ingress';
import type { HttpEntriesOptions, Ingress } from '#ingress';
import { describeApi } from './api-description.ts';

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [member: string]: Json;
}

const door = createHttpIngress({} as Ingress, { fail: () => undefined });
const document = JSON.parse(
  JSON.stringify(describeApi('1.0.0', [door, createHttpEntries({} as HttpEntriesOptions)])),
) as JsonObject & { paths: Record<string, Record<string, JsonObject>> };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every object of the document with the path that leads to it. */
function* objectsOf(value: Json, path = ''): Generator<[path: string, object: JsonObject]> {
  if (isObject(value)) yield [path, value];
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    yield* objectsOf(member, `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

function lookUp(ref: string): Json | undefined {
  return ref
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<Json | undefined>((at, part) => (isObject(at) ? at[part] : undefined), document);
}

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation, path })),
);

test('every reference leads to something', () => {
  let references = 0;
  for (const [path, object] of objectsOf(document)) {
    const ref = object['$ref'];
    if (typeof ref !== 'string') continue;
    references++;
    assert.ok(ref.startsWith('#/') && lookUp(ref) !== undefined, `${path}: ${ref}`);
  }
  assert.ok(references > 5);
});

test('every operation has a summary, a group and described answers, and no two have the same id', () => {
  const ids = operations.flatMap(({ operation }) => operation['operationId'] ?? []);
  assert.equal(new Set(ids).size, ids.length, JSON.stringify(ids));
  for (const { name, operation } of operations) {
    assert.equal(typeof operation['summary'], 'string', name);
    assert.equal(Array.isArray(operation['tags']) && operation['tags'].length, 1, name);
    const responses = operation['responses'];
    assert.ok(isObject(responses) && Object.keys(responses).length > 0, name);
    for (const [status, response] of Object.entries(responses)) {
      assert.match(status, /^[1-5]\d\d$|^default$/, name);
      const described =
        isObject(response) && typeof response['$ref'] === 'string' ? lookUp(response['$ref']) : response;
      assert.ok(isObject(described) && typeof described['description'] === 'string', `${name} ${status}`);
    }
  }
});

test('every group is described, and has routes', () => {
  const groups = Array.isArray(document['tags'])
    ? document['tags'].map((tag) => isObject(tag) && tag['name'])
    : [];
  const used = new Set(operations.map(({ operation }) => (operation['tags'] as string[])[0]));
  assert.deepEqual(new Set(groups), used);
});

test('every operation that needs something has an example that says it', () => {
  for (const { name, operation } of operations) {
    const parameters = Array.isArray(operation['parameters']) ? operation['parameters'] : [];
    for (const one of parameters) {
      if (isObject(one) && one['required'] === true)
        assert.ok('example' in one, `${name}: ${JSON.stringify(one['name'])}`);
    }
  }
});

test('every member of a path is a parameter of its operations', () => {
  for (const { name, operation, path } of operations) {
    const parameters = Array.isArray(operation['parameters']) ? operation['parameters'] : [];
    const named = parameters.flatMap((one) => (isObject(one) && one['in'] === 'path' ? [one['name']] : []));
    assert.deepEqual(
      named,
      [...path.matchAll(/\{([^}]+)\}/g)].map(([, member]) => member),
      name,
    );
  }
});

test('every example is what its schema says', () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', ...document });
  let examples = 0;
  for (const [path, object] of objectsOf(document)) {
    const { schema, example } = object;
    const own = path.startsWith('/components/schemas/') && path.split('/').length === 4;
    const cases = [
      ...(schema !== undefined && example !== undefined ? [[`${path}/schema`, example] as const] : []),
      ...(own && Array.isArray(object['examples'])
        ? object['examples'].map((one) => [path, one] as const)
        : []),
    ];
    for (const [pointer, value] of cases) {
      const validate = ajv.compile({ $ref: `document#${encodeURI(pointer)}` });
      examples++;
      assert.ok(
        validate(value),
        `${pointer}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`,
      );
    }
  }
  assert.ok(examples > 10, `${examples} examples`);
});
