import type { Logger } from './logging.ts';

/** What a person who has just started the platform wants to know. */
export type Started = {
  readonly version: string;
  readonly url: string;
  readonly dataDir: string;
  /** Whether a person is looking. */
  readonly human: boolean;
  readonly write: (text: string) => void;
};

/** Says that the platform is ready: some lines for a person, else one line of the log. */
export function announceStart({ version, url, dataDir, human, write }: Started, logger: Logger): void {
  if (!human || !logger.isLevelEnabled('info')) {
    logger.info({ version, url, docs: `${url}/api/v1/docs`, data_dir: dataDir }, 'Ready');
    return;
  }
  write(`
Daybook ${version} is ready
  events     POST ${url}/api/v1/behaviors/track
  questions  ${url}/api/analytics/…
  API page   ${url}/api/v1/docs
  data       ${dataDir}
Ctrl-C stops it.

`);
}
