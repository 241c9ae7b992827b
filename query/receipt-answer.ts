/** Where a record stands, with the token that its sender got. */
export type Place = {
  readonly partition: number;
  /** Decimal digits. */
  readonly offset: string;
  readonly token: string;
};

/** Whether one read model has an event by now. */
export type HeldBy = {
  readonly projection: string;
  readonly generation: number | null;
  /** Everything up to the event has been folded, durably. */
  readonly confirmed: boolean;
  /** It was confirmed at this instant; null when not yet, or longer ago than the process remembers. */
  readonly since: string | null;
  /** How long before `since` it may have been confirmed already. */
  readonly since_within_ms: number | null;
  /** Why the projection stands still before the event. */
  readonly paused: string | null;
  /** Where it is kept that this projection could not take the event. */
  readonly dead_letter: Place | null;
};

/** What became of an input that stands in the log. */
export type AcceptedFate = {
  readonly state: 'accepted';
  readonly receipt: Place;
  readonly received_at: string;
  readonly timestamp: string;
  readonly source: string;
  readonly schema: string;
  readonly schema_version: number;
  /** Whether questions about the facts see it. */
  readonly queryable: boolean;
  readonly not_queryable_because: 'behind' | 'paused' | 'dead_letter' | 'horizon' | null;
  readonly projections: readonly HeldBy[];
  /** Turned away in the hour of its time, of all ids together: duplicates are counted, not kept. */
  readonly turned_away: { readonly hour: string; readonly duplicates: number; readonly conflicts: number };
};

/** What became of an input that was kept out of the log. */
export type RefusedFate = {
  readonly state: 'conflict' | 'rejected';
  readonly dead_letter: Place;
  /** Of a conflict: the event that has the id. */
  readonly first: Place | null;
  readonly received_at: string;
  readonly source: string;
  /** Code of the first error. */
  readonly reason: string;
  readonly errors: readonly unknown[];
};

/** No such input was ever sent to this tenant, or so long ago that it would not be known any more. */
export type UnknownFate = { readonly state: 'unknown' | 'not_known_any_more' };

/** What became of an event id, or of the one input a receipt token names. */
export type ReceiptAnswer = {
  readonly tenant_id: string;
  /** Null for an input that had none, asked for by its token. */
  readonly event_id: string | null;
  /** What else was sent under the id and became something else, newest first. */
  readonly also: readonly (AcceptedFate | RefusedFate)[];
  /** How many dead letters there are of the id; `also` has the newest. */
  readonly dead_letters: number;
} & (AcceptedFate | RefusedFate | UnknownFate);
