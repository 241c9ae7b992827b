import { renameSync, writeFileSync } from 'node:fs';
import { FAIL_AT } from './fail-points.ts';
import type { Failing } from './fail-points.ts';
import type { TestClock } from './test-clock.ts';
import { preload } from './trial.ts';

/** What a platform is started with so that it fails as soon as the file says where. */
export function failureEnv(file: string, clock: TestClock = {}): Record<string, string> {
  return {
    NODE_OPTIONS: [preload('test-clock.ts'), preload('fail-at.ts')].join(' '),
    TEST_CLOCK: JSON.stringify(clock),
    [FAIL_AT]: file,
  };
}

/** Tells a platform that was started with the file where to fail from now on. */
export function arm(file: string, failing: Failing): void {
  // Whole at once: it is read at whatever instant.
  writeFileSync(`${file}.new`, JSON.stringify(failing));
  renameSync(`${file}.new`, file);
}
