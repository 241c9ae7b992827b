import type { ActionType, Json, JsonObject, ScenarioType } from '#domain';
import type { Random } from '../random.ts';
import { TABLE_SCENARIOS } from '../scenario-table.ts';
import type { TableField } from '../scenario-table.ts';

/** What a behaviour says about its scenario as it is sent, and what the platform must make of it. */
export type ScenarioStep = {
  readonly sent: JsonObject;
  readonly made: {
    readonly scenario_type?: ScenarioType;
    readonly scenario_data?: JsonObject;
    readonly extra_data?: JsonObject;
    readonly position?: number;
    readonly watch_duration?: number;
    readonly completion_rate?: number;
    readonly amount?: number;
    readonly currency?: string;
  };
};

type Values = Record<string, Json>;

/** A step on its way: where its members stand, and what they come to. */
type Draft = {
  readonly type: ScenarioType | undefined;
  readonly branch: Values;
  /** `extra_data` as sent and by canonical names. */
  readonly extra: Values;
  readonly canonical: Values;
  readonly envelope: Values;
  readonly random: Random;
};

/** X12 and X11, by hand: what names of `extra_data` stand for. */
const ALIASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  video: {
    video_duration: 'duration',
    full_screen: 'is_fullscreen',
    sound_on: 'is_muted',
    speed: 'playback_speed',
  },
  ecommerce: { stock: 'stock_count', discount_rate: 'discount', category: 'category_path' },
  music: { quality: 'audio_quality', is_vip: 'is_vip_only' },
  education: { difficulty: 'difficulty_level', learning_progress: 'progress', speed: 'playback_speed' },
};
const QUALITIES: Readonly<Record<string, string>> = { SQ: '无损', HQ: '高品', 标准: '标准' };

/** S9-04: the seconds and the share of a consumption, by type. */
const DURATIONS: Readonly<Record<string, readonly string[]>> = {
  news: ['read_duration', 'stay_duration', 'watch_duration'],
  music: ['play_duration', 'watch_duration'],
  education: ['study_duration', 'watch_duration'],
  content: ['read_duration', 'watch_duration'],
};
const SHARES: Readonly<Record<string, readonly string[]>> = {
  news: ['read_progress', 'completion_rate'],
  education: ['progress', 'learning_progress', 'completion_rate'],
};
const AMOUNTS = ['total_amount', 'payment_amount', 'amount'];
const CONSUMPTIONS = ['play', 'play_end', 'read', 'read_end', 'learn', 'complete', 'trial'];
const MONEY = ['order', 'payment', 'purchase'];
/** Names that may carry a measure and so are said on purpose only. */
const MEASURES = new Set([
  ...Object.values(DURATIONS).flat(),
  ...Object.values(SHARES).flat(),
  ...AMOUNTS,
  'position',
  'currency',
]);

const WORDS = ['财经', '流行', "O'Neill", '100 %', '{x:1}', 'a"b\\c', 'plain', '🎵', 'ﬀ'];

/** Says one behaviour in one of the many ways in which senders say it. */
export function scenarioStepOf(
  type: ScenarioType | undefined,
  action: ActionType,
  random: Random,
): ScenarioStep {
  const draft: Draft = { type, branch: {}, extra: {}, canonical: {}, envelope: {}, random };
  const carriesBranch = type !== undefined && random.chance(0.7);
  if (type !== undefined) sayFields(draft, carriesBranch);
  const measures = measure(draft, action, carriesBranch);
  const named = type !== undefined && (!carriesBranch || random.chance(0.3));
  const data = carriesBranch ? { scenario_data: { [`${type}_data`]: draft.branch } } : {};
  const isSaid = Object.keys(draft.extra).length > 0;
  return {
    sent: {
      ...draft.envelope,
      ...data,
      ...(isSaid ? { extra_data: draft.extra } : {}),
      ...(named
        ? { scenario_type: type === 'video' ? random.pick(['video', 'vlog', 'short_video']) : type }
        : {}),
    },
    made: {
      ...data,
      ...(isSaid ? { extra_data: draft.canonical } : {}),
      ...(type === undefined ? {} : { scenario_type: type }),
      ...measures,
    },
  };
}

/** Some of the fields of the type, in the branch and in `extra_data`, there by whatever name. */
function sayFields({ type, branch, extra, canonical, random }: Draft, carriesBranch: boolean): void {
  const scenario = TABLE_SCENARIOS.find((one) => one.type === type);
  if (!scenario) {
    if (carriesBranch)
      Object.assign(branch, { colour: random.pick(WORDS), depth: { inner: [1, 'two', null] } });
    return;
  }
  const some = (fields: readonly TableField[], most: number): TableField[] =>
    random.shuffled(fields.filter(({ name }) => !MEASURES.has(name))).slice(0, random.between(0, most));
  if (carriesBranch) {
    for (const field of some([...scenario.core, ...scenario.more], 5))
      branch[field.name] = valueOf(field, random);
  }
  for (const field of some(scenario.extra, 4)) {
    const name = ALIASES[scenario.type]?.[field.name] ?? field.name;
    if (name in canonical) continue;
    const value = random.chance(0.04) ? null : valueOf(field, random);
    extra[field.name] = value;
    // Nothing said is nothing renamed.
    if (value === null) canonical[field.name] = null;
    else canonical[name] = converted(field.name, value);
  }
}

function converted(name: string, value: Json): Json {
  if (name === 'sound_on') return value !== true;
  if (name === 'quality') return QUALITIES[value as string] ?? value;
  if (name === 'publish_time' && typeof value === 'number' && value < 100_000_000_000) return value * 1000;
  return value;
}

