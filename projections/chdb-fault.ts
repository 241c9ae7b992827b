import { Fault } from '#domain';

/** Codes with which the engine says that a line of an insert cannot be read or kept. */
const UNREADABLE = new Set([
  6, 10, 25, 26, 27, 33, 38, 41, 43, 53, 69, 70, 72, 117, 130, 190, 306, 321, 349, 395, 407, 441, 467, 636,
  691,
]);

/** Codes with which the engine says that a limit was reached, and which. */
const TOO_DEAR: Readonly<Record<number, string>> = {
  158: 'rows',
  159: 'seconds',
  160: 'seconds',
  241: 'bytes',
  307: 'bytes',
  396: 'result',
};

/** The engine's own number for what went wrong, or undefined when it did not come from the engine. */
function engineCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = 'clickhouseCode' in error ? error.clickhouseCode : 'code' in error ? error.code : undefined;
  const number = Number(code);
  if (Number.isInteger(number) && number > 0) return number;
  const text = /Code: (\d+)\./.exec(error instanceof Error ? error.message : '');
  return text ? Number(text[1]) : undefined;
}

/** What the engine said about a question, as a fault of the catalogue. */
export function questionFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const code = engineCode(error);
  const limit = code === undefined ? undefined : TOO_DEAR[code];
  const details = { engine_code: code, engine_message: firstLine(error) };
  if (limit) return new Fault('QUERY_TOO_DEAR', undefined, { details: { ...details, limit }, cause: error });
  return new Fault('FACTS_ENGINE_FAILED', undefined, { details, cause: error });
}

/** What the engine said about anything else. */
export function engineFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const code = engineCode(error);
  const unreadable = code !== undefined && UNREADABLE.has(code);
  const details = { engine_code: code, engine_message: firstLine(error), unreadable };
  return new Fault('FACTS_ENGINE_FAILED', undefined, { details, cause: error });
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 500);
}
