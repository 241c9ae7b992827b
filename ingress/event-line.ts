import type { Event, Json, JsonObject } from '#domain';

/**
 * An event as one JSON line. Where every member stands in it as it was sent, the text that was hashed is used
 * again and only what was added is written, which halves the cost.
 *
 * @param canonical the canonical text of `sent`
 */
export function eventLine(event: Event, sent: JsonObject, canonical: string): string {
  const members = event as unknown as Readonly<Record<string, Json>>;
  const added: Record<string, Json> = {};
  let asSent = 0;
  for (const name in members) {
    const own = sent[name];
    const kept = members[name];
    if (own === undefined) added[name] = kept ?? null;
    else if (own === kept) asSent++;
    else return JSON.stringify(event);
  }
  if (asSent === 0 || asSent !== countMembers(sent)) return JSON.stringify(event);
  return `${canonical.slice(0, -1)},${JSON.stringify(added).slice(1)}`;
}

function countMembers(object: JsonObject): number {
  let count = 0;
  for (const _ in object) count++;
  return count;
}
