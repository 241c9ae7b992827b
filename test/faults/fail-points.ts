/** A place between two writes at which a process can be made to fail: what it announces there. */
export type FailPoint = {
  readonly channel: `daybook:${string}`;
  /** Members that the announcement must have. */
  readonly having: Readonly<Record<string, unknown>>;
  /** What must go on for the point to be passed. @default 'load' */
  readonly during?: Situation;
  /** How often the place is passed before the process fails there. @default 1 */
  readonly nth?: number;
  /** How long after it, so that the write is under way. @default 0 */
  readonly afterMs?: number;
  /** Of the generation that whoever makes it fail says, and of no other. @default of any */
  readonly ofOneGeneration?: boolean;
};

/**
 * `load`: events come in · `creation`: the first events of a tenant · `sealing`: days are closed, or opened by late
 * events and closed again · `stopping`: the process was asked to stop · `expiry`: facts are let go ·
 * `rebuilding`: another generation is built, compared and activated under load · `dropping`: one that was active
 * before is dropped · `repair`: facts that were lost are brought back.
 */
export const SITUATIONS = [
  'creation',
  'load',
  'sealing',
  'stopping',
  'expiry',
  'rebuilding',
  'dropping',
  'repair',
] as const;
export type Situation = (typeof SITUATIONS)[number];

const log = 'daybook:log';
const projections = 'daybook:projections';
const before = (folder: typeof log | typeof projections) => `${folder}:writing` as const;
const after = (folder: typeof log | typeof projections) => `${folder}:written` as const;
/** What is said of the generations of a projection of acme. */
const said = (type: string, projection = 'facts') => ({
  having: { what: 'stream', stream: `generations-${projection}/acme`, type },
});
/** A write into the generation that is being built, or that is dropped. */
const own = (what: string, having: FailPoint['having'] = {}) => ({
  having: { what, tenant: 'acme', ...having },
  ofOneGeneration: true,
});
const rebuilding = { during: 'rebuilding' } as const;
const dropping = { during: 'dropping' } as const;
const repair = { during: 'repair' } as const;

/**
 * Every place at which the fault suite ends the process, in the order in which an event passes them. A new
 * durable write announces itself (`announcedWrites`) and gets its lines here; nothing else is needed.
 */
