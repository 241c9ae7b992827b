import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actorOf, keyOf } from './event.ts';

test('an event is about its user, else its device, else its session', () => {
  assert.equal(actorOf({ user_id: 'u', device_id: 'd', session_id: 's' }), 'u');
  assert.equal(actorOf({ device_id: 'd', session_id: 's' }), 'd');
  assert.equal(actorOf({ session_id: 's' }), 's');
  assert.equal(actorOf({}), '');
});

test('a catalogue entry that nobody changed is kept in the order of its item', () => {
  assert.equal(keyOf({ item_id: 'i' }), 'i');
  assert.equal(keyOf({ session_id: 's', item_id: 'i' }), 's');
});
