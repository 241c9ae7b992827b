import type { Fault } from '#domain';
import type { FieldError } from '#schema-registry';

/** Where an event or dead letter stands, with the word that `wait_for` takes. */
export type Receipt = {
  readonly partition: number;
  /** Decimal digits. */
  readonly offset: string;
  readonly token: string;
};

/**
 * What became of one input. `failed` is no answer to the event: the log could not take it, and the sender
 * should send it again.
 */
export type EventOutcome =
  | {
      readonly outcome: 'accepted' | 'duplicate';
      readonly eventId: string;
      /** Of a duplicate: where the first one stands. */
      readonly receipt: Receipt;
      readonly warnings: readonly FieldError[];
    }
  | {
      readonly outcome: 'conflict';
      readonly eventId: string;
      /** Where the event of that id stands. */
      readonly receipt: Receipt;
      readonly deadLetter: Receipt;
      readonly errors: readonly FieldError[];
    }
  | {
      readonly outcome: 'rejected';
      readonly eventId: string | undefined;
      readonly errors: readonly FieldError[];
      /** Where it is kept; undefined when it had no tenant to keep it for. */
      readonly deadLetter: Receipt | undefined;
    }
  | { readonly outcome: 'failed'; readonly eventId: string | undefined; readonly fault: Fault };
