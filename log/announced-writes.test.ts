import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { announcedWrites } from './announced-writes.ts';

const announced = announcedWrites('test');

test('a write is announced before it begins and once it is done, one that fails only before', async (t) => {
  const heard: unknown[] = [];
  for (const channel of ['daybook:test:writing', 'daybook:test:written']) {
    const listener = (message: unknown): void => void heard.push([channel.split(':')[2], message]);
    subscribe(channel, listener);
    t.after(() => unsubscribe(channel, listener));
  }
  const answer = await announced({ what: 'one' }, async () => {
    heard.push('the write');
    return 7;
  });
  assert.equal(answer, 7);
  assert.deepEqual(heard, [['writing', { what: 'one' }], 'the write', ['written', { what: 'one' }]]);

  heard.length = 0;
  await assert.rejects(
    announced({ what: 'other' }, () => Promise.reject(new Error('no disk'))),
    /no disk/,
  );
  assert.deepEqual(heard, [['writing', { what: 'other' }]]);
});

test('without a listener the write is simply done', async () => {
  assert.equal(await announced({ what: 'one' }, () => Promise.resolve('done')), 'done');
});
