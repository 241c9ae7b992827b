import assert from 'node:assert/strict';
import { after, before as beforeAll, describe, test } from 'node:test';
import fc from 'fast-check';
import { actorOf } from '#domain';
import type { FunnelOrder, LoggedEvent } from '#domain';
import { AROUND_MS, before, historyArbitrary, vectorArbitrary } from './asking.contract.ts';
import { checkExplained, openExplaining, positionsOf } from './explaining.contract.ts';
import type { Explaining } from './explaining.contract.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const placeOf = ({ partition, offset }: LoggedEvent): string => `${partition}:${offset}`;

function renamed(history: readonly LoggedEvent[], tenant: string): LoggedEvent[] {
  return history.map((one) => ({ ...one, event: { ...one.event, tenant_id: tenant } }));
}

/** Several generated histories as one, so that people do more. */
function dense(tenant: string, times: number): fc.Arbitrary<LoggedEvent[]> {
  const some = Array.from({ length: times }, () => historyArbitrary(tenant, 40));
  return fc.tuple(...some).map((histories) => {
    const next = [0n, 0n, 0n, 0n];
    return histories.flat().map((one) => {
      const offset = next[one.partition] ?? 0n;
      next[one.partition] = offset + 1n;
      return { ...one, offset };
    });
  });
}

/** Everybody's events but those of the catalogue, each in order. */
function byPerson(history: readonly LoggedEvent[]): Map<string, LoggedEvent[]> {
  const people = Map.groupBy(
    history.filter(({ event }) => actorOf(event) !== ''),
    ({ event }) => actorOf(event),
  );
  for (const own of people.values()) {
    own.sort(
      (a, b) =>
        a.event.timestamp - b.event.timestamp || a.partition - b.partition || Number(a.offset - b.offset),
    );
  }
  return people;
}

type Rule = { readonly steps: readonly string[]; readonly order: FunnelOrder; readonly windowMs: number };

const does = (step: string | undefined, { event }: LoggedEvent): boolean =>
  step === 'any' || event.event_name === step;

/** Whether some events, in order, are an attempt at as many steps, by trying all ways. */
function isAttempt(events: readonly LoggedEvent[], { steps, order, windowMs }: Rule): boolean {
  const [first, last] = [events[0], events.at(-1)];
  if (!first || !last || last.event.timestamp - first.event.timestamp > windowMs) return false;
  if (order !== 'any') return events.every((event, step) => does(steps[step], event));
  const assign = (index: number, left: readonly string[]): boolean => {
    const event = events[index];
    if (!event) return true;
    return left.some((step, at) => does(step, event) && assign(index + 1, left.toSpliced(at, 1)));
  };
  return assign(0, steps);
}

/** How many steps somebody did, by trying all choices of their events. */
function levelOf(own: readonly LoggedEvent[], rule: Rule): number {
  let best = 0;
  const extend = (chosen: readonly LoggedEvent[], from: number): void => {
    if (chosen.length > 0 && !isAttempt(chosen, rule)) return;
    best = Math.max(best, chosen.length);
    if (chosen.length === rule.steps.length) return;
    const until = rule.order === 'strict' && chosen.length > 0 ? from + 1 : own.length;
    for (let next = from; next < until; next++) {
      const event = own[next];
      if (event) extend([...chosen, event], next + 1);
    }
  };
  extend([], 0);
  return best;
}

