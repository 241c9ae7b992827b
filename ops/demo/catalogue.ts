import type { JsonObject, ScenarioType } from '#domain';
import type { Chance } from './chance.ts';

/** The scenario types that the demo plays; `custom` has no fields of its own to show. */
export type DemoType = Exclude<ScenarioType, 'custom'>;

/** Something that is shown to people. */
export type Item = {
  readonly id: string;
  readonly type: DemoType;
  readonly title: string;
  readonly category: string;
  /** In hundredths of a yuan; 0 where nothing is sold. */
  readonly priceFen: number;
  /** Seconds it lasts; 0 where it does not. */
  readonly seconds: number;
  /** Who made it: brand, author, artist, teacher. */
  readonly maker: string;
  /** How readily people go on with it, about 1. */
  readonly appeal: number;
  /** How often it is shown: the n-th of its type has 1/n of the first (Zipf). */
  readonly weight: number;
};

/** What a type offers: things that come in variants, from makers. Prices in yuan, lengths in seconds. */
type Assortment = {
  readonly things: readonly (readonly [title: string, category: string])[];
  readonly variants: readonly string[];
  readonly makers: readonly [string, ...string[]];
  readonly yuan: readonly [from: number, to: number];
  readonly seconds: readonly [from: number, to: number];
};

const ASSORTMENTS: Readonly<Record<DemoType, Assortment>> = {
  ecommerce: {
    things: [
      ['Wireless earbuds', '/数码/耳机'],
      ['Running shoes', '/运动/跑步'],
      ['真丝连衣裙', '/服饰/女装/连衣裙'],
      ['Desk lamp', '/家居/灯具'],
      ['保温杯', '/家居/厨房'],
      ['Rain jacket', '/服饰/户外'],
      ['Mechanical keyboard', '/数码/配件'],
      ['羊绒围巾', '/服饰/配饰'],
      ['Yoga mat', '/运动/瑜伽'],
      ['Coffee grinder', '/家居/厨房'],
    ],
    variants: ['Classic', 'Light', 'Pro', '2 代', 'Mini'],
    makers: ['Northwind', '山禾', 'Lumen', 'Altai', '青橙'],
    yuan: [39, 1299],
    seconds: [0, 0],
  },
  video: {
    things: [
      ['Three-minute noodles', 'food'],
      ['城市骑行日记', 'travel'],
      ['Cat on a keyboard', 'pets'],
      ['Guitar in ten steps', 'music'],
      ['阳台种菜', 'garden'],
      ['Trail running at dawn', 'sports'],
      ['A week in Lisbon', 'travel'],
      ['手工皮具', 'craft'],
    ],
    variants: ['part 1', 'part 2', 'part 3', '番外', 'short cut'],
    makers: ['author_mei', 'author_tom', 'author_lin', 'author_ana', 'author_raj'],
    yuan: [0, 0],
    seconds: [15, 420],
  },
  news: {
    things: [
      ['Markets close higher', 'finance'],
      ['新能源汽车销量创新高', 'technology'],
      ['City opens a new tram line', 'local'],
      ['Storm passes the coast', 'weather'],
      ['国家队晋级决赛', 'sports'],
      ['New battery lasts twice as long', 'technology'],
      ['Museum shows early maps', 'culture'],
    ],
    variants: ['report', 'analysis', 'comment', '图集'],
    makers: ['Daily Ledger', '晨报', 'Harbour Post', '科技周刊'],
    yuan: [0, 0],
    seconds: [0, 0],
  },
  music: {
    things: [
      ['Paper Boats', 'pop'],
      ['夜航', 'folk'],
      ['Slow Train North', 'jazz'],
      ['晴天以后', 'pop'],
      ['Glass Garden', 'electronic'],
      ['山谷', 'folk'],
      ['Second Sunrise', 'rock'],
    ],
    variants: ['single', 'live', 'acoustic', '伴奏'],
    makers: ['The Harbours', '苏禾', 'Ida Quist', '白桦乐队'],
    yuan: [0, 0],
    seconds: [140, 320],
  },
  education: {
    things: [
      ['Statistics with care', 'data'],
      ['Python 入门', 'programming'],
      ['Business English', 'languages'],
      ['摄影基础', 'arts'],
      ['Databases from below', 'programming'],
      ['Speaking in public', 'skills'],
    ],
    variants: ['beginner', 'intermediate', 'advanced', '实战'],
    makers: ['Dr. Osei', '王老师', 'Ms. Lindqvist', '陈教授'],
    yuan: [99, 899],
    seconds: [600, 2700],
  },
  content: {
    things: [
      ['How do you store coffee?', 'food'],
      ['周末去哪儿徒步', 'travel'],
      ['My first home network', 'technology'],
      ['租房避坑指南', 'living'],
      ['Sketches from the train', 'arts'],
      ['Best books this year', 'books'],
    ],
    variants: ['1', '2', '3', '4', '5'],
    makers: ['user_wren', 'user_hao', 'user_iris', 'user_bo'],
    yuan: [0, 0],
    seconds: [0, 0],
  },
  social: {
    things: [
      ['Mei', 'photography'],
      ['Jonas', 'cycling'],
      ['晓雨', 'reading'],
      ['Amara', 'music'],
      ['Lucas', 'cooking'],
      ['子墨', 'hiking'],
    ],
    variants: ['A.', 'B.', 'C.', 'D.', 'E.', 'F.'],
    makers: ['contacts', 'friends of friends', 'nearby'],
    yuan: [0, 0],
    seconds: [0, 0],
  },
  personalized: {
    things: [
      ['Ten quiet cafés', 'travel'],
      ['秋日穿搭', 'fashion'],
      ['Repair it yourself', 'craft'],
      ['Weeknight dinners', 'food'],
      ['入门级露营', 'outdoor'],
      ['Short walks', 'outdoor'],
    ],
    variants: ['for you', 'new', '精选', 'because you read', 'popular near you'],
    makers: ['hybrid', 'collaborative', 'content_based'],
    yuan: [0, 0],
    seconds: [0, 0],
  },
};

