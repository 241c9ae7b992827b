import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NODE_FLAGS } from '../test/platform.ts';
import type { Load, LoadResult } from './load.ts';

const run = promisify(execFile);
const TICKS_PER_SECOND = 100;

/** Runs the load generator in a process of its own and gives what it measured. */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { stdout } = await run(
    process.execPath,
    [join(import.meta.dirname, 'load.ts'), JSON.stringify(load)],
    {
      timeout: load.warmUpMs + load.durationMs + 60_000,
    },
  );
  return JSON.parse(stdout) as LoadResult;
}

/** Processor seconds a process has used, or undefined where the system does not say (`/proc`). */
export async function cpuSeconds(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The name in parentheses may hold spaces; user and system ticks are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Runs work beside a process and says how many cores the process used meanwhile. */
export async function coresUsed<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; cores: number }> {
  const before = (await cpuSeconds(pid)) ?? NaN;
  const startedAt = performance.now();
  const result = await work();
  const after = (await cpuSeconds(pid)) ?? NaN;
  return { result, cores: (after - before) / ((performance.now() - startedAt) / 1000) };
}

/** Starts a script of ours that prints the port it listens on, and waits for that. */
export async function startServer(
  script: string,
): Promise<AsyncDisposable & { readonly port: number; readonly pid: number }> {
  const child: ChildProcess = spawn(process.execPath, [...NODE_FLAGS, join(import.meta.dirname, script)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => {
      resolve(Number(chunk.toString()));
    });
    child.once('exit', (code) => {
      reject(new Error(`${script} ended with ${code ?? 'a signal'}`));
    });
  });
  return {
    port,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          process.off('exit', end);
          resolve();
        });
        end();
      }),
  };
}

/** The value at a share of sorted or unsorted samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** How long it took, in milliseconds, and what came of it. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, ms: performance.now() - startedAt };
}
