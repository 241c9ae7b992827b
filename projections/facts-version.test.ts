import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { FACTS, factsDefinition } from './facts-version.ts';

/** Every version there has been; a line is added, never changed. */
const DIGESTS: Readonly<Record<number, string>> = {
  1: '595034ef9d9c8e9a',
};

test('whoever changes what the facts hold raises their version', () => {
  const digest = createHash('sha256').update(factsDefinition()).digest('hex').slice(0, 16);
  const advice = `The definition of the facts has changed: raise the version and add its digest, ${digest}.`;
  assert.equal(DIGESTS[FACTS.version], digest, advice);
  assert.equal(new Set(Object.values(DIGESTS)).size, Object.keys(DIGESTS).length, 'two versions are one');
});

test('the definition names no generation and no tenant, and tells of every part', () => {
  const definition = factsDefinition();
  for (const part of [
    'facts_g0',
    'first_seen_g0',
    'item_stats_daily_g0',
    'MATERIALIZED VIEW',
    'uniqExactStateIf',
  ]) {
    assert.ok(definition.includes(part), part);
  }
});
