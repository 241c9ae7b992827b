/** What must be done before the platform answers anything but `/live` and `/ready`. */
export const READINESS_PARTS = ['control_plane', 'log', 'first_seen_index', 'facts'] as const;
export type ReadinessPart = (typeof READINESS_PARTS)[number];

/** Whether the platform can do its work, and if not, what it waits for. */
export class Readiness {
  #missing = new Set<ReadinessPart>(READINESS_PARTS);
  #stopping = false;

  /** Marks a part as done. Done stays done. */
  done(part: ReadinessPart): void {
    this.#missing.delete(part);
  }

  /** From now on nothing new is taken. */
  stop(): void {
    this.#stopping = true;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get missing(): readonly ReadinessPart[] {
    return [...this.#missing];
  }

  get ready(): boolean {
    return !this.#stopping && this.#missing.size === 0;
  }
}
