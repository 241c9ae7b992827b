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
};

/**
 * `load`: events come in · `creation`: the first events of a tenant · `sealing`: days are closed, or opened by late
 * events and closed again · `stopping`: the process was asked to stop · `expiry`: facts are let go.
 */
export const SITUATIONS = ['creation', 'load', 'sealing', 'stopping', 'expiry'] as const;
export type Situation = (typeof SITUATIONS)[number];

const log = 'daybook:log';
const projections = 'daybook:projections';
const before = (folder: typeof log | typeof projections) => `${folder}:writing` as const;
const after = (folder: typeof log | typeof projections) => `${folder}:written` as const;

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
};

/**
 * The variable that tells `fail-at.ts` a file; not one of the product's. As soon as a {@link Failing} stands in the
 * file it holds, and when its point is reached the name is written into the file with `.reached` at its end.
 */
export const FAIL_AT = 'FAIL_AT';
