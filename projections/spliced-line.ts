const BRACE = 123;

/**
 * A record's value with its position in front: the engine gets the bytes as they stand in the log and
 * parses them itself. Undefined when the value is not a JSON object with members.
 */
export function splicedLine(value: Uint8Array, partition: number, offset: bigint): Uint8Array | undefined {
  if (value[0] !== BRACE || value.length < 3) return undefined;
  const front = `{"log_partition":${partition},"log_offset":${offset},`;
  const line = Buffer.allocUnsafe(front.length + value.length - 1);
  line.write(front, 'latin1');
  line.set(value.subarray(1), front.length);
  return line;
}
