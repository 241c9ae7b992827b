import { createHash } from 'node:crypto';
import { compareText } from '#domain';
import type { GenerationComparison, GenerationDifference } from './read-model.ts';

/** One thing of a generation, as far as it is compared. */
export type Compared = {
  /** Ids that name it within its generation. Both generations give theirs in ascending order of these. */
  readonly key: readonly (string | number)[];
  /** The same in words. */
  name(): string;
  /** Equal content gives equal text. */
  readonly text: string;
  /** Members or fields, each with its value as text. */
  fields(): ReadonlyMap<string, string>;
};

const MOST_DIFFERENCES = 1000;
const MOST_EXAMPLES = 5;
const MOST_CHARACTERS = 200;

/**
 * Compares two generations thing by thing, holding one of each at a time. Rejects with the reason of the signal
 * when it aborts.
 */
export async function compareGenerations(
  active: AsyncIterable<Compared>,
  candidate: AsyncIterable<Compared>,
  signal: AbortSignal,
): Promise<GenerationComparison> {
  await using left = new Side(active);
  await using right = new Side(candidate);
  const differences = new FirstByName();
  let compared = 0;
  await Promise.all([left.next(), right.next()]);
  while (left.current || right.current) {
    signal.throwIfAborted();
    const order = orderOf(left.current, right.current);
    const one = order <= 0 ? left.current : undefined;
    const other = order >= 0 ? right.current : undefined;
    compared++;
    if (one?.text !== other?.text) differences.add(differenceOf(one, other));
    if (one) await left.next();
    if (other) await right.next();
  }
  return {
    compared,
    different: differences.count,
    differences: differences.list(),
    checksums: { active: left.checksum(), candidate: right.checksum() },
  };
}

/** A name out of ids: `u1/feed`. A slash, a percent sign or an asterisk within an id is written with a percent sign. */
export function nameOf(...ids: readonly string[]): string {
  return ids
    .map((id) => id.replace(/[%/*]/g, (sign) => encodeURIComponent(sign).replace('*', '%2A')))
    .join('/');
}

/** One of the generations, as far as it has been read. */
class Side implements AsyncDisposable {
  current: Compared | undefined;
  readonly #things: AsyncIterator<Compared>;
  readonly #hash = createHash('sha256');

  constructor(things: AsyncIterable<Compared>) {
    this.#things = things[Symbol.asyncIterator]();
  }

  async next(): Promise<void> {
    const before = this.current;
    const result = await this.#things.next();
    this.current = result.done ? undefined : result.value;
    if (!this.current) return;
    if (before && compareKeys(before.key, this.current.key) >= 0) {
      throw new TypeError(`${this.current.name()} comes after ${before.name()}.`);
    }
    this.#hash.update(`${JSON.stringify(this.current.key)} ${this.current.text}\n`);
  }

  checksum(): string {
    return this.#hash.digest('hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#things.return?.();
  }
}

/** Of all differences those whose names come first. */
class FirstByName {
  count = 0;
  #kept: GenerationDifference[] = [];

  add(difference: GenerationDifference): void {
    this.count++;
    this.#kept.push(difference);
    if (this.#kept.length >= 2 * MOST_DIFFERENCES) this.#kept = this.list();
  }

  list(): GenerationDifference[] {
    return this.#kept.sort((a, b) => compareText(a.name, b.name)).slice(0, MOST_DIFFERENCES);
  }
}

/** Negative where the first comes first; what is not there comes last. */
function orderOf(one: Compared | undefined, other: Compared | undefined): number {
  if (!one || !other) return one ? -1 : 1;
  return compareKeys(one.key, other.key);
}

function compareKeys(one: Compared['key'], other: Compared['key']): number {
  for (const [index, part] of one.entries()) {
    const against = other[index] ?? '';
    if (part === against) continue;
    if (typeof part === 'number') return part - Number(against);
    return compareText(part, String(against));
  }
  return one.length - other.length;
}

function differenceOf(active: Compared | undefined, candidate: Compared | undefined): GenerationDifference {
  return {
    name: (active ?? candidate)?.name() ?? '',
    active: active ? shortened(active.text) : null,
    candidate: candidate ? shortened(candidate.text) : null,
    examples: examplesOf(active?.fields() ?? NOTHING, candidate?.fields() ?? NOTHING),
  };
}

const NOTHING: ReadonlyMap<string, string> = new Map();

function examplesOf(active: ReadonlyMap<string, string>, candidate: ReadonlyMap<string, string>): string[] {
  const differing = [...new Set([...active.keys(), ...candidate.keys()])].filter(
    (field) => active.get(field) !== candidate.get(field),
  );
  return differing
    .sort(compareText)
    .slice(0, MOST_EXAMPLES)
    .map((field) => `${field}: ${shown(active.get(field))} → ${shown(candidate.get(field))}`);
}

function shown(value: string | undefined): string {
  return value === undefined ? 'nothing' : shortened(value);
}

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}
