import type { FilterLayer } from './id-filter.ts';

/** `[log, partition, next offset]`: everything of that partition below the offset is in the index. */
export type IndexCheckpoint = readonly [log: number, partition: number, next: number];

export type IndexWorkerOptions = {
  readonly directory: string;
  /** Identity of the logs; an index of other logs is thrown away. */
  readonly identity: string;
  /** Where the logs end; an index that is ahead of them is thrown away. */
  readonly heads: readonly IndexCheckpoint[];
  /** Ids between two snapshots of the filter, at least. */
  readonly snapshotEveryIds: number;
};

export type FilterState = { readonly layers: readonly FilterLayer[]; readonly ids: number };

/** What the log asks of the worker that keeps the index on disk. */
export type IndexRequest =
  | {
      readonly type: 'write';
      readonly entries: SharedArrayBuffer;
      readonly bytes: number;
      readonly filter: FilterState;
    }
  | {
      readonly type: 'fetch';
      readonly request: number;
      readonly ids: readonly (readonly [log: number, id: string])[];
    }
  | { readonly type: 'close'; readonly filter: FilterState };

/** What the worker answers. */
export type IndexReply =
  | {
      readonly type: 'opened';
      readonly checkpoints: readonly IndexCheckpoint[];
      readonly filter: FilterState;
      /** The filter holds every id before these. */
      readonly filterCheckpoints: readonly IndexCheckpoint[];
    }
  | { readonly type: 'written' }
  | {
      readonly type: 'fetched';
      readonly request: number;
      readonly values: readonly (Uint8Array | undefined)[];
    }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly message: string };
