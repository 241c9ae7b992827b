import { Fault } from '#domain';
import type { ProjectorOf } from './projector-messages.ts';
import { startProjectorThread } from './projector-thread.ts';
import type { ProjectorThread, ProjectorThreadOptions } from './projector-thread.ts';

/**
 * Starts a thread for each group of projections, seen as one: what one folds does not wait for what another does,
 * and one that dies pauses its own projections alone. The module finds the names of its group as `projections` in
 * its `workerData`, beside the settings.
 */
export function startProjectorThreads(
  groups: readonly (readonly string[])[],
  options: ProjectorThreadOptions,
): ProjectorThread {
  const threads = groups.map((projections) => ({
    projections,
    thread: startProjectorThread({ ...options, settings: { ...options.settings, projections } }),
  }));

  function threadOf({ projection }: ProjectorOf): ProjectorThread {
    const found = threads.find(({ projections }) => projections.includes(projection));
    if (!found) throw new Fault('INTERNAL', `No thread folds ${projection}.`);
    return found.thread;
  }

  return {
    follow: (of, limit) => {
      threadOf(of).follow(of, limit);
    },
    standStill: (of, reason) => {
      threadOf(of).standStill(of, reason);
    },
    leave: (of) => threadOf(of).leave(of),
    limit: (of, to) => threadOf(of).limit(of, to),
    state: (of) => threadOf(of).state(of),
    waitFor: (of, vector, signal) => threadOf(of).waitFor(of, vector, signal),
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map(({ thread }) => thread[Symbol.asyncDispose]()));
    },
  };
}
