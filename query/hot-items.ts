import { Type } from 'typebox';
import type { Static } from 'typebox';
import { percent } from '#domain';
import type { Analysis } from './analysis.ts';
import { countSql, onlyActionsOf } from './metrics-sql.ts';
import { NARROWING, narrowed, readNarrowing } from './narrowing.ts';
import type { Narrowing } from './narrowing.ts';
import { COMMON, oneOf } from './question.ts';
import { createBinder } from './sql.ts';
import type { Scope, Statement } from './sql.ts';

const ORDERS = ['clicks', 'ctr', 'conversions'] as const;

/** Fewer impressions than this say little about a rate. */
const MIN_IMPRESSIONS_OF_CTR = 10;

const SCHEMA = Type.Object(
  {
    ...COMMON,
    ...NARROWING,
    order: Type.Optional(oneOf(ORDERS, 'Of what the items have the most.', 'clicks')),
    min_impressions: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000,
        description: `Leaves out items with fewer impressions. By default ${MIN_IMPRESSIONS_OF_CTR} in the order of \`ctr\`, else 0.`,
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'How many items at most.', default: 10 }),
    ),
  },
  { additionalProperties: false },
);

const ANSWER = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          item_id: Type.String(),
          total_impressions: Type.Integer(),
          total_clicks: Type.Integer(),
          ctr: Type.Number({ description: 'Per cent.' }),
          conversions: Type.Integer(),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

export type Plan = {
  readonly narrowing: Narrowing;
  readonly order: (typeof ORDERS)[number];
  readonly minImpressions: number;
  readonly limit: number;
};

/**
 * The items with the most clicks (Q-08), or the highest click rate, or the most conversions. Items without
 * any of it are left out. Of equal ones the one with more clicks goes first, then by the bytes of the id. The
 * rate is compared as it is shown, with two decimals.
 */
export const hotItems: Analysis<Static<typeof SCHEMA>, Plan> = {
  name: 'hot-items',
  schema: SCHEMA,
  answerSchema: ANSWER,
  summary: 'The items with the most clicks, the highest click rate or the most conversions',
  example: {
    question: { tenant_id: 'acme', range: '7d', order: 'clicks', limit: 10 },
    answer: {
      items: [{ item_id: 'item_7', total_impressions: 400, total_clicks: 31, ctr: 7.75, conversions: 2 }],
    },
  },

  plan(question, time, report) {
    const { order = 'clicks', limit = 10 } = question;
    const minImpressions = question.min_impressions ?? (order === 'ctr' ? MIN_IMPRESSIONS_OF_CTR : 0);
    return { narrowing: readNarrowing(question, time, report), order, minImpressions, limit };
  },

  selections: () => [],

  async answer(plan, scope, ask) {
    const rows = await ask<{ item_id: string } & Record<'impressions' | 'clicks' | 'conversions', string>>(
      compileHotItems(plan, scope),
    );
    return {
      items: rows.map(({ item_id, impressions, clicks, conversions }) => ({
        item_id,
        total_impressions: Number(impressions),
        total_clicks: Number(clicks),
        ctr: percent(Number(clicks), Number(impressions)),
        conversions: Number(conversions),
      })),
    };
  },
};

const COUNTED = ['impressions', 'clicks', 'conversions'] as const;

/** What the domain's `percent` gives, in hundredths of a per cent. */
const CTR = 'if(impressions = 0, 0, intDiv(clicks * 20000 + impressions, 2 * impressions))';

export function compileHotItems(plan: Plan, scope: Scope): Statement {
  const binder = createBinder();
  const also = [onlyActionsOf(COUNTED), `item_id != ''`];
  const measure = plan.order === 'ctr' ? CTR : plan.order;
  const sql = `SELECT item_id, ${COUNTED.map((name) => `${countSql(name)} AS ${name}`).join(', ')}
    ${narrowed(binder, scope, { narrowing: plan.narrowing, also })}
    GROUP BY item_id HAVING ${measure} > 0 AND impressions >= ${plan.minImpressions}
    ORDER BY ${measure} DESC, clicks DESC, item_id LIMIT ${plan.limit}`;
  return { sql, params: binder.params };
}
