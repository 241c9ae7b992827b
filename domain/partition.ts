/**
 * The partition of a key: murmur2 as Kafka's default partitioner computes it over the key's UTF-8 bytes,
 * made positive, modulo the number of partitions. A key has the same partition on every log adapter.
 */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** MurmurHash2, 32 bit, with the seed of Kafka's `Utils.murmur2`; a signed 32-bit integer. */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  let h = 0x9747b28c ^ length;
  const blocks = length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    let k = at(data, i) | (at(data, i + 1) << 8) | (at(data, i + 2) << 16) | (at(data, i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= at(data, blocks + 2) << 16;
  if (rest >= 2) h ^= at(data, blocks + 1) << 8;
  if (rest >= 1) {
    h ^= at(data, blocks);
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

function at(data: Uint8Array, index: number): number {
  return data[index] ?? 0;
}
