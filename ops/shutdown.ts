import type { Logger } from './logging.ts';

/** One step of an orderly stop. Steps run one after another, in the order given. */
export type ShutdownStep = { readonly name: string; readonly run: () => Promise<void> };

export type ShutdownOptions = {
  readonly steps: readonly ShutdownStep[];
  /** The whole stop may take this long. */
  readonly limitMs: number;
  readonly logger: Logger;
  /** Monotonic, in ms. */
  readonly now: () => number;
  /** Ends the process, whatever still runs in it. */
  readonly exit: (code: number) => void;
};

/** Stops the platform: the first call in order, a later one at once. */
export type Shutdown = (reason: string) => void;

/** A Ctrl-C arrives twice, from the terminal and from npm; a person does not press it again that fast. */
const ECHO_MS = 500;

/**
 * Prepares the orderly stop. It exits with 0 when every step is done, and with 1 when a step failed or the
 * limit passed; the log is durable at every instant, so even then nothing acknowledged is lost. A step that
 * fails does not keep the later ones from running.
 */
export function createShutdown({ steps, limitMs, logger, now, exit }: ShutdownOptions): Shutdown {
  let begunAt: number | undefined;
  return (reason) => {
    if (begunAt !== undefined) {
      if (now() - begunAt < ECHO_MS) return;
      logger.warn({ reason }, 'Stopping at once');
      exit(1);
      return;
    }
    begunAt = now();
    logger.info({ reason }, 'Stopping');
    const limit = setTimeout(() => {
      logger.error({ limit_ms: limitMs }, 'Stopping took too long; ending anyway');
      exit(1);
    }, limitMs);
    void runAll(steps, logger).then((clean) => {
      clearTimeout(limit);
      logger.info({ clean }, 'Stopped');
      exit(clean ? 0 : 1);
    });
  };
}

async function runAll(steps: readonly ShutdownStep[], logger: Logger): Promise<boolean> {
  let clean = true;
  for (const { name, run } of steps) {
    try {
      await run();
      logger.debug({ step: name }, 'Stop step done');
    } catch (error) {
      clean = false;
      logger.error({ step: name, error: String(error) }, 'A step of the stop failed');
    }
  }
  return clean;
}

/** Stops the platform when the process is asked to end, and ends it when something failed that nobody caught. */
export function stopOnSignals(process: NodeJS.Process, options: ShutdownOptions): void {
  const shutdown = createShutdown(options);
  process.on('SIGTERM', shutdown).on('SIGINT', shutdown);
  process.on('uncaughtException', (error) => {
    // Nobody knows what still holds. The log is durable at every instant, so the safe thing is to go.
    options.logger.fatal({ error: error.stack }, 'Something failed that nothing was prepared for; ending');
    options.exit(1);
  });
}
