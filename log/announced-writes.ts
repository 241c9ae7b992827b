import { channel } from 'node:diagnostics_channel';

/** What is announced of a durable write. */
export type AnnouncedWrite = {
  /** What is written, `records`; one word per place in the code. */
  readonly what: string;
  readonly [detail: string]: unknown;
};

/**
 * Announces the durable writes of a folder: on `daybook:<folder>:writing` before one begins and on
 * `daybook:<folder>:written` once it is done, in the thread that writes and before anything else happens there.
 * One that fails is not `written`. Costs nothing as long as nobody listens.
 */
export function announcedWrites(
  folder: string,
): <Result>(about: AnnouncedWrite, write: () => Promise<Result>) => Promise<Result> {
  const writing = channel(`daybook:${folder}:writing`);
  const written = channel(`daybook:${folder}:written`);
  return async (about, write) => {
    if (writing.hasSubscribers) writing.publish(about);
    const result = await write();
    if (written.hasSubscribers) written.publish(about);
    return result;
  };
}
