import type { Event } from '#domain';
import { behaviours, byBytes, quotient, scaled, usersOf, within } from './scenario-oracles.ts';
import type { Bucket } from './scenario-oracles.ts';

const SEEN = `impressions: events(impression)
clicks: events(click)
ctr: 100 × events(click) / events(impression)`;
const SHOWN_LIKES = `likes: events(like)
comments: events(comment)
shares: events(share)`;

/** The table of docs/questions.md (MF-09 to MF-11, S1-01 to S5-01), written out as formulas. */
const FORMULAS: Readonly<Record<string, string>> = {
  video: `${SEEN}
plays: events(play)
completion_rate: 100 × sum(completion_rate of play_end) / events(play_end with completion_rate)
avg_watch_duration: sum(watch_duration of play_end) / events(play_end with watch_duration)
likes: events(like)
shares: events(share)
comments: events(comment)`,
  ecommerce: `${SEEN}
add_cart_rate: 100 × events(add_cart) / events(impression)
order_rate: 100 × events(order) / events(impression)
payment_rate: 100 × events(payment) / events(impression)
purchase_rate: 100 × events(purchase) / events(impression)`,
  news: `${SEEN}
reads: events(read)
read_completion_rate: 100 × sum(completion_rate of read_end) / events(read_end with completion_rate)
avg_stay_duration: sum(watch_duration of read) / events(read with watch_duration)
avg_read_duration: sum(watch_duration of read_end) / events(read_end with watch_duration)
${SHOWN_LIKES}`,
  music: `${SEEN}
plays: events(play)
play_completion_rate: 100 × sum(completion_rate of play_end) / events(play_end with completion_rate)
avg_play_duration: sum(watch_duration of play_end) / events(play_end with watch_duration)
single_loop_rate: 100 × events(repeat) / events(play)
add_playlist_rate: 100 × events(add_playlist) / events(play)
likes: events(like)
shares: events(share)`,
  education: `${SEEN}
learners: users(learn)
study_completion_rate: 100 × sum(completion_rate of learn, complete) / events(learn, complete with completion_rate)
avg_study_duration: sum(watch_duration of learn) / events(learn with watch_duration)
purchase_rate: 100 × events(purchase) / events(impression)
interaction_rate: 100 × events(note, ask, review) / users(learn)`,
  content: `${SEEN}
views: events(view)
reads: events(read)
avg_read_duration: sum(watch_duration of read) / events(read with watch_duration)
${SHOWN_LIKES}
collects: events(collect)
engagement_rate: 100 × events(like, comment, share, collect) / events(impression)
report_rate: 100 × events(report) / events(impression)`,
  social: `impressions: events(impression)
profile_view_rate: 100 × events(view_profile) / events(impression)
follow_rate: 100 × events(follow) / events(impression)
add_friend_rate: 100 × events(add_friend) / events(impression)
messages: events(message)
ignore_rate: 100 × events(ignore) / events(impression)
block_rate: 100 × events(block) / events(impression)`,
  personalized: `${SEEN}
positive_feedback: events(positive_feedback)
negative_feedback: events(negative_feedback)
positive_feedback_rate: 100 × events(positive_feedback) / events(positive_feedback, negative_feedback)
dismiss_rate: 100 × events(dismiss) / events(impression)
not_interest_rate: 100 × events(not_interest) / events(impression)`,
  custom: `${SEEN}
order_rate: 100 × events(order) / events(impression)
payment_rate: 100 × events(payment) / events(impression)`,
};
const MONEY: Readonly<Record<string, string>> = {
  ecommerce: `gmv: sum(amount of payment)
aov: sum(amount of payment) / events(order)
purchase_value: sum(amount of purchase)`,
  education: 'purchase_value: sum(amount of purchase)',
};
/** What the money metrics of a type count. */
const MONEY_ACTIONS: Readonly<Record<string, readonly string[]>> = {
  ecommerce: ['payment', 'order', 'purchase'],
  education: ['purchase'],
};

type Line = { readonly name: string; readonly formula: string };

function linesOf(text: string | undefined): readonly Line[] {
  return (text?.split('\n') ?? []).map((line) => {
    const [name = '', formula = ''] = line.split(': ');
    return { name, formula };
  });
}

