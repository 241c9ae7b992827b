import type { Surroundings } from './output.ts';

/** What a check found. What is not ok says how to mend it. */
export type Finding =
  | { readonly state: 'ok'; readonly says: string }
  | { readonly state: 'warn' | 'fail'; readonly says: string; readonly mend: string };

/** One thing that must be right for the platform to run well here. */
export type Check = { readonly name: string; readonly run: () => Promise<Finding> };

/** Runs the checks one after another and prints a line for each. Answers whether none failed. */
export async function runDoctor(checks: readonly Check[], around: Surroundings): Promise<boolean> {
  const width = Math.max(...checks.map(({ name }) => name.length));
  let failed = 0;
  let warned = 0;
  for (const { name, run } of checks) {
    const finding = await run().catch(unexpected);
    around.out(`${finding.state.padEnd(4)}  ${name.padEnd(width)}  ${finding.says}\n`);
    if (finding.state !== 'ok') around.out(`      ${' '.repeat(width)}  -> ${finding.mend}\n`);
    if (finding.state === 'fail') failed++;
    if (finding.state === 'warn') warned++;
  }
  around.out(`\n${summary(failed, warned)}\n`);
  return failed === 0;
}

function unexpected(error: unknown): Finding {
  const says = error instanceof Error ? error.message : String(error);
  return { state: 'fail', says, mend: 'Mend what the message names and run the check again.' };
}

function summary(failed: number, warned: number): string {
  if (failed > 0) return `${failed} of the checks failed.`;
  return warned > 0
    ? `Daybook can run here; ${warned} of the checks could be better.`
    : 'Daybook can run here.';
}