function valueOf({ name, type, min = 0, max, values }: TableField, random: Random): Json {
  // Half of the senders mean seconds, where that can be told.
  if (name === 'publish_time' && min === 0) return random.pick([1_730_304_000, 1_730_304_000_000]);
  const most = (span: number): number => Math.min(max ?? Infinity, min + span);
  switch (type) {
    case 'i':
      return random.between(min, most(900));
    case 'n':
      return min + (random.below(1001) / 1000) * (most(100) - min);
    case 'b':
      return random.chance(0.5);
    case 's[]':
      return [random.pick(WORDS), random.pick(WORDS)];
    case 'i[]':
      return [random.below(60), 60];
    case '{}':
      return { popularity: 0.5 };
    default:
      return random.pick(values ?? WORDS);
  }
}

function measure(draft: Draft, action: ActionType, carriesBranch: boolean): ScenarioStep['made'] {
  const { random } = draft;
  if (MONEY.includes(action)) return money(draft, carriesBranch);
  if (action === 'impression' || action === 'click') {
    if (random.chance(0.2)) return {};
    const position = random.between(1, 20);
    say(draft, { names: ['position'], envelope: 'position', value: position, carriesBranch });
    return { position };
  }
  return CONSUMPTIONS.includes(action) ? consumption(draft, action, carriesBranch) : {};
}

function consumption(draft: Draft, action: ActionType, carriesBranch: boolean): ScenarioStep['made'] {
  const { type = 'custom', random } = draft;
  const seconds = saidMeasure(draft, {
    names: DURATIONS[type] ?? ['watch_duration'],
    envelope: 'watch_duration',
    good: () => (random.chance(0.5) ? random.below(900) : random.below(900_000) / 1000),
    bad: [-1, 'long', -0.001],
    carriesBranch,
  });
  const share = saidMeasure(draft, {
    names: SHARES[type] ?? ['completion_rate'],
    envelope: 'completion_rate',
    good: () => random.below(10_001) / random.pick([10_000, 100_000]),
    bad: [85, '0.5', -0.1],
    carriesBranch,
  });
  const counted = action === 'complete' ? 1 : type === 'content' && action === 'read' ? undefined : share;
  return {
    ...(seconds === undefined ? {} : { watch_duration: seconds }),
    ...(counted === undefined ? {} : { completion_rate: counted }),
  };
}

type Named = {
  readonly names: readonly string[];
  readonly envelope: string;
  readonly carriesBranch: boolean;
};

/** A measure that may be missing, null, or nothing that could be counted. */
function saidMeasure(
  draft: Draft,
  about: Named & { readonly good: () => number; readonly bad: readonly Json[] },
): number | undefined {
  const { random } = draft;
  const fate = random.next();
  if (fate < 0.15) return undefined;
  if (fate < 0.2) {
    say(draft, { ...about, value: fate < 0.17 ? null : random.pick(about.bad) });
    return undefined;
  }
  const value = about.good();
  say(draft, { ...about, value });
  return value;
}

/** Puts a value into the branch, into `extra_data` or into the envelope; with a null before it now and then. */
function say(
  draft: Draft,
  { names, envelope, carriesBranch, value }: Named & { readonly value: Json },
): void {
  const { type, branch, extra, canonical, random } = draft;
  const place = random.next();
  const name = random.pick(names);
  if (carriesBranch && place < 0.5) {
    branch[name] = value;
    return;
  }
  if (carriesBranch && random.chance(0.1)) branch[name] = null;
  if (place < 0.8) {
    extra[name] = value;
    canonical[(value === null ? undefined : ALIASES[type ?? '']?.[name]) ?? name] = value;
  } else draft.envelope[envelope] = value;
}

const CURRENCIES = ['CNY', 'USD', 'JPY', 'K"D'];

function money(draft: Draft, carriesBranch: boolean): ScenarioStep['made'] {
  const amount = saidAmount(draft, carriesBranch);
  const currency = saidCurrency(draft, carriesBranch);
  return {
    ...(amount === undefined ? {} : { amount }),
    ...(currency === undefined ? {} : { currency }),
  };
}

function saidAmount(draft: Draft, carriesBranch: boolean): number | undefined {
  const { random } = draft;
  const about = { names: AMOUNTS.slice(0, 2), envelope: 'amount', carriesBranch };
  if (random.chance(0.05)) {
    if (random.chance(0.5)) say(draft, { ...about, value: null });
    return undefined;
  }
  const amount = amountOf(random);
  say(draft, { ...about, value: random.chance(0.3) ? String(amount) : amount });
  return amount;
}

function saidCurrency(draft: Draft, carriesBranch: boolean): string | undefined {
  const { random } = draft;
  const about = { names: ['currency'], envelope: 'currency', carriesBranch };
  const currency = random.chance(0.2) ? undefined : random.pick(CURRENCIES);
  if (currency !== undefined || random.chance(0.3)) say(draft, { ...about, value: currency ?? null });
  return currency;
}

/** Amounts that binary fractions add up to something else: tenths, ten-thousandths, refunds, great sums. */
function amountOf(random: Random): number {
  const fate = random.next();
  if (fate < 0.05) return 123_456_789_012.3456;
  if (fate < 0.1) return -random.between(1, 99_999) / 100;
  if (fate < 0.5) return random.pick([0.1, 0.2, 0.3, 0.7, 1.1, 19.99, 299.9]);
  return random.between(0, 99_999_999) / 10_000;
}
