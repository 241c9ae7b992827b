/** A record as the platform shows it, as far as it is printed. */
export type RecordLine = {
  readonly position: { readonly partition: number; readonly offset: string };
  readonly headers: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly event: unknown;
};

/** `0:17  2024-03-04T10:00:00.000Z  u1  {…}` */
export function readableRecord({ position, headers, key, event }: RecordLine): string {
  const at = `${position.partition}:${position.offset}`;
  return `${at.padEnd(8)}  ${String(headers['timestamp'])}  ${key}  ${JSON.stringify(event)}\n`;
}