describe('users of attempts and cohorts are explained by what they did', () => {
  let explaining: Explaining;
  beforeAll(async () => {
    explaining = await openExplaining();
  });
  after(() => explaining[Symbol.asyncDispose]());

  test('steps and drop-offs of funnels in every order', async () => {
    let runs = 0;
    let users = 0;
    const step = fc.constantFrom('impression', 'click', 'order', 'a', 'b', 'any');
    await fc.assert(
      fc.asyncProperty(
        dense('placeholder', 3),
        vectorArbitrary(90),
        fc.array(step, { minLength: 2, maxLength: 3 }),
        fc.constantFrom(60_000, 3 * HOUR_MS, 7 * DAY_MS),
        async (history, vector, steps, windowMs) => {
          const id = `attempts${++runs}`;
          const tenant = await explaining.put(renamed(history, id), vector);
          await explaining.put(renamed(history, `${id}-too`));
          const range = { from: AROUND_MS - DAY_MS, to: AROUND_MS + 2 * DAY_MS };
          const people = byPerson(
            before(history, vector).filter(
              ({ event }) =>
                event.kind !== 'catalog' && event.timestamp >= range.from && event.timestamp < range.to,
            ),
          );
          for (const order of ['ordered', 'strict', 'any'] as const) {
            const rule = { steps, order, windowMs };
            const levels = new Map([...people].map(([person, own]) => [person, levelOf(own, rule)]));
            const question = {
              ...range,
              steps: steps.map((event) => ({ event })),
              order,
              window: `${windowMs / 1000}s`,
            };
            for (const [cell, isIn] of cellsOf(steps.length)) {
              const asked = { ...question, cell };
              const members = await explaining.pages('funnel', tenant, { ...asked, page_size: 2 });
              const expected = [...levels].filter(([, level]) => isIn(level)).map(([person]) => person);
              assert.deepEqual(
                members.map(({ user }) => user),
                expected.sort(),
                JSON.stringify(asked),
              );
              const whole = await explaining.explain('funnel', tenant, asked);
              assert.deepEqual([whole.value, whole.recount?.value], [expected.length, expected.length]);
              assert.equal(whole.recount?.equal, true);
              for (const user of expected) {
                const rows = await explaining.pages('funnel', tenant, { ...asked, user, level: 'events' });
                const places = new Set(positionsOf(rows));
                const own = (people.get(user) ?? []).filter((event) => places.has(placeOf(event)));
                const length = 'step' in cell ? cell.step : (levels.get(user) ?? 0);
                assert.equal(own.length, length, JSON.stringify(asked));
                assert.ok(isAttempt(own, rule), JSON.stringify(asked));
                users++;
              }
            }
          }
        },
      ),
      { numRuns: 4, unbiased: true },
    );
    assert.ok(users > 3, `${users} users`);
  });

  test('rates and times of a funnel come to the same from the raw records', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(historyArbitrary('placeholder', 60), async (history) => {
        const tenant = await explaining.put(renamed(history, `times${++runs}`));
        const question = {
          from: AROUND_MS - 3 * DAY_MS,
          to: AROUND_MS + 4 * DAY_MS,
          steps: [{ event: 'any' }, { event: 'any' }],
        };
        const { steps } = (await explaining.asking.data('funnel', tenant, question)) as {
          steps: Readonly<Record<string, number | null>>[];
        };
        for (const figure of ['conversion_rate', 'step_rate', 'average_seconds', 'median_seconds']) {
          const value = steps[1]?.[figure];
          if (value === null) continue;
          const explained = await explaining.explain('funnel', tenant, {
            ...question,
            cell: { step: 2, figure },
          });
          assert.equal(explained.value, value, figure);
          assert.deepEqual([explained.recount?.equal, explained.recount?.value], [true, value], figure);
        }
      }),
      { numRuns: 4 },
    );
  });

  test('cohorts and who came back, however they are defined', async () => {
    let runs = 0;
    let compared = 0;
    const from = AROUND_MS - 2 * DAY_MS;
    const range = { from, to: from + 5 * DAY_MS };
    const dayOf = (ms: number): number => Math.floor((ms - from) / DAY_MS);
    const inRange = ({ event }: LoggedEvent): boolean => {
      return event.timestamp >= range.from && event.timestamp < range.to;
    };
    await fc.assert(
      fc.asyncProperty(dense('placeholder', 6), vectorArbitrary(150), async (history, vector) => {
        const id = `cohorts${++runs}`;
        const tenant = await explaining.put(renamed(history, id), vector);
        await explaining.put(renamed(history, `${id}-too`));
        const people = byPerson(before(history, vector));
        const starts = ({ event }: LoggedEvent): boolean => event.event_name === 'a';
        for (const cohort of ['first_ever', 'first_in_range', 'recurring'] as const) {
          for (const mode of ['on', 'on_or_after'] as const) {
            const question = {
              ...range,
              start: { event: 'a' },
              return: { event: 'any' },
              cohort,
              mode,
              periods: 3,
            };
            for (const [day, period] of [
              [1, undefined],
              [2, 0],
              [2, 1],
            ] as const) {
              const found = new Map<string, string[]>();
              for (const [person, all] of people) {
                const own = cohort === 'first_ever' ? all : all.filter(inRange);
                const begun = own.filter(starts);
                const first = cohort === 'recurring' ? begun : begun.slice(0, 1);
                const begins = first.filter((one) => inRange(one) && dayOf(one.event.timestamp) === day);
                const backs = all.filter((one) => {
                  const after = dayOf(one.event.timestamp) - day;
                  const fits = mode === 'on' ? after === period : after >= (period ?? 0);
                  return inRange(one) && one.event.kind !== 'catalog' && fits;
                });
                if (begins.length === 0 || (period !== undefined && backs.length === 0)) continue;
                const counting = new Set([...begins, ...(period === undefined ? [] : backs)].map(placeOf));
                found.set(person, [...counting]);
              }
              const start = new Date(from + day * DAY_MS).toISOString().slice(0, 10);
              const cell = { cohort: start, ...(period === undefined ? {} : { period }) };
              const expected = { cell, value: found.size, by: 'user', found } as const;
              await checkExplained(explaining, expected, { name: 'retention', tenant, question });
              compared += found.size;
            }
          }
        }
      }),
      { numRuns: 3, unbiased: true },
    );
    assert.ok(compared > 3, `${compared} users`);
  });
});

type Cell = { readonly step: number } | { readonly drop_off: number };

/** The cells of a funnel, and who is in each by the steps they did. */
function cellsOf(steps: number): readonly (readonly [Cell, (level: number) => boolean])[] {
  const numbers = Array.from({ length: steps }, (_, index) => index + 1);
  return [
    ...numbers.map((step) => [{ step }, (level: number) => level >= step] as const),
    ...numbers.slice(1).map((step) => [{ drop_off: step }, (level: number) => level === step - 1] as const),
  ];
}
