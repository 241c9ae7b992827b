/** Eight words are 256 bits: a key's bits lie in one half of a cache line, so a test costs one miss. */
const WORDS_PER_GROUP = 8;
const BITS_PER_ID = 24;
/** 2 MiB. Sizes double, so the number of groups stays a power of two. */
const FIRST_LAYER_BITS = 1 << 24;
/** Odd constants that spread one hash over the eight words of a group (split block Bloom filter). */
const SALTS = [
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
] as const;

/** One layer of the filter, in memory that a worker can share; as many bits as a power of two. */
export type FilterLayer = Uint32Array<SharedArrayBuffer>;

/**
 * Answers "never added" for almost every id that never was, and never for one that was: a split block Bloom
 * filter in layers, each twice as large as the one before, so it grows without being built again. Costs 24
 * bits per id; every full layer answers "perhaps" to about 1 in 6,500 unknown ids.
 */
export class IdFilter {
  #layers: FilterLayer[];
  #ids: number;
  /** How many more ids the newest layer takes. */
  #room: number;
  /** The two halves of the last hash; fields, because returning both would allocate. */
  #group = 0;
  #bits = 0;

  constructor(restored?: { readonly layers: readonly FilterLayer[]; readonly ids: number }) {
    this.#layers = restored ? [...restored.layers] : [];
    this.#ids = restored?.ids ?? 0;
    this.#room = this.#layers.reduce((sum, layer) => sum + capacityIds(layer), 0) - this.#ids;
  }

  /** How many ids have been added. */
  get ids(): number {
    return this.#ids;
  }

  get layers(): readonly FilterLayer[] {
    return this.#layers;
  }

  /** Whether the id of that log may have been added. */
  has(log: number, id: string): boolean {
    this.#hash(log, id);
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const layer = this.#layers[i];
      if (layer && testLayer(layer, this.#group, this.#bits)) return true;
    }
    return false;
  }

  /** Adds the id and answers whether it may have been there before. */
  add(log: number, id: string): boolean {
    const known = this.has(log, id);
    const words = this.#room > 0 ? (this.#layers.at(-1) ?? this.#addLayer()) : this.#addLayer();
    this.#room -= 1;
    const start = groupStart(words, this.#group);
    for (let i = 0; i < WORDS_PER_GROUP; i++) {
      const bit = Math.imul(this.#bits, SALTS[i] ?? 0) >>> 27;
      words[start + i] = (words[start + i] ?? 0) | (1 << bit);
    }
    this.#ids += 1;
    return known;
  }

  /** Two independent 32-bit hashes in one pass over the UTF-16 code units. */
  #hash(log: number, id: string): void {
    let a = 0x9747b28c ^ log;
    let b = 0x85ebca6b ^ Math.imul(log, 0x9e3779b1);
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      a = Math.imul(a ^ code, 0x85ebca77);
      a ^= a >>> 13;
      b = Math.imul(b ^ code, 0xc2b2ae3d);
      b ^= b >>> 15;
    }
    this.#group = finish(a ^ id.length);
    this.#bits = finish(b);
  }

  #addLayer(): FilterLayer {
    const newest = this.#layers.at(-1);
    const layer = emptyLayer(newest ? newest.length * 64 : FIRST_LAYER_BITS);
    this.#layers.push(layer);
    this.#room = capacityIds(layer);
    return layer;
  }
}

export function emptyLayer(bits: number): FilterLayer {
  return new Uint32Array(new SharedArrayBuffer(bits / 8));
}

function capacityIds(layer: FilterLayer): number {
  return Math.floor((layer.length * 32) / BITS_PER_ID);
}

function testLayer(words: FilterLayer, group: number, bits: number): boolean {
  const start = groupStart(words, group);
  for (let i = 0; i < WORDS_PER_GROUP; i++) {
    const bit = Math.imul(bits, SALTS[i] ?? 0) >>> 27;
    if ((((words[start + i] ?? 0) >>> bit) & 1) === 0) return false;
  }
  return true;
}

function groupStart(words: Uint32Array, group: number): number {
  return (group & (words.length / WORDS_PER_GROUP - 1)) * WORDS_PER_GROUP;
}

function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
