import { createHash } from 'node:crypto';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { parseReceipt } from '#domain';
import type { Mapping } from './import-mapping.ts';

/** How far a file has been imported, kept beside it so that an import that was broken off need not begin again. */
export type ImportProgress = {
  /** Of the file as it was and all that decides what its rows become; another digest begins anew. */
  readonly digest: string;
  /** Rows from the beginning that have been answered. */
  readonly rows: number;
  /** Receipt of one of their events: it says which log they stand in. */
  readonly token: string;
};

/** Where the progress of a file is kept. */
export function progressPath(path: string): string {
  return `${path}.daybook-progress`;
}

/** Tells a file and its import from others: by size, time of change, tenant and mapping. */
export async function importDigest(
  path: string,
  about: { readonly tenant: string; readonly mapping: Mapping; readonly reading: object },
): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const { kind, rules, others, zone } = about.mapping;
  const said = rules.map(({ values, ...rule }) => ({ ...rule, values: [...values] }));
  const all = [size, mtimeMs, about.tenant, about.reading, kind, said, others, zone.name];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** Takes what a progress file holds; undefined when it is none, or of another import. */
export function parseProgress(text: string, digest: string): ImportProgress | undefined {
  try {
    const given = JSON.parse(text) as Partial<ImportProgress>;
    const { rows, token } = given;
    const usable =
      given.digest === digest && Number.isSafeInteger(rows) && parseReceipt(token ?? '') !== undefined;
    return usable ? { digest, rows: rows ?? 0, token: token ?? '' } : undefined;
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step, so that it is never found half written. */
export async function saveProgress(path: string, progress: ImportProgress): Promise<void> {
  const written = `${progressPath(path)}.new`;
  await writeFile(written, `${JSON.stringify(progress)}\n`);
  await rename(written, progressPath(path));
}

export async function forgetProgress(path: string): Promise<void> {
  await rm(progressPath(path), { force: true });
}
