import { Type } from 'typebox';
import { percent } from '#domain';
import type { Plan as DistributionPlan } from './distribution.ts';
import type { Plan as EventsPlan } from './events.ts';
import { bucketAt, cellOf, leftBy, ofOneScenario, plainCell } from './explain-cell.ts';
import type { CellsOf } from './explain-cell.ts';
import { isLabelled, isSelected, not, ofItem } from './explain-condition.ts';
import type { Condition } from './explain-condition.ts';
import { countPart } from './explain-metrics.ts';
import { eventsPart, membersPart } from './explain-part.ts';
import type { Part } from './explain-part.ts';
import type { Plan as HotItemsPlan } from './hot-items.ts';
import type { Plan as MinutesPlan } from './minutes.ts';
import { oneOf } from './question.ts';
import type { Piece } from './slices.ts';

const TIME = Type.Unsafe<string | number>({
  type: ['string', 'number'],
  maxLength: 64,
  description: 'The point, by its `time` in the answer.',
});

const SLICE = Type.Object(
  { label: Type.String({ description: 'The group, by its label.' }) },
  { additionalProperties: false },
);

type DistributionAnswer = { readonly distribution: readonly { label: string; count: number }[] };

/** The groups of a distribution. */
export const distributionCells: CellsOf<Type.Static<typeof SLICE>, DistributionPlan> = {
  schema: SLICE,
  example: { label: 'item_7' },
  find({ label }, { plan, answer }) {
    const group = (answer as DistributionAnswer).distribution.find((one) => one.label === label);
    const conditions = [isLabelled(plan.by, label), ...ofOneScenario(plan.scenarioId)];
    return plainCell(group?.count, countPart(plan.metric, { ...plan, conditions }));
  },
};

const POINT = Type.Object(
  {
    time: TIME,
    breakdown: Type.Optional(
      Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'The series, by its `breakdown` in the answer.',
      }),
    ),
    other: Type.Optional(
      Type.Boolean({ description: 'The series of what is beyond the limit.', default: false }),
    ),
  },
  { additionalProperties: false },
);

type EventsAnswer = {
  readonly series: readonly {
    readonly breakdown: string | null;
    readonly other?: boolean;
    readonly points: readonly { readonly value: number }[];
  }[];
};

/** The points of the series of an event. */
export const eventsCells: CellsOf<Type.Static<typeof POINT>, EventsPlan> = {
  schema: POINT,
  example: { time: '2024-03-04T00:00:00.000Z' },
  find({ time, breakdown = null, other = false }, { plan, answer }) {
    const { series } = answer as EventsAnswer;
    const own = other
      ? series.find((one) => one.other)
      : series.find((one) => !one.other && one.breakdown === breakdown);
    const bucket = bucketAt(time, plan.edges, plan);
    const conditions: Condition[] = [isSelected(plan.selection)];
    if (plan.breakdown !== undefined) {
      const { breakdown: by } = plan;
      const shown = series.filter((one) => !one.other).map((one) => isLabelled(by, one.breakdown));
      conditions.push(...(other ? shown.map(not) : [isLabelled(by, breakdown)]));
    }
    const part = counted(plan.measure, { ...(bucket ?? plan), conditions });
    return plainCell(bucket && own?.points[bucket.index]?.value, part);
  },
};

/** Events, or different users of events. */
function counted(
  measure: 'count' | 'users',
  events: Piece & { readonly conditions: readonly Condition[] },
): Part {
  return measure === 'count'
    ? eventsPart({ ...events, name: 'events' })
    : membersPart({ ...events, name: 'users' });
}

const MINUTE = Type.Object(
  { time: TIME, figure: oneOf(['pv', 'uv'], 'Events or users.') },
  { additionalProperties: false },
);

type MinutesAnswer = { readonly points: readonly Readonly<Record<'pv' | 'uv', number>>[] };

/** The minutes. */
export const minutesCells: CellsOf<Type.Static<typeof MINUTE>, MinutesPlan> = {
  schema: MINUTE,
  example: { time: '2024-03-04T10:00:00.000Z', figure: 'uv' },
  find({ time, figure }, { plan, answer }) {
    const bucket = bucketAt(time, plan.edges, plan.narrowing);
    const conditions = [isSelected(plan.selection), ...leftBy(plan.narrowing)];
    const part = counted(figure === 'pv' ? 'count' : 'users', { ...(bucket ?? plan.narrowing), conditions });
    return plainCell(bucket && (answer as MinutesAnswer).points[bucket.index]?.[figure], part);
  },
};

const HOT_FIGURES = {
  total_impressions: 'impressions',
  total_clicks: 'clicks',
  conversions: 'conversions',
} as const;

const HOT_ITEM = Type.Object(
  {
    item_id: Type.String({ description: 'An item of the answer.' }),
    figure: oneOf(
      ['total_impressions', 'total_clicks', 'ctr', 'conversions'],
      'A number of the item, by its name.',
    ),
  },
  { additionalProperties: false },
);

type HotItem = { readonly item_id: string } & Readonly<
  Record<Type.Static<typeof HOT_ITEM>['figure'], number>
>;

/** The numbers of the hot items. */
export const hotItemsCells: CellsOf<Type.Static<typeof HOT_ITEM>, HotItemsPlan> = {
  schema: HOT_ITEM,
  example: { item_id: 'item_7', figure: 'total_clicks' },
  find({ item_id: id, figure }, { plan, answer }) {
    const item = (answer as { readonly items: readonly HotItem[] }).items.find((one) => one.item_id === id);
    const value = item?.[figure];
    const events = { ...plan.narrowing, conditions: [ofItem(id), ...leftBy(plan.narrowing)] };
    if (figure !== 'ctr') return plainCell(value, countPart(HOT_FIGURES[figure], events));
    const clicks = countPart('clicks', events);
    const impressions = countPart('impressions', events);
    return cellOf(value, {
      parts: [clicks, impressions],
      worth: (totals) => percent(Number(totals.of(clicks)), Number(totals.of(impressions))),
    });
  },
};
