import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ACTIONS, ACTION_ALIASES, ACTION_GROUPS, COMPLETION_ACTIONS, canonicalAction } from './action.ts';

/** ACT-01 to ACT-38 in their order, written out by hand. */
const BY_GROUP: Readonly<Record<string, string>> = {
  basic: 'impression click view view_profile',
  consumption: 'play play_end read read_end learn complete trial',
  interaction:
    'like dislike favorite share comment follow add_playlist note ask review collect add_friend message',
  transaction: 'add_cart order payment purchase',
  other: 'not_interest pause repeat download',
  negative: 'report ignore block',
  feedback: 'positive_feedback negative_feedback dismiss',
};

test('there are 38 actions, each once and in its group', () => {
  const expected = Object.entries(BY_GROUP).flatMap(([group, names]) =>
    names.split(' ').map((name) => [name, group]),
  );
  assert.equal(expected.length, 38);
  assert.deepEqual(Object.entries(ACTION_GROUPS).toSorted(), expected.toSorted());
  assert.equal(new Set(ACTIONS).size, 38);
});

test('a name is itself, an alias or none; case matters and no member of Object is an action', () => {
  for (const action of ACTIONS) assert.equal(canonicalAction(action), action);
  assert.equal(canonicalAction('not_interested'), 'not_interest');
  assert.deepEqual(Object.keys(ACTION_ALIASES), ['not_interested']);
  for (const name of [
    '',
    'Click',
    'conversion',
    'action',
    'toString',
    '__proto__',
    'constructor',
    ' click',
  ]) {
    assert.equal(canonicalAction(name), undefined, name);
  }
});

test('the actions that end a consumption are consumptions', () => {
  for (const action of COMPLETION_ACTIONS) assert.equal(ACTION_GROUPS[action], 'consumption');
});
