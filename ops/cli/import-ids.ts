import { hash } from 'node:crypto';
import { canonicalJson } from '#domain';
import type { JsonObject } from '#domain';

const SLOTS_AT_FIRST = 2 ** 14;
/** 96 MiB. */
const MOST_SLOTS = 2 ** 23;
const FULL = 0.75;
const ID_DIGITS = 32;
/** 52 bits, which a double holds. */
const FINGERPRINT_DIGITS = 13;

/**
 * Gives an id to events that come without one: derived from the event itself, all members as they are sent,
 * and from how many equal ones came before it in the same file. So the same file read again gives the same
 * ids, whatever its name or format, and two equal rows of one file are two events.
 *
 * Memory is bounded: after 6,291,456 different events without an id counting begins anew, and the number of
 * the count goes into the ids, which then also depend on what stands before in the file.
 */
export class DerivedIds {
  readonly #mostSlots: number;
  #fingerprints = new Float64Array(SLOTS_AT_FIRST);
  #counts = new Uint32Array(SLOTS_AT_FIRST);
  #different = 0;
  #era = 0;

  constructor(mostSlots: number = MOST_SLOTS) {
    this.#mostSlots = mostSlots;
  }

  /** @param event without an id */
  idOf(event: JsonObject): string {
    const digest = hash('sha256', canonicalJson(event)).slice(0, ID_DIGITS);
    const before = this.#countOf(Number.parseInt(digest.slice(0, FINGERPRINT_DIGITS), 16));
    const era = this.#era === 0 ? '' : `_e${this.#era}`;
    return `imp_${digest}${era}${before === 0 ? '' : `_${before + 1}`}`;
  }

  /** How many of that fingerprint came before; two different events share one in 2^52 cases. */
  #countOf(fingerprint: number): number {
    if (this.#different >= this.#fingerprints.length * FULL) this.#makeRoom();
    const slot = this.#slotOf(fingerprint);
    const before = this.#counts[slot] ?? 0;
    if (before === 0) {
      this.#fingerprints[slot] = fingerprint;
      this.#different++;
    }
    this.#counts[slot] = before + 1;
    return before;
  }

  #slotOf(fingerprint: number): number {
    const mask = this.#fingerprints.length - 1;
    let slot = fingerprint % this.#fingerprints.length;
    while (this.#counts[slot] !== 0 && this.#fingerprints[slot] !== fingerprint) slot = (slot + 1) & mask;
    return slot;
  }

  #makeRoom(): void {
    const fingerprints = this.#fingerprints;
    const counts = this.#counts;
    const grown = fingerprints.length < this.#mostSlots;
    const slots = grown ? fingerprints.length * 2 : fingerprints.length;
    this.#fingerprints = new Float64Array(slots);
    this.#counts = new Uint32Array(slots);
    if (!grown) {
      this.#different = 0;
      this.#era++;
      return;
    }
    for (const [index, count] of counts.entries()) {
      if (count === 0) continue;
      const fingerprint = fingerprints[index] ?? 0;
      const slot = this.#slotOf(fingerprint);
      this.#fingerprints[slot] = fingerprint;
      this.#counts[slot] = count;
    }
  }
}
