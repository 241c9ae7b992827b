import type { Json } from './event.ts';
import { SCENARIO_TYPES } from './scenario.ts';
import type { ScenarioType } from './scenario.ts';

/** Another name for a field, which `extra_data` may use (X12). */
export type FieldAlias = {
  readonly alias: string;
  /** The name in `scenario_data`, which is kept. */
  readonly field: string;
  /** What becomes of the value. @default it stays */
  readonly conversion?: AliasConversion;
};

export type AliasConversion = 'negated' | 'audio_quality' | 'milliseconds';

/** X11 and X12: names of `extra_data` that stand for another name, or for the same one in another unit. */
export const FIELD_ALIASES: Readonly<Record<ScenarioType, readonly FieldAlias[]>> = {
  video: [
    { alias: 'video_duration', field: 'duration' },
    { alias: 'full_screen', field: 'is_fullscreen' },
    { alias: 'sound_on', field: 'is_muted', conversion: 'negated' },
    { alias: 'speed', field: 'playback_speed' },
  ],
  ecommerce: [
    { alias: 'stock', field: 'stock_count' },
    { alias: 'discount_rate', field: 'discount' },
    { alias: 'category', field: 'category_path' },
  ],
  news: [{ alias: 'publish_time', field: 'publish_time', conversion: 'milliseconds' }],
  music: [
    { alias: 'quality', field: 'audio_quality', conversion: 'audio_quality' },
    { alias: 'is_vip', field: 'is_vip_only' },
  ],
  education: [
    { alias: 'difficulty', field: 'difficulty_level' },
    { alias: 'learning_progress', field: 'progress' },
    { alias: 'speed', field: 'playback_speed' },
  ],
  content: [],
  social: [],
  personalized: [],
  custom: [],
};

/** The letters of `quality` and the words of `audio_quality`, in the order both are listed in. */
export const AUDIO_QUALITIES: Readonly<Record<string, string>> = { SQ: '无损', HQ: '高品', 标准: '标准' };

/** As milliseconds early in 1973, as seconds the year 5138: nobody means the first. */
const SECONDS_BELOW = 100_000_000_000;

/** The value under the canonical name, or undefined when it has none there. */
export function convertAlias({ conversion }: FieldAlias, value: Json): Json | undefined {
  return conversion === undefined ? value : CONVERSIONS[conversion](value);
}

const CONVERSIONS: Readonly<Record<AliasConversion, (value: Json) => Json | undefined>> = {
  negated: (value) => (typeof value === 'boolean' ? !value : undefined),
  audio_quality: (value) =>
    typeof value === 'string' && Object.hasOwn(AUDIO_QUALITIES, value) ? AUDIO_QUALITIES[value] : undefined,
  milliseconds: (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return undefined;
    return value < SECONDS_BELOW ? value * 1000 : value;
  },
};

const byAlias: ReadonlyMap<string, ReadonlyMap<string, FieldAlias>> = new Map(
  SCENARIO_TYPES.map((type) => [type, new Map(FIELD_ALIASES[type].map((one) => [one.alias, one]))]),
);

/** What a member of `extra_data` stands for, undefined when for itself. */
export function aliasOf(type: ScenarioType, name: string): FieldAlias | undefined {
  return byAlias.get(type)?.get(name);
}

/** The names a field may stand under, its own first. */
export function spellingsOf(type: ScenarioType, field: string): readonly string[] {
  const aliases = FIELD_ALIASES[type].filter((one) => one.field === field && one.alias !== field);
  return [field, ...aliases.map(({ alias }) => alias)];
}
