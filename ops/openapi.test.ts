import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleOpenApi, createMethodLookup } from './openapi.ts';

const operation = { responses: { 200: { description: 'ok' } } };

test('fragments become one document, and may share a path', () => {
  const document = assembleOpenApi('1.0.0', [
    { paths: { '/a': { get: operation } }, schemas: { Thing: { type: 'object' } } },
    {
      paths: { '/a': { post: operation }, '/b': { get: operation } },
      schemas: { Thing: { type: 'object' } },
    },
  ]);
  assert.deepEqual(Object.keys(document.paths), ['/a', '/b']);
  assert.deepEqual(Object.keys(document.paths['/a'] ?? {}), ['get', 'post']);
  assert.deepEqual(Object.keys(document.components.schemas), ['Thing']);
});

test('two fragments that contradict each other are a mistake', () => {
  const one = { paths: { '/a': { get: operation } }, schemas: { Thing: { type: 'object' } } };
  assert.throws(() => assembleOpenApi('1', [one, { ...one, schemas: {} }]), /get \/a/);
  assert.throws(() => assembleOpenApi('1', [one, { paths: {}, schemas: { Thing: {} } }]), /Thing/);
});

test('the methods of a path are found through its template', () => {
  const methodsOf = createMethodLookup(
    assembleOpenApi('1', [
      {
        paths: { '/a/{id}.json': { get: operation, parameters: [] }, '/a/x.json': { put: operation } },
        schemas: {},
      },
    ]),
  );
  assert.deepEqual(methodsOf('/a/7.json'), ['GET']);
  assert.deepEqual(methodsOf('/a/x.json'), ['GET', 'PUT']);
  assert.equal(methodsOf('/a/7/8.json'), undefined);
  assert.equal(methodsOf('/a/7xjson'), undefined);
});
