import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTenantId } from './tenant-id.ts';

test('ids of the allowed form are taken as they are', () => {
  for (const id of ['acme', 'a', '0', 'tenant_mymx', 'a-b_c-9', 'a'.repeat(64), 'dlq', 'a-dlq-b', 'a_dlq']) {
    assert.deepEqual(parseTenantId(id), { ok: true, tenant: id });
  }
});

test('anything else is refused with the rule', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /required/],
    [null, /required/],
    ['', /required/],
    [7, /must be a string/],
    [['acme'], /must be a string/],
    ['Acme', /a-z/],
    ['-a', /beginning/],
    ['_a', /beginning/],
    ['a'.repeat(65), /1 to 64/],
    ['a b', /a-z/],
    ['a\n', /a-z/],
    ['ácme', /a-z/],
    ['a.b', /a-z/],
    ['acme-dlq', /-dlq/],
    ['-dlq', /beginning/],
  ];
  for (const [id, reason] of refused) {
    const parsed = parseTenantId(id);
    assert.ok(!parsed.ok && reason.test(parsed.reason), String(id));
  }
});

test('no id that is taken can leave a path, a topic or a query', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('.', '/', '\\', "'", '"', ' ', '\0', 'a', '0', '-', '_', '%', '{', '\n'),
      }),
      (id) => {
        if (parseTenantId(id).ok) assert.match(id, /^[a-z0-9_-]+$/);
      },
    ),
  );
});
