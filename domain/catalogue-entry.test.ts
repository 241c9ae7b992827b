import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideEntry, entryDocument, evolveEntry } from './catalogue-entry.ts';
import type { CatalogueEntry, EntryCommand, EntryDecision, EntryRef } from './catalogue-entry.ts';
import { parseTenantId } from './tenant-id.ts';

const parsed = parseTenantId('acme');
assert.ok(parsed.ok);
const ref: EntryRef = { kind: 'scenario', tenant: parsed.tenant, id: ['feed'] };

/** The entry after commands of which each must be taken. */
function after(...commands: readonly EntryCommand[]): CatalogueEntry | undefined {
  return commands.reduce<CatalogueEntry | undefined>((state, command) => {
    const decided = decideEntry(state, command);
    assert.ok(decided.ok);
    return decided.events.reduce<CatalogueEntry | undefined>(
      (entry, event) => evolveEntry(ref, entry, event),
      state,
    );
  }, undefined);
}

const refused = (decided: EntryDecision): string | undefined =>
  decided.ok ? undefined : `${decided.reason} ${decided.version}`;

const created: EntryCommand = { type: 'create', atMs: 1, members: { name: 'Feed', config: { a: 1, b: 2 } } };
const deleted: EntryCommand = { type: 'delete', atMs: 9 };

test('an entry is created, changed member by member, replaced as a whole, deleted and created again', () => {
  const change: EntryCommand = {
    type: 'change',
    atMs: 2,
    members: { name: null, note: 'x' },
    status: 'inactive',
  };
  const changed = after(created, change);
  assert.deepEqual(changed, {
    ...ref,
    version: 2,
    status: 'inactive',
    members: { config: { a: 1, b: 2 }, note: 'x' },
    createdAtMs: 1,
    updatedAtMs: 2,
  });
  const replaced = after(created, change, { type: 'replace', atMs: 3, members: { name: 'New' } });
  assert.deepEqual([replaced?.members, replaced?.status, replaced?.version], [{ name: 'New' }, 'active', 3]);
  assert.equal(after(created, deleted)?.status, 'deleted');
  const again = after(created, deleted, { ...created, expectedVersion: 0 });
  assert.deepEqual([again?.status, again?.version], ['active', 3]);
});

test('a change keeps the status, and what is so already changes nothing', () => {
  const inactive: EntryCommand = { type: 'change', atMs: 2, members: {}, status: 'inactive' };
  const noted: EntryCommand = { type: 'change', atMs: 3, members: { note: 'x' } };
  assert.equal(after(created, inactive, noted)?.status, 'inactive');
  const same: EntryCommand = { type: 'replace', atMs: 5, members: { config: { b: 2, a: 1 }, name: 'Feed' } };
  assert.deepEqual(decideEntry(after(created), same), { ok: true, events: [] });
  assert.equal(after(created, inactive, same)?.status, 'active');
});

test('what cannot be is refused with the version there is', () => {
  const there = after(created);
  const gone = after(created, deleted);
  const change: EntryCommand = { type: 'change', atMs: 2, members: {} };
  assert.equal(refused(decideEntry(there, created)), 'exists 1');
  assert.equal(refused(decideEntry(undefined, change)), 'unknown 0');
  assert.equal(refused(decideEntry(gone, change)), 'unknown 2');
  assert.equal(refused(decideEntry(gone, deleted)), 'unknown 2');
  assert.equal(refused(decideEntry(there, { ...change, expectedVersion: 2 })), 'version_conflict 1');
  assert.equal(refused(decideEntry(there, { ...created, expectedVersion: 0 })), 'version_conflict 1');
  assert.equal(refused(decideEntry(gone, { ...created, expectedVersion: 2 })), 'version_conflict 2');
});

test('the names of an entry are its own, whatever its members say', () => {
  const members = { tenant_id: 'umbra', scenario_id: 'x', version: 7, name: 'Feed' };
  const document = entryDocument({ ...after(created)!, members });
  assert.deepEqual(document, {
    name: 'Feed',
    tenant_id: 'acme',
    scenario_id: 'feed',
    status: 'active',
    version: 1,
    created_at: 1,
    updated_at: 1,
  });
});