/** A term of a formula, in the whole numbers of its unit, and how many of them make one. */
function term(text: string, events: readonly Event[]): { readonly wholes: bigint; readonly scale: bigint } {
  const match = /^(events|users|sum)\((?:(\w+) of )?([\w, ]+?)(?: with (\w+))?\)$/.exec(text);
  if (!match) throw new Error(`no term: ${text}`);
  const [, function_, summed, names = '', present] = match;
  const own = behaviours(events, ...names.split(', '));
  if (function_ === 'users') return { wholes: BigInt(usersOf(own)), scale: 1n };
  if (function_ === 'events') {
    const counted = present ? own.filter((event) => event[present as 'amount'] !== undefined) : own;
    return { wholes: BigInt(counted.length), scale: 1n };
  }
  const decimals = { watch_duration: 3, completion_rate: 6, amount: 4 }[summed ?? ''] ?? 0;
  const values = own.map((event) => scaled(event[summed as 'amount'] ?? 0, decimals));
  return { wholes: values.reduce((total, value) => total + value, 0n), scale: 10n ** BigInt(decimals) };
}

type Parts = {
  readonly part: ReturnType<typeof term>;
  readonly whole: bigint | undefined;
  readonly isRate: boolean;
};

function evaluated(formula: string, events: readonly Event[]): Parts {
  const isRate = formula.startsWith('100 × ');
  const [numerator = '', denominator] = formula.replace('100 × ', '').split(' / ');
  const part = term(numerator, events);
  return { part, whole: denominator === undefined ? undefined : term(denominator, events).wholes, isRate };
}

function figure(formula: string, events: readonly Event[]) {
  const { part, whole, isRate } = evaluated(formula, events);
  const numerator = Number(part.wholes) / Number(part.scale);
  if (whole === undefined) return { numerator, denominator: null, value: numerator };
  const [times, shown] = isRate ? [10_000n, 100] : [1000n, 1000];
  const value = Number(quotient(part.wholes * times, whole * part.scale)) / shown;
  return { numerator, denominator: Number(whole), value };
}

/** Ten-thousandths as a decimal. */
function decimal(wholes: bigint): string {
  const digits = String(wholes < 0n ? -wholes : wholes).padStart(5, '0');
  return `${wholes < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

function moneyFigure(formula: string, events: readonly Event[]) {
  const { part, whole } = evaluated(formula, events);
  const numerator = decimal(part.wholes);
  if (whole === undefined) return { numerator, denominator: null, value: numerator };
  return { numerator, denominator: Number(whole), value: decimal(quotient(part.wholes, whole)) };
}

/** The metrics of one type, or of all that have an event one of their metrics counts. */
export function scenarioMetricsOf(
  events: readonly Event[],
  options: { readonly type?: string | undefined; readonly buckets?: readonly Bucket[] | undefined },
): unknown {
  const types = options.type === undefined ? Object.keys(FORMULAS) : [options.type];
  return {
    scenarios: types.flatMap((type) => {
      const own = events.filter(({ scenario_type: of }) => of === type);
      const lines = linesOf(FORMULAS[type]);
      const named = [...lines, ...linesOf(MONEY[type])].flatMap(({ formula }) => formula.match(/\w+/g) ?? []);
      if (options.type === undefined && behaviours(own, ...named).length === 0) return [];
      return [{ scenario_type: type, ...metricsOf(type, own, options.buckets) }];
    }),
  };
}

function metricsOf(type: string, own: readonly Event[], buckets: readonly Bucket[] | undefined) {
  const points = (figureIn: (events: readonly Event[]) => object) =>
    buckets
      ? { points: buckets.map(({ startMs, ...part }) => ({ time: startMs, ...figureIn(within(own, part)) })) }
      : {};
  const moving = behaviours(own, ...(MONEY_ACTIONS[type] ?? ['none']));
  const currencies = [...new Set(moving.map(({ currency = '' }) => currency))].sort(byBytes);
  return {
    metrics: linesOf(FORMULAS[type]).map(({ name, formula }) => ({
      name,
      unit: formula.startsWith('100 ×') ? 'percent' : formula.includes(' / ') ? 'seconds' : 'count',
      formula,
      ...figure(formula, own),
      ...points((events) => figure(formula, events)),
    })),
    money: linesOf(MONEY[type]).flatMap(({ name, formula }) =>
      currencies.map((currency) => {
        const inCurrency = (events: readonly Event[]) =>
          events.filter((event) => (event.currency ?? '') === currency);
        return {
          name,
          currency: currency || null,
          formula,
          ...moneyFigure(formula, inCurrency(own)),
          ...points((events) => moneyFigure(formula, inCurrency(events))),
        };
      }),
    ),
  };
}
