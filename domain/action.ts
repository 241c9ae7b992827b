/** What a behaviour may be about, in the order of the requirements (ACT-01 to ACT-38). */
export const ACTION_GROUPS = {
  impression: 'basic',
  click: 'basic',
  view: 'basic',
  play: 'consumption',
  play_end: 'consumption',
  read: 'consumption',
  read_end: 'consumption',
  learn: 'consumption',
  complete: 'consumption',
  like: 'interaction',
  dislike: 'interaction',
  favorite: 'interaction',
  share: 'interaction',
  comment: 'interaction',
  follow: 'interaction',
  add_cart: 'transaction',
  order: 'transaction',
  payment: 'transaction',
  purchase: 'transaction',
  not_interest: 'other',
  pause: 'other',
  repeat: 'other',
  download: 'other',
  add_playlist: 'interaction',
  trial: 'consumption',
  note: 'interaction',
  ask: 'interaction',
  review: 'interaction',
  collect: 'interaction',
  report: 'negative',
  view_profile: 'basic',
  add_friend: 'interaction',
  message: 'interaction',
  ignore: 'negative',
  block: 'negative',
  positive_feedback: 'feedback',
  negative_feedback: 'feedback',
  dismiss: 'feedback',
} as const;

/** One of the 38 canonical behaviour actions. */
export type ActionType = keyof typeof ACTION_GROUPS;

/** The canonical actions, each once. */
export const ACTIONS = Object.keys(ACTION_GROUPS) as readonly ActionType[];

/** Spellings that are accepted for a canonical action; using one is answered with a warning. */
export const ACTION_ALIASES: Readonly<Record<string, ActionType>> = Object.assign(
  Object.create(null) as Record<string, ActionType>,
  { not_interested: 'not_interest' },
);

const known = new Set<string>(ACTIONS);

/** The canonical action for a name as sent, or undefined when it is neither an action nor an alias. */
export function canonicalAction(name: string): ActionType | undefined {
  return known.has(name) ? (name as ActionType) : ACTION_ALIASES[name];
}

/** Actions that end a consumption and so carry a completion rate (MF-05). */
export const COMPLETION_ACTIONS: readonly ActionType[] = ['play_end', 'read_end', 'learn', 'complete'];
