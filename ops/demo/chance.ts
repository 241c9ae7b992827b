/** Chance that can be repeated: the same seed gives the same sequence on every machine. */
export type Chance = {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [from, to]. */
  between(from: number, to: number): number;
  /** True with this probability. */
  happens(probability: number): boolean;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** An index of the list, each as often as its weight says. */
  weighted(weights: readonly number[]): number;
};

/** The generator mulberry32. Seeds may be numbers beside each other: they are mixed first. */
export function createChance(...seeds: readonly number[]): Chance {
  let state = seeds.reduce((mixed, seed) => Math.imul(mixed ^ seed ^ (seed >>> 15), 0x9e3779b1) >>> 0, 7);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    between: (from, to) => from + below(to - from + 1),
    happens: (probability) => next() < probability,
    pick: (list) => list[below(list.length)] ?? list[0],
    weighted(weights) {
      let left = next() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => (left -= weight) < 0);
      return index === -1 ? weights.length - 1 : index;
    },
  };
}