export const FAIL_POINTS = {
  'before the stream of a new tenant': {
    channel: before(log),
    having: { what: 'stream' },
    during: 'creation',
  },
  'after the stream of a new tenant, before its log': {
    channel: after(log),
    having: { what: 'stream' },
    during: 'creation',
  },
  'after the log of a new tenant': { channel: after(log), having: { what: 'logs' }, during: 'creation' },
  'before the log append': { channel: before(log), having: { what: 'records' } },
  'amid the log append': { channel: before(log), having: { what: 'records' }, afterMs: 1 },
  'after the log append, before the answer': { channel: after(log), having: { what: 'records' } },
  'as the answer is on its way': { channel: 'daybook:log:appended', having: {} },
  'before the first-seen index': {
    channel: before(log),
    having: { what: 'first_seen_index' },
    during: 'stopping',
  },
  'amid the first-seen index': {
    channel: before(log),
    having: { what: 'first_seen_index' },
    during: 'stopping',
    afterMs: 1,
  },
  'after the first-seen index, before its filter': {
    channel: after(log),
    having: { what: 'first_seen_index' },
    during: 'stopping',
  },
  'before the filter is kept': {
    channel: before(log),
    having: { what: 'first_seen_filter' },
    during: 'stopping',
  },
  'after the filter is kept': {
    channel: after(log),
    having: { what: 'first_seen_filter' },
    during: 'stopping',
  },
  'before the unseal intent': { channel: before(projections), having: { what: 'open_days' } },
  'after the unseal intent, before the facts': { channel: after(projections), having: { what: 'open_days' } },
  'before the facts': { channel: before(projections), having: { what: 'facts' } },
  'amid the facts': { channel: before(projections), having: { what: 'facts' }, afterMs: 4 },
  'late amid the facts': { channel: before(projections), having: { what: 'facts' }, afterMs: 12 },
  'after the facts, before the checkpoint': { channel: after(projections), having: { what: 'facts' } },
  'amid the checkpoint': {
    channel: before(projections),
    having: { what: 'checkpoint', projection: 'facts' },
    afterMs: 1,
  },
  'after the checkpoint': {
    channel: after(projections),
    having: { what: 'checkpoint', projection: 'facts' },
  },
  'before the first-seen fold': { channel: before(projections), having: { what: 'first_seen' } },
  'after the first-seen fold, before its checkpoint': {
    channel: after(projections),
    having: { what: 'first_seen' },
  },
  'as a seal is about to be given out': {
    channel: before(projections),
    having: { what: 'reserved_seal' },
    during: 'sealing',
    nth: 4,
  },
  'after a seal is given out, before its slices': {
    channel: after(projections),
    having: { what: 'reserved_seal' },
    during: 'sealing',
    nth: 3,
  },
  'amid the slices': {
    channel: before(projections),
    having: { what: 'slices' },
    during: 'sealing',
    nth: 2,
    afterMs: 10,
  },
  'after the slices, before they are the day': {
    channel: after(projections),
    having: { what: 'slices' },
    during: 'sealing',
    nth: 5,
  },
  'amid the settling of a seal': {
    channel: before(projections),
    having: { what: 'seal' },
    during: 'sealing',
    nth: 2,
    afterMs: 1,
  },
  'after the slices are the day': {
    channel: after(projections),
    having: { what: 'seal' },
    during: 'sealing',
    nth: 6,
  },
  'before the views': { channel: before(projections), having: { what: 'views' } },
  'amid the views': { channel: before(projections), having: { what: 'views' }, afterMs: 2 },
  'after the views': { channel: after(projections), having: { what: 'views' } },
  'before the profiles': {
    channel: before(projections),
    having: { what: 'documents', projection: 'user_profiles' },
  },
  'amid the profiles': {
    channel: before(projections),
    having: { what: 'documents', projection: 'user_profiles' },
    afterMs: 1,
  },
  'after the profiles': {
    channel: after(projections),
    having: { what: 'documents', projection: 'user_profiles' },
  },
  'after the items': { channel: after(projections), having: { what: 'documents', projection: 'items' } },
  'before facts expire': { channel: before(projections), having: { what: 'expiry' }, during: 'expiry' },
  'amid the expiry of facts': {
    channel: before(projections),
    having: { what: 'expiry' },
    during: 'expiry',
    afterMs: 3,
  },
  'after facts have expired': { channel: after(projections), having: { what: 'expiry' }, during: 'expiry' },
  'before a rebuild is begun': {
    channel: before(log),
    ...said('rebuild_started'),
    ...rebuilding,
  },
  'after a rebuild is begun, before anything of it': {
    channel: after(log),
    ...said('rebuild_started'),
    ...rebuilding,
  },
  'amid the copy of the rest': {
    channel: before(projections),
    ...own('copied_facts'),
    afterMs: 6,
    ...rebuilding,
  },
  'after the copy of the rest, before it is said': {
    channel: after(projections),
    ...own('copied_facts'),
    ...rebuilding,
  },
  'after it is said that the rest is copied': {
    channel: after(log),
    ...said('rest_copied'),
    ...rebuilding,
  },
  'amid the facts of a new generation': {
    channel: before(projections),
    having: { what: 'facts' },
    ofOneGeneration: true,
    afterMs: 6,
    ...rebuilding,
  },
  'after the facts of a new generation, before its checkpoint': {
    channel: after(projections),
    having: { what: 'facts' },
    ofOneGeneration: true,
    ...rebuilding,
  },
  'amid the checkpoint of a new generation': {
    channel: before(projections),
    ...own('checkpoint', { projection: 'facts' }),
    afterMs: 1,
    ...rebuilding,
  },
  'amid the slices of a new generation': {
    channel: before(projections),
    ...own('slices'),
    nth: 2,
    afterMs: 8,
    ...rebuilding,
  },
  'after the slices of a new generation, before they are the day': {
    channel: after(projections),
    ...own('slices'),
    nth: 3,
    ...rebuilding,
  },
  'amid the verification': {
    channel: after(log),
    ...said('verification_begun'),
    afterMs: 10,
    ...rebuilding,
  },
  'after the verification, before it is said': {
    channel: before(log),
    ...said('generation_verified'),
    ...rebuilding,
  },
  'before the activation': {
    channel: before(log),
    ...said('generation_activated'),
    ...rebuilding,
  },
  'amid the activation': {
    channel: before(log),
    ...said('generation_activated'),
    afterMs: 1,
    ...rebuilding,
  },
  'after the activation, before the views of the engine show it': {
    channel: before(projections),
    having: { what: 'fact_views' },
    ...rebuilding,
  },
  'amid the views of a new generation': {
    channel: before(projections),
    ...own('views'),
    afterMs: 2,
    ...rebuilding,
  },
  'before the activation of the views': {
    channel: before(log),
    ...said('generation_activated', 'live_views'),
    ...rebuilding,
  },
  'after the activation of the views': {
    channel: after(log),
    ...said('generation_activated', 'live_views'),
    ...rebuilding,
  },
  'amid the profiles of a new generation': {
    channel: before(projections),
    ...own('documents', { projection: 'user_profiles' }),
    afterMs: 1,
    ...rebuilding,
  },
  'before the activation of the profiles': {
    channel: before(log),
    ...said('generation_activated', 'user_profiles'),
    ...rebuilding,
  },
  'after the activation of the profiles': {
    channel: after(log),
    ...said('generation_activated', 'user_profiles'),
    ...rebuilding,
  },
  'after it is said that a generation is dropped': {
    channel: after(log),
    ...said('generation_dropped'),
    ...dropping,
  },
  'after the checkpoints of a dropped generation are gone': {
    channel: after(projections),
    ...own('dropped_checkpoint', { projection: 'first_seen' }),
    ...dropping,
  },
  'amid the removal of dropped facts': {
    channel: before(projections),
    ...own('dropped_facts'),
    afterMs: 6,
    ...dropping,
  },
  'after the removal of dropped facts, before it is said': {
    channel: after(projections),
    ...own('dropped_facts'),
    ...dropping,
  },
  'amid the removal of dropped views': {
    channel: before(projections),
    ...own('dropped', { projection: 'live_views' }),
    afterMs: 1,
    ...dropping,
  },
  'amid the removal of dropped profiles': {
    channel: before(projections),
    ...own('dropped', { projection: 'user_profiles' }),
    afterMs: 1,
    ...dropping,
  },
  'after the days of a repair are opened, before its intent': {
    channel: after(projections),
    having: { what: 'reopened_days' },
    ...repair,
  },
  'after the intent of a repair, before its facts': {
    channel: after(projections),
    having: { what: 'checkpoint', projection: 'facts_repair' },
    ...repair,
  },
  'amid the facts of a repair': {
    channel: before(projections),
    having: { what: 'facts' },
    afterMs: 6,
    ...repair,
  },
  'after the facts of a repair, before its first times': {
    channel: before(projections),
    having: { what: 'repaired_first_seen' },
    ...repair,
  },
  'after the first times of a repair, before its intent is taken back': {
    channel: after(projections),
    having: { what: 'repaired_first_seen' },
    ...repair,
  },
} as const satisfies Record<string, FailPoint>;

export type FailPointName = keyof typeof FAIL_POINTS;

export const pointOf = (name: FailPointName): FailPoint => FAIL_POINTS[name];

export function namesOf(situation: Situation): readonly FailPointName[] {
  return (Object.keys(FAIL_POINTS) as FailPointName[]).filter(
    (name) => (pointOf(name).during ?? 'load') === situation,
  );
}

/** What happens at a point: the process is killed, the thread fails, or it stands still for a while. */
export type Failing = {
  readonly at: FailPointName;
  readonly by: 'kill' | 'throw' | 'hold';
  /** How long it stands still. */
  readonly holdMs?: number;
  /** Where the point is of one generation: which. */
  readonly generation?: number;
};

/**
 * The variable that tells `fail-at.ts` a file; not one of the product's. As soon as a {@link Failing} stands in the
 * file it holds, and when its point is reached the name is written into the file with `.reached` at its end.
 */
export const FAIL_AT = 'FAIL_AT';
