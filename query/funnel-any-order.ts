/** Users per step of a funnel whose steps come in any order; filled user by user. */
export type AnyOrderFold = {
  /** One user's events that match a step, in order: when, and a bit for each step they match. */
  add(times: readonly number[], masks: readonly number[]): void;
  counted(): { users: number; averageMs: number | null; medianMs: number | null }[];
};

/**
 * Counts what `countFunnel` of the domain counts, in time linear in the events: for every set of steps it
 * keeps the latest start from which different events did them all, which tells how far anybody can come and
 * when that was first done; the attempt itself is then followed once.
 */
export function countAnyOrder(steps: number, windowMs: number): AnyOrderFold {
  const users = Array.from({ length: steps }, () => 0);
  const took: number[][] = Array.from({ length: steps }, () => []);
  return {
    add(times, masks) {
      const goal = furthest(times, masks, { steps, windowMs });
      if (!goal) return;
      const start = times.findIndex((time) => time >= goal.doneAt - windowMs);
      const reached = follow(times.slice(start), masks.slice(start), goal.level);
      reached.forEach((time, step) => {
        users[step] = (users[step] ?? 0) + 1;
        if (step > 0) took[step]?.push(time - (reached[step - 1] ?? time));
      });
    },
    counted: () =>
      users.map((count, step) => {
        const sorted = Float64Array.from(took[step] ?? []).sort();
        return { users: count, averageMs: average(sorted), medianMs: median(sorted) };
      }),
  };
}

/** How many steps the best attempt does, and the earliest time at which any does so many. */
function furthest(
  times: readonly number[],
  masks: readonly number[],
  { steps, windowMs }: { readonly steps: number; readonly windowMs: number },
): { readonly level: number; readonly doneAt: number } | undefined {
  const latestStart = new Float64Array(1 << steps).fill(-Infinity);
  let level = 0;
  let doneAt = 0;
  times.forEach((time, index) => {
    const mask = masks[index] ?? 0;
    // From larger sets to smaller ones, so that one event is not used for two steps.
    for (let set = latestStart.length - 1; set > 0; set--) {
      const start = startWith(latestStart, set, { mask, time, windowMs });
      if (start <= (latestStart[set] ?? 0)) continue;
      latestStart[set] = start;
      const size = bits(set);
      if (size > level) {
        level = size;
        doneAt = time;
      }
    }
  });
  return level === 0 ? undefined : { level, doneAt };
}

/** The latest start from which the set of steps is done when this event does one of them. */
function startWith(
  latestStart: Float64Array,
  set: number,
  event: { readonly mask: number; readonly time: number; readonly windowMs: number },
): number {
  let best = -Infinity;
  for (let left = set & event.mask; left !== 0; left &= left - 1) {
    const before = set & ~(left & -left);
    const start = before === 0 ? event.time : (latestStart[before] ?? -Infinity);
    if (event.time - start <= event.windowMs && start > best) best = start;
  }
  return best;
}

/** When the first, second, … step was done, up to the level, each by an event of its own. */
function follow(times: readonly number[], masks: readonly number[], level: number): number[] {
  const reached: number[] = [];
  const eventOfStep = new Map<number, number>();
  const assign = (index: number, tried: Set<number>): boolean => {
    for (let left = masks[index] ?? 0; left !== 0; left &= left - 1) {
      const step = 31 - Math.clz32(left & -left);
      if (tried.has(step)) continue;
      tried.add(step);
      const holder = eventOfStep.get(step);
      if (holder !== undefined && !assign(holder, tried)) continue;
      eventOfStep.set(step, index);
      return true;
    }
    return false;
  };
  for (let index = 0; index < times.length && reached.length < level; index++) {
    if (assign(index, new Set())) reached.push(times[index] ?? 0);
  }
  return reached;
}

function bits(set: number): number {
  let count = 0;
  for (let left = set; left !== 0; left &= left - 1) count++;
  return count;
}

function average(sorted: Float64Array): number | null {
  return sorted.length === 0 ? null : sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length;
}

function median(sorted: Float64Array): number | null {
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}
