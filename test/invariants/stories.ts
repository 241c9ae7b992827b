import type { ActionType, JsonObject, ScenarioType } from '#domain';
import type { Random } from '../random.ts';

/** What one step of a story says beside who and when. The last three are what the platform must make of it. */
export type Step = {
  readonly action: ActionType;
  readonly data: JsonObject | undefined;
  readonly extra: JsonObject | undefined;
  readonly position?: number;
  readonly watchDuration?: number;
  readonly completionRate?: number;
  readonly amount?: number;
  readonly currency?: string;
};

/** How people behave in one scenario type: a path they walk and leave, and what they do on the way. */
export type Story = {
  readonly type: ScenarioType;
  readonly path: readonly ActionType[];
  /** Chance to go on from each step of the path to the next. */
  readonly stay: number;
  readonly aside: readonly ActionType[];
};

/** The eight scenario types and `custom`; together their actions are all 38. */
export const STORIES: readonly Story[] = [
  {
    type: 'video',
    path: ['impression', 'click', 'play', 'play_end'],
    stay: 0.75,
    aside: ['like', 'share', 'comment', 'follow', 'pause'],
  },
  {
    type: 'ecommerce',
    path: ['impression', 'click', 'view', 'add_cart', 'order', 'payment'],
    stay: 0.72,
    aside: ['favorite', 'share', 'purchase'],
  },
  {
    type: 'news',
    path: ['impression', 'click', 'read', 'read_end'],
    stay: 0.7,
    aside: ['like', 'dislike', 'comment', 'share', 'follow', 'not_interest'],
  },
  {
    type: 'music',
    path: ['impression', 'play', 'play_end'],
    stay: 0.8,
    aside: ['pause', 'repeat', 'download', 'add_playlist', 'like', 'share'],
  },
  {
    type: 'education',
    path: ['impression', 'click', 'trial', 'learn', 'complete', 'purchase'],
    stay: 0.7,
    aside: ['note', 'ask', 'review', 'pause'],
  },
  {
    type: 'content',
    path: ['impression', 'click', 'view', 'read'],
    stay: 0.7,
    aside: ['like', 'comment', 'share', 'collect', 'report'],
  },
  {
    type: 'social',
    path: ['impression', 'view_profile', 'add_friend', 'message'],
    stay: 0.65,
    aside: ['follow', 'ignore', 'block'],
  },
  {
    type: 'personalized',
    path: ['impression', 'click'],
    stay: 0.6,
    aside: ['positive_feedback', 'negative_feedback', 'dismiss', 'not_interest'],
  },
  { type: 'custom', path: ['impression', 'click'], stay: 0.5, aside: ['like'] },
];

const PATH_TAGS = ['/服饰/女装/连衣裙', '/数码/手机', '/家居'];
const quarter = (random: Random): number => random.between(0, 4) / 4;

/** What a step of a story carries, with values that add up exactly in binary. */
export function stepOf(type: ScenarioType, action: ActionType, random: Random): Step {
  const position = action === 'impression' || action === 'click' ? { position: random.between(1, 20) } : {};
  return { action, ...position, ...CONTENT[type](action, random) };
}

type Content = Omit<Step, 'action' | 'position'>;

const CONTENT: Record<ScenarioType, (action: ActionType, random: Random) => Content> = {
  video: (action, random) => {
    const duration = random.between(30, 600);
    if (action !== 'play_end') {
      return { data: { duration, video_quality: random.pick(['360p', '1080p', '4K']) }, extra: undefined };
    }
    const completionRate = quarter(random);
    const watchDuration = random.between(0, 600);
    return {
      data: { duration, watch_duration: watchDuration, completion_rate: completionRate },
      extra: { pause_count: random.below(4), tags: ['funny', 'comedy'] },
      watchDuration,
      completionRate,
    };
  },
  ecommerce: (action, random) => {
    const price = random.between(1, 4000) / 4;
    const data: JsonObject = {
      price,
      currency: 'CNY',
      category_path: random.pick(PATH_TAGS),
      brand: random.pick(['Apple', 'Acme', "O'Neill"]),
    };
    const amount = price * random.between(1, 3);
    if (action === 'order') {
      const extra = { order_id: `o${random.below(1e9)}`, quantity: 1, total_amount: amount };
      return { data, extra, amount, currency: 'CNY' };
    }
    if (action === 'payment' || action === 'purchase') {
      const extra = { order_id: `o${random.below(1e9)}`, payment_amount: amount, payment_method: 'card' };
      return { data, extra, amount, currency: 'CNY' };
    }
    return { data, extra: action === 'add_cart' ? { quantity: 1 } : undefined };
  },
  news: (action, random) => {
    const data = { news_type: random.pick(['财经', '科技']), word_count: random.between(100, 3000) };
    if (action !== 'read_end') return { data, extra: undefined };
    const watchDuration = random.between(1, 300);
    const completionRate = quarter(random);
    return {
      data: { ...data, read_duration: watchDuration, read_progress: completionRate },
      extra: undefined,
      watchDuration,
      completionRate,
    };
  },
  music: (action, random) => {
    const data = { duration: 240, artist: 'Björk', genre: random.pick(['pop', '流行']) };
    if (action !== 'play_end') return { data, extra: undefined };
    const watchDuration = random.between(1, 240);
    const completionRate = quarter(random);
    return {
      data: { ...data, play_duration: watchDuration },
      extra: { completion_rate: completionRate },
      watchDuration,
      completionRate,
    };
  },
  education: (action, random) => {
    const data = { course_id: `COURSE${random.below(50)}`, difficulty_level: '中级' };
    if (action === 'learn') {
      const watchDuration = random.between(60, 1800);
      const completionRate = quarter(random);
      return {
        data: { ...data, study_duration: watchDuration, progress: completionRate },
        extra: undefined,
        watchDuration,
        completionRate,
      };
    }
    if (action === 'complete') return { data, extra: { chapter_id: 'CHAPTER01' }, completionRate: 1 };
    if (action !== 'purchase') return { data, extra: undefined };
    const amount = random.between(1, 999);
    return { data, extra: { order_id: `o${random.below(1e9)}`, payment_amount: amount }, amount };
  },
  content: (_action, random) => ({
    data: {
      content_type: random.pick(['post', 'question']),
      topic: '科技数码',
      is_original: random.chance(0.5),
    },
    extra: undefined,
  }),
  social: (_action, random) => ({
    data: { relationship_type: 'suggested', mutual_friends_count: random.below(30) },
    extra: undefined,
  }),
  personalized: (_action, random) => ({
    data: { personalization_score: quarter(random), recommendation_strategy: 'hybrid' },
    extra: { feature_importance: { collaborative: 0.5, popularity: 0.5 } },
  }),
  custom: (_action, random) => ({
    data: { colour: random.pick(['red', 'blue']), depth: { inner: [1, 'two', null] } },
    extra: undefined,
  }),
};
