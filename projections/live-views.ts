import { ACTIONS, COMPLETION_ACTIONS, HOT_WEIGHTS, SCENARIO_TYPES, actorOf } from '#domain';
import type { ActionType, Event } from '#domain';
import { add, keepNewest } from './view-changes.ts';
import type { ViewChanges } from './view-changes.ts';
import { joinIds } from './views.ts';

/**
 * The projection of the live views. The version is raised whenever an event is folded to something else;
 * `logic-versions.test.ts` notices.
 */
export const LIVE_VIEWS = { name: 'live_views', version: 1 } as const;

/** Behaviours after which an item counts as viewed. */
export const VIEWING_ACTIONS: readonly ActionType[] = ['click', 'view', 'play', 'read', 'learn'];

/** Names of generic events that are page views, beside the behaviour `view`. */
export const PAGE_VIEW_NAMES: readonly string[] = ['pageview', 'page_view', '$pageview'];

/** Measures of a minute beside the actions themselves; all whole numbers. */
export const MEASURES = {
  events: 'events',
  pageViews: 'pv',
  watchMs: 'watch_ms',
  watches: 'watch_count',
  completionMillionths: 'completion_millionths',
  completions: 'completion_count',
} as const;

const VIEWING = new Set<string>(VIEWING_ACTIONS);
const PAGE_VIEWS = new Set<string>(PAGE_VIEW_NAMES);
const COMPLETING = new Set<string>(COMPLETION_ACTIONS);

/**
 * Folds one event into all live views. Reads no clock, and the order of events does not matter: numbers are
 * summed up or the newest instant stays. Catalogue entries change nothing. Answers false for what is no event
 * with a time, and has then changed nothing.
 */
export function foldLiveViews(event: Event, changes: ViewChanges): boolean {
  if (!Number.isSafeInteger(event.timestamp) || event.timestamp < 0) return false;
  if (event.kind === 'catalog') return true;
  countEvent(event, changes);
  measureMinute(event, changes);
  seeVisitor(event, changes);
  seeSession(event, changes);
  if (isBehaviour(event)) {
    heatItem(event, changes);
    countItem(event, changes);
    noteItemOfUser(event, changes);
  }
  return true;
}

/** An event about an item. */
type Behaviour = Event & { readonly action_type: ActionType; readonly item_id: string };

function isBehaviour(event: Event): event is Behaviour {
  return event.kind === 'behaviour' && event.action_type !== undefined && event.item_id !== undefined;
}

function heatItem(event: Behaviour, changes: ViewChanges): void {
  // What is not in the table (a record of a later version) weighs nothing.
  const weight = (HOT_WEIGHTS as Readonly<Record<string, number>>)[event.action_type] ?? 0;
  if (weight === 0 || event.scenario_id === undefined) return;
  const items = changes.collection('hot:items', event.timestamp, event.scenario_id);
  if (items) add(items, event.item_id, weight);
}

function countItem(event: Behaviour, changes: ViewChanges): void {
  const counts = changes.collection('item:stats', event.timestamp, event.item_id);
  if (counts) add(counts, event.action_type, 1);
}

function noteItemOfUser(event: Behaviour, changes: ViewChanges): void {
  const { user_id: user, scenario_id: scenario, item_id: item, timestamp } = event;
  if (user === undefined) return;
  if (VIEWING.has(event.action_type)) {
    const recent = changes.collection('user:recent', timestamp, user);
    if (recent) keepNewest(recent, item, timestamp);
  }
  if (event.action_type === 'impression' && scenario !== undefined) {
    const exposed = changes.collection('exposed', timestamp, joinIds(user, scenario));
    if (exposed) keepNewest(exposed, item, timestamp);
  }
}

function countEvent(event: Event, changes: ViewChanges): void {
  for (const view of ['analytics:daily', 'analytics:hourly'] as const) {
    const counts = changes.collection(view, event.timestamp, '');
    if (!counts) continue;
    add(counts, MEASURES.events, 1);
    add(counts, event.kind, 1);
    if (event.action_type !== undefined) add(counts, event.action_type, 1);
  }
}

/** Counted under no experiment, and once more under its own. */
function measureMinute(event: Event, changes: ViewChanges): void {
  const measures = changes.collection('metrics:realtime', event.timestamp, event.scenario_id ?? '');
  if (!measures) return;
  const type = event.scenario_type ?? '';
  measure(event, measures, MEMBERS.get(type) ?? membersUnder('', '', type));
  if (event.experiment_id === undefined || event.experiment_id === '') return;
  measure(event, measures, membersUnder(event.experiment_id, event.experiment_group ?? '', type));
}

type Members = (measure: string) => string;

function membersUnder(experiment: string, group: string, type: string): Members {
  const under = joinIds(experiment, group, type);
  return (measure) => `${under}:${measure}`;
}

/** Members of no experiment by scenario type, made once: nearly every event asks for some of them. */
const MEMBERS: ReadonlyMap<string, Members> = new Map(
  ['', ...SCENARIO_TYPES].map((type) => {
    const under = membersUnder('', '', type);
    const made = new Map(
      [...ACTIONS, ...Object.values(MEASURES)].map((name) => [name as string, under(name)]),
    );
    return [type, (measure) => made.get(measure) ?? under(measure)] as const;
  }),
);

function measure(event: Event, measures: Map<string, number>, member: Members): void {
  add(measures, member(MEASURES.events), 1);
  if (isPageView(event)) add(measures, member(MEASURES.pageViews), 1);
  const { action_type: action, watch_duration: seconds, completion_rate: rate } = event;
  if (action === undefined) return;
  add(measures, member(action), 1);
  if (seconds !== undefined) {
    add(measures, member(MEASURES.watches), 1);
    add(measures, member(MEASURES.watchMs), whole(seconds * 1000));
  }
  if (rate !== undefined && COMPLETING.has(action)) {
    add(measures, member(MEASURES.completions), 1);
    add(measures, member(MEASURES.completionMillionths), whole(rate * 1_000_000));
  }
}

function isPageView(event: Event): boolean {
  return event.kind === 'behaviour' ? event.action_type === 'view' : PAGE_VIEWS.has(event.event_name);
}

function seeVisitor(event: Event, changes: ViewChanges): void {
  const actor = actorOf(event);
  if (actor === '') return;
  const visitors = changes.collection('visitors:minute', event.timestamp, event.scenario_id ?? '');
  if (visitors) add(visitors, actor, 1);
}

function seeSession(event: Event, changes: ViewChanges): void {
  if (event.session_id === undefined) return;
  const sessions = changes.collection('analytics:active_sessions', event.timestamp, '');
  if (sessions) keepNewest(sessions, event.session_id, event.timestamp);
}

/** Rounded half up, as the facts round it. */
function whole(value: number): number {
  return Math.floor(value + 0.5);
}