export const DEMO_TYPES = Object.keys(ASSORTMENTS) as readonly DemoType[];

/** All that is offered, by type, the most popular first. */
export type Catalogue = Readonly<Record<DemoType, readonly Item[]>>;

export function makeCatalogue(chance: Chance): Catalogue {
  return Object.fromEntries(DEMO_TYPES.map((type) => [type, itemsOf(type, chance)])) as unknown as Catalogue;
}

function itemsOf(type: DemoType, chance: Chance): readonly Item[] {
  const { things, variants, makers, yuan, seconds } = ASSORTMENTS[type];
  return variants
    .flatMap((variant) => things.map(([title, category]) => ({ title: `${title} · ${variant}`, category })))
    .map(({ title, category }, index) => ({
      id: `${type}-${String(index + 1).padStart(3, '0')}`,
      type,
      title,
      category,
      // Prices end in .90, as prices do.
      priceFen: yuan[1] === 0 ? 0 : chance.between(...yuan) * 100 + 90,
      seconds: chance.between(...seconds),
      maker: chance.pick(makers),
      appeal: 0.7 + 0.6 * chance.next(),
      weight: 1 / (index + 1),
    }));
}

/** The events by which an editor enters the items; they stand before everything else. */
export function catalogueEvents(
  catalogue: Catalogue,
  startAt: number,
  scenarioOf: (type: DemoType) => string,
): readonly JsonObject[] {
  return Object.values(catalogue)
    .flat()
    .map((item, index) => ({
      kind: 'catalog',
      event_name: 'item_created',
      scenario_id: scenarioOf(item.type),
      user_id: 'editor-1',
      item_id: item.id,
      timestamp: startAt + index,
      properties: {
        title: item.title,
        category: item.category,
        scenario_type: item.type,
        ...(item.priceFen > 0 ? { price: item.priceFen / 100, currency: 'CNY' } : {}),
      },
    }));
}
