import type { ProjectionDocument, RebuildDocument } from '#projections';
import { askPlatform, linesOf } from './client.ts';
import type { Surroundings } from './output.ts';
import { progressLine } from './projection-words.ts';

/** Why nobody watches a rebuild any more. */
export type WatchEnd = 'over' | 'interrupted' | 'platform_gone';

/** Between two lines for a reader that is no terminal, while the stage stays the same. */
const LINE_EVERY_MS = 3_000;
const CLEAR_LINE = '\r\u001b[2K';

/**
 * Tells how a rebuild goes until it waits for somebody or has ended: on a terminal in one line that is written
 * again and again, else in a line every few seconds.
 */
export async function followRebuild(
  about: {
    readonly url: string;
    readonly path: string;
    /** The projection as it was when the rebuild began. */
    readonly begun: ProjectionDocument;
    /** Whether it is to be activated by itself. */
    readonly activates: boolean;
  },
  around: Surroundings,
): Promise<WatchEnd> {
  const { url, path, begun, activates } = about;
  const tell = createTeller(around);
  try {
    const response = await askPlatform({ url, path }, around);
    const text = response.body?.pipeThrough(new TextDecoderStream()) ?? [];
    for await (const line of linesOf(text as AsyncIterable<string>)) {
      const status = JSON.parse(line) as ProjectionDocument;
      const { rebuild } = status;
      // Somebody may have begun another one since.
      if (rebuild?.generation !== begun.rebuild?.generation || !rebuild) return 'over';
      tell(status, rebuild);
      if (!goesOn(rebuild, activates)) return 'over';
    }
    return around.interrupted().aborted ? 'interrupted' : 'platform_gone';
  } catch (error) {
    return endOf(error, around);
  } finally {
    if (around.interactive === true) around.err(CLEAR_LINE);
  }
}

function endOf(error: unknown, around: Surroundings): WatchEnd {
  if (around.interrupted().aborted) return 'interrupted';
  // A connection that breaks off in the middle of an answer.
  if (error instanceof TypeError) return 'platform_gone';
  throw error;
}

function goesOn({ stage }: RebuildDocument, activates: boolean): boolean {
  switch (stage) {
    case 'copying':
    case 'folding':
    case 'verifying':
      return true;
    case 'ready':
      return activates;
    case 'different':
    case 'paused':
    case 'failed':
    case 'cancelled':
    case 'activated':
      return false;
  }
}

function createTeller(around: Surroundings): (status: ProjectionDocument, rebuild: RebuildDocument) => void {
  let told: { readonly stage: string; readonly atMs: number } | undefined;
  return (status, rebuild) => {
    const line = progressLine(status, rebuild);
    if (around.interactive === true) {
      // A line that wraps could not be written again.
      around.err(`${CLEAR_LINE}${line.slice(0, (around.columns ?? Infinity) - 1)}`);
      return;
    }
    const atMs = performance.now();
    if (told?.stage === rebuild.stage && atMs - told.atMs < LINE_EVERY_MS) return;
    told = { stage: rebuild.stage, atMs };
    around.err(`${line}\n`);
  };
}
