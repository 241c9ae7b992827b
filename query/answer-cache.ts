/** An answer without its `meta`. */
export type CachedAnswer = { readonly data: object; readonly rowsRead: number };

/** Keeps the answers used last. An answer as of a vector never changes, so none ever has to be dropped. */
export type AnswerCache = {
  get(key: string): CachedAnswer | undefined;
  set(key: string, answer: CachedAnswer): void;
};

/** Bounded by the size of the answers as JSON, in characters. */
export function createAnswerCache(maxLength: number): AnswerCache {
  const kept = new Map<string, { readonly answer: CachedAnswer; readonly length: number }>();
  let length = 0;
  const drop = (key: string) => {
    length -= kept.get(key)?.length ?? 0;
    kept.delete(key);
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (!found) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.answer;
    },
    set(key, answer) {
      const own = key.length + JSON.stringify(answer.data).length;
      drop(key);
      if (own > maxLength) return;
      kept.set(key, { answer, length: own });
      length += own;
      for (const oldest of kept.keys()) {
        if (length <= maxLength) break;
        drop(oldest);
      }
    },
  };
}
