import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareGenerations, nameOf } from './compare-generations.ts';
import type { Compared } from './compare-generations.ts';

type Thing = readonly [key: Compared['key'], fields: Readonly<Record<string, number>>];

async function* things(list: readonly Thing[]): AsyncIterable<Compared> {
  for (const [key, fields] of list) {
    yield {
      key,
      name: () => nameOf(...key.map(String)),
      text: JSON.stringify(fields),
      fields: () => new Map(Object.entries(fields).map(([name, value]) => [name, String(value)])),
    };
  }
}

const compare = (active: readonly Thing[], candidate: readonly Thing[]) =>
  compareGenerations(things(active), things(candidate), new AbortController().signal);

test('every thing of either generation is compared once, whatever the other one has', async () => {
  // By numbers, and by the bytes of names: U+FFFF before what needs four bytes.
  const keys: Compared['key'][] = [['a', 2], ['a', 10], ['a', 10, ''], ['b'], ['b', ''], ['\uffff'], ['😀']];
  for (let active = 0; active < 128; active++) {
    for (const candidate of [0, 127, 85, active]) {
      const pick = (bits: number): Thing[] =>
        keys.flatMap((key, at) => (bits & (1 << at) ? [[key, { n: 1 }]] : []));
      const { compared, different, checksums } = await compare(pick(active), pick(candidate));
      const ones = (bits: number): number => keys.filter((_, at) => bits & (1 << at)).length;
      assert.equal(compared, ones(active | candidate));
      assert.equal(different, ones(active ^ candidate));
      assert.equal(checksums.active === checksums.candidate, active === candidate);
    }
  }
});

test('a difference shows the fields that differ, at most five, and shortens what is long', async () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n]));
  const { differences } = await compare([[['x'], { ...many, z: 1 }]], [[['x'], { ...many, z: 2 }]]);
  assert.deepEqual(differences[0]?.examples, ['z: 1 → 2']);
  assert.equal(differences[0].active?.length, 200);
  assert.equal(differences[0].active, differences[0].candidate);
  const all = (await compare([[['x'], many]], [[['x'], {}]])).differences[0]?.examples;
  assert.deepEqual(
    all,
    ['f0', 'f1', 'f10', 'f11', 'f12'].map((name) => `${name}: ${name.slice(1)} → nothing`),
  );
});

test('of more than a thousand differences the first by name are listed, and all are counted', async () => {
  // Five digits from the last on, so that the order of names is not that of the keys.
  const list = Array.from({ length: 5500 }, (_, n): Thing => [[n, String(99_999 - n)], { n }]);
  const named = list.map(([key]) => key.join('/')).sort();
  const { different, differences } = await compare(list, []);
  assert.equal(different, 5500);
  assert.deepEqual(
    differences.map(({ name }) => name),
    named.slice(0, 1000),
  );
});

test('two things of other names have other checksums', async () => {
  const { checksums } = await compare([[['a', 'b'], { n: 1 }]], [[['a/b'], { n: 1 }]]);
  assert.notEqual(checksums.active, checksums.candidate);
});

test('a generation that is not in order is not compared, and both are closed', async () => {
  let closed = 0;
  async function* closing(list: readonly Thing[]): AsyncIterable<Compared> {
    try {
      yield* things(list);
    } finally {
      closed++;
    }
  }
  const ordered = [
    [['a'], {}],
    [['b'], {}],
    [['c'], {}],
  ] as const;
  const disordered = [
    [['b'], {}],
    [['a'], {}],
  ] as const;
  const signal = new AbortController().signal;
  await assert.rejects(compareGenerations(closing(ordered), closing(disordered), signal), /a comes after b/);
  assert.equal(closed, 2);
  const aborted = AbortSignal.abort(new Error('enough'));
  await assert.rejects(compareGenerations(closing(ordered), closing(ordered), aborted), /enough/);
  assert.equal(closed, 4);
});

test('names cannot be mistaken for each other or for a beginning', () => {
  assert.equal(nameOf('u1', 'feed'), 'u1/feed');
  assert.equal(nameOf('a/b', '*', '%2F'), 'a%2Fb/%2A/%252F');
});
