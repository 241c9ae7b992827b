import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AcceptedFate, HeldBy, ReceiptAnswer, RefusedFate } from '#query';
import { runReceipt } from './receipt.ts';
import type { ReceiptExit } from './receipt.ts';

const HELD: HeldBy = {
  projection: 'facts',
  generation: 1,
  confirmed: true,
  since: '2024-03-04T10:00:00.371Z',
  since_within_ms: 251,
  paused: null,
  dead_letter: null,
};
const ACCEPTED: AcceptedFate = {
  state: 'accepted',
  receipt: { partition: 2, offset: '17', token: 'dr1_a' },
  received_at: '2024-03-04T10:00:00.120Z',
  timestamp: '2024-03-04T10:00:00.000Z',
  source: 'http',
  schema: 'envelope.behaviour',
  schema_version: 1,
  queryable: true,
  not_queryable_because: null,
  projections: [HELD],
  turned_away: { hour: '2024-03-04T10:00:00.000Z', duplicates: 0, conflicts: 0 },
};
const REFUSED: RefusedFate = {
  state: 'conflict',
  dead_letter: { partition: 0, offset: '5', token: 'dr1_b' },
  first: ACCEPTED.receipt,
  received_at: '2024-03-04T10:00:09.000Z',
  source: 'http',
  reason: 'conflict',
  errors: [
    { field: 'event_id', code: 'conflict', message: 'stands in the log\u001b[2J with another content' },
  ],
};
const ABOUT = { tenant_id: 'acme', event_id: 'a/b 1', also: [], dead_letters: 0 };

/** What the command writes when the platform answers so. */
async function printed(
  answer: ReceiptAnswer,
  json = false,
): Promise<{ out: string; asked: string; exit: ReceiptExit }> {
  let out = '';
  let asked = '';
  const exit = await runReceipt(
    { url: 'http://127.0.0.1:1', tenant: 'acme', sent: 'a/b 1', json },
    {
      env: {},
      out: (text) => (out += text),
      err: () => undefined,
      fetch: async (address) => {
        asked = (address as URL).href;
        return new Response(JSON.stringify(answer));
      },
      readFile: () => '',
      interrupted: () => new AbortController().signal,
    },
  );
  return { out, asked, exit };
}

test('an accepted event is shown with where it stands, who has it, and what else came under its id', async () => {
  const { out, asked, exit } = await printed({ ...ABOUT, ...ACCEPTED, also: [REFUSED], dead_letters: 1 });
  assert.equal(asked, 'http://127.0.0.1:1/api/v1/receipts/a%2Fb%201?tenant_id=acme');
  assert.equal(exit, 0);
  assert.equal(
    out,
    [
      'a/b 1 of acme: accepted',
      '',
      'stands at   2:17 (partition:offset)',
      'token       dr1_a',
      'received    2024-03-04T10:00:00.120Z',
      'happened    2024-03-04T10:00:00.000Z',
      'queryable   yes',
      '',
      'projection  generation  has it  since',
      '----------  ----------  ------  ------------------------',
      'facts                1  yes     2024-03-04T10:00:00.371Z',
      '',
      'Also sent under this id:',
      'what      kept at          received                  why',
      `--------  ---------------  ------------------------  ${'-'.repeat(54)}`,
      'conflict  dead letter 0:5  2024-03-04T10:00:09.000Z  event_id stands in the log\\x1b[2J with another content',
      '',
    ].join('\n'),
  );
});

test('a projection that has not got it says why', async () => {
  const held: HeldBy[] = [
    { ...HELD, since_within_ms: 61_000 },
    { ...HELD, projection: 'old', since: null, since_within_ms: null },
    { ...HELD, projection: 'behind', confirmed: false, since: null },
    { ...HELD, projection: 'still', confirmed: false, since: null, paused: 'the disk is full' },
    { ...HELD, projection: 'poisoned', dead_letter: REFUSED.dead_letter },
  ];
  const answer = { ...ABOUT, ...ACCEPTED, projections: held, queryable: false };
  const { out } = await printed({ ...answer, not_queryable_because: 'horizon' });
  assert.match(out, /^queryable {3}no: facts of that time are not kept any more$/m);
  assert.match(out, /^facts .* 2024-03-04T10:00:00\.371Z, or up to 61 s earlier$/m);
  assert.match(out, /^old .* yes +before it is remembered$/m);
  assert.match(out, /^behind .* not yet$/m);
  assert.match(out, /^still .* stands still: the disk is full$/m);
  assert.match(out, /^poisoned .* could not take it: dead letter 0:5 /m);
});

test('what was kept out is shown with where it is kept and every reason', async () => {
  const { out, exit } = await printed({ ...ABOUT, ...REFUSED, also: [ACCEPTED], dead_letters: 7 });
  assert.equal(exit, 3);
  assert.match(out, /^a\/b 1 of acme: conflict$/m);
  assert.match(out, /^kept at {5}0:5 of the dead letters$/m);
  assert.match(out, /^ {12}event_id stands in the log\\x1b\[2J with another content$/m);
  assert.match(out, /^event {7}2:17 has this id, dr1_a$/m);
  assert.match(out, /^Also sent under this id \(the newest of 7 dead letters\):$/m);
  assert.match(out, /^accepted {2}2:17 /m);
  const all = await printed({ ...ABOUT, ...REFUSED, also: [ACCEPTED, REFUSED], dead_letters: 2 });
  assert.match(all.out, /^Also sent under this id:$/m);
  const oneLeftOut = await printed({ ...ABOUT, ...ACCEPTED, also: [REFUSED], dead_letters: 2 });
  assert.match(oneLeftOut.out, /^Also sent under this id \(the newest of 2 dead letters\):$/m);
});

test('what never came, or may have come too long ago, is said in words', async () => {
  const unknown = await printed({ ...ABOUT, state: 'unknown' });
  assert.deepEqual(
    [unknown.exit, unknown.out.split('\n')[2]],
    [3, 'Nothing with this id was ever sent to this tenant.'],
  );
  const old = await printed({ ...ABOUT, state: 'not_known_any_more', event_id: null });
  assert.match(old.out, /^an input without an id of acme: not known any more$/m);
  assert.match(old.out, /it may have been sent before/);
  const json = await printed({ ...ABOUT, state: 'unknown' }, true);
  assert.deepEqual(JSON.parse(json.out), { ...ABOUT, state: 'unknown' });
});
