import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

export type PlatformRequest = {
  /** Base address of the running platform. */
  readonly url: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly body?: unknown;
};

/**
 * Asks the running platform. What it refuses, and that there is none, is said in a sentence that names the
 * next thing to do.
 */
export async function askPlatform(request: PlatformRequest, around: Surroundings): Promise<Response> {
  const { url, path, method = 'GET', body } = request;
  let response: Response;
  try {
    response = await around.fetch(new URL(path, url), {
      method,
      signal: around.interrupted(),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
  } catch (error) {
    if (around.interrupted().aborted) throw error;
    throw new CommandFailed(
      `No Daybook answers at ${url} (${whyOf(error)}). Start one with "daybook start", or name another with --url.`,
    );
  }
  if (!response.ok) throw new CommandFailed(await refusalOf(response, url));
  return response;
}

function whyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}

async function refusalOf(response: Response, url: string): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    if (error?.code !== undefined) return `${error.code}: ${error.message ?? ''}`;
  } catch {
    // No body of ours: said below.
  }
  return `${url} answers with HTTP ${response.status}, but not as a Daybook of this version does.`;
}
