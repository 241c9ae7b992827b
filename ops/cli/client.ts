import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

export type PlatformRequest = {
  /** Base address of the running platform. */
  readonly url: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
  /** Who asks, by their own word. */
  readonly actor?: string | undefined;
};

/**
 * Asks the running platform. What it refuses, and that there is none, is said in a sentence that names the
 * next thing to do.
 */
export async function askPlatform(request: PlatformRequest, around: Surroundings): Promise<Response> {
  const { url, path, method = 'GET', body, actor } = request;
  const headers = {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(actor === undefined ? {} : { 'X-User-Id': actor }),
  };
  let response: Response;
  try {
    response = await around.fetch(new URL(path, url), {
      method,
      signal: around.interrupted(),
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (around.interrupted().aborted) throw error;
    throw new CommandFailed(
      `No Daybook answers at ${url} (${whyOf(error)}). Start one with "daybook start", or name another with --url.`,
    );
  }
  if (!response.ok) {
    throw new CommandFailed(refusalOf(await response.text(), { status: response.status, url }));
  }
  return response;
}

/** The lines of an answer as they come, without their line feeds; what follows the last one if it is any. */
export async function* linesOf(answer: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const part of answer) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** Why a connection failed, in a word: its code where it has one. */
export function whyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}

/** What a platform said that refused, in a sentence. */
export function refusalOf(
  text: string,
  { status, url }: { readonly status: number; readonly url: string },
): string {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    if (error?.code !== undefined) return `${error.code}: ${error.message ?? ''}`;
  } catch {
    // No body of ours: said below.
  }
  return `${url} answers with HTTP ${status}, but not as a Daybook of this version does.`;
}
