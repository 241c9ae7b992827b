import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamStore } from '#log';
import type { FactStore } from '#projections';
import type { Check } from './doctor.ts';

/** The embedded engines, each opened in a directory of its own. */
export type Engines = {
  readonly openStreams: (options: { readonly dataDir: string }) => Promise<StreamStore>;
  readonly openFacts: (options: {
    readonly dataDir: string;
    readonly connections: number;
  }) => Promise<FactStore>;
  /** The country of an address by the place data that is configured. */
  readonly openPlaces: () => Promise<(ip: string) => { readonly country?: string } | undefined>;
  readonly newId: () => string;
};

/** The checks that load the engines: whether their native code is there and works. */
export function engineChecks({ openStreams, openFacts, openPlaces, newId }: Engines): readonly Check[] {
  return [
    {
      name: 'log engine',
      run: () =>
        inTemporaryDir(async (dataDir) => {
          await using streams = await openStreams({ dataDir });
          const event = { id: newId(), type: 'doctor_asked', data: {}, metadata: {} };
          await streams.append('doctor', [event], 'no_stream');
          for await (const found of streams.read('doctor')) {
            if (found.id === event.id) return { state: 'ok', says: 'LMDB keeps a record and gives it back' };
          }
          return { state: 'fail', says: 'LMDB did not give back a record', mend: 'Run "npm ci" again.' };
        }),
    },
    {
      name: 'facts engine',
      run: () =>
        inTemporaryDir(async (dataDir) => {
          await using facts = await openFacts({ dataDir, connections: 1 });
          const { rows } = await facts.query<{ v: string }>({ sql: 'SELECT version() AS v', params: {} });
          return { state: 'ok', says: `chdb answers (ClickHouse ${rows[0]?.v ?? '?'})` };
        }),
    },
    {
      name: 'place data',
      run: async () => {
        const lookUp = await openPlaces();
        return { state: 'ok', says: `8.8.8.8 is in ${lookUp('8.8.8.8')?.country ?? 'no known country'}` };
      },
    },
  ];
}

async function inTemporaryDir<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-doctor-'));
  try {
    return await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
