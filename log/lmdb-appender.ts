import { channel } from 'node:diagnostics_channel';
import { Fault, partitionOf } from '#domain';
import { announcedWrites } from './announced-writes.ts';
import { carriedDigest, encodeBlock, packBody } from './block.ts';
import type { AppendOutcome, LogName, NewRecord } from './event-log.ts';
import type { FirstSeenIndex, Seen } from './first-seen-index.ts';
import { FrameWriter } from './frame.ts';
import type { PreparedGroup, Waiting } from './group-commit.ts';
import type { BlockCommit, LmdbBlocks, PartitionHead, StoredLog } from './lmdb-blocks.ts';
import { TurnedAwayCounts } from './turned-away-counts.ts';

/** A partition as the writer sees it: what is planned runs ahead of what is on disk. */
export type PartitionState = {
  planned: PartitionHead;
  durable: PartitionHead;
  open: FrameWriter | undefined;
};

export type LogState = {
  readonly stored: StoredLog;
  readonly name: LogName;
  readonly partitions: readonly PartitionState[];
};

export type AppendCall = Waiting & {
  readonly log: LogState;
  readonly records: readonly NewRecord[];
  readonly resolve: (outcomes: readonly AppendOutcome[]) => void;
  readonly reject: (error: Error) => void;
};

type Plan = {
  readonly commit: BlockCommit;
  readonly answers: readonly (readonly AppendOutcome[])[];
  /** Partitions that move, with the head each will have. */
  readonly moves: readonly {
    readonly log: LogState;
    readonly state: PartitionState;
    readonly head: PartitionHead;
  }[];
  readonly addedIds: number;
};

/** Records that will be one block, in the order of their partition. */
type Cut = {
  readonly log: LogState;
  readonly state: PartitionState;
  readonly firstOffset: number;
  readonly writer: FrameWriter;
};

type Decided = {
  readonly answers: Plan['answers'];
  readonly cuts: readonly Cut[];
  readonly moved: ReadonlyMap<PartitionState, LogState>;
};

/** Blocks are cut here, so that reading one is a short piece of work. */
const MAX_BLOCK_RECORDS = 2048;
const MAX_BLOCK_BYTES = 1024 * 1024;
const MAX_SPARE_WRITERS = 256;

const appended = channel('daybook:log:appended');
const announced = announcedWrites('log');

/** Turns groups of append calls into one transaction each: decides every entry, builds the blocks, answers. */
export class LmdbAppender {
  readonly #blocks: LmdbBlocks;
  readonly #index: FirstSeenIndex;
  readonly #logs: () => Iterable<LogState>;
  readonly #onCommit: (log: LogName) => void;
  readonly #counts: TurnedAwayCounts;
  readonly #spareWriters: FrameWriter[] = [];
  /** Rises with every failed commit; a plan made before a failure stands on records that do not exist. */
  #failures = 0;

  constructor(deps: {
    readonly blocks: LmdbBlocks;
    readonly index: FirstSeenIndex;
    readonly logs: () => Iterable<LogState>;
    readonly onCommit: (log: LogName) => void;
  }) {
    this.#blocks = deps.blocks;
    this.#index = deps.index;
    this.#logs = deps.logs;
    this.#onCommit = deps.onCommit;
    this.#counts = new TurnedAwayCounts((log, hour) => this.#blocks.turnedAway(log, hour, hour + 1)[0]);
  }

  async prepare(calls: readonly AppendCall[]): Promise<PreparedGroup> {
    const failures = this.#failures;
    try {
      await this.#index.room();
      const known = await this.#knownBefore(calls);
      if (failures !== this.#failures) throw new Error('The commit before failed.');
      const plan = await this.#seal(this.#decide(calls, known), failures);
      return this.#group(calls, plan, failures);
    } catch (cause) {
      // Half a plan may have been made. Its write comes after the one before it, when the disk is the truth.
      const write = async (): Promise<void> => {
        this.#startAgainFromDisk();
      };
      const answer = (): void => {
        refuse(calls, cause);
      };
      return { write, answer };
    }
  }

  /** For every entry of every call in turn, where its id stood before this group, asking the disk once. */
  async #knownBefore(calls: readonly AppendCall[]): Promise<readonly (Seen | undefined)[]> {
    const known: (Seen | undefined)[] = [];
    const asked: (readonly [log: number, id: string])[] = [];
    const askedAt: number[] = [];
    for (const { log, records } of calls) {
      const { no, channel: logChannel } = log.stored;
      for (const record of records) {
        let seen: Seen | undefined;
        const id = idOf(record);
        if (logChannel === 'events' && this.#index.mayKnow(no, id)) {
          seen = this.#index.recall(no, id);
          if (!seen) {
            asked.push([no, id]);
            askedAt.push(known.length);
          }
        }
        known.push(seen);
      }
    }
    if (asked.length === 0) return known;
    const found = await this.#index.fetch(asked);
    askedAt.forEach((at, i) => (known[at] = found[i]));
    return known;
  }

  /** Decides every entry and writes the frames of the accepted ones; offsets move on at once. */
  #decide(calls: readonly AppendCall[], known: readonly (Seen | undefined)[]): Decided {
    const cuts: Cut[] = [];
    const moved = new Map<PartitionState, LogState>();
    let at = 0;
    const answers = calls.map(({ log, records }) =>
      records.map((record): AppendOutcome => {
        const before = known[at++];
        const partition = partitionOf(record.key, log.partitions.length);
        const state = partitionState(log, partition);
        const offset = state.planned.next + (state.open?.count ?? 0);
        const seen = before ?? this.#claim(log, record, { partition, offset });
        if (seen) return this.#turnAway(log, record, seen);
        moved.set(state, log);
        state.open ??= this.#spareWriters.pop() ?? new FrameWriter();
        state.open.write(record);
        if (state.open.count >= MAX_BLOCK_RECORDS || state.open.length >= MAX_BLOCK_BYTES) {
          cuts.push(cut(log, state));
        }
        return { outcome: 'accepted', position: { partition, offset: BigInt(offset) } };
      }),
    );
    for (const [state, log] of moved) if (state.open) cuts.push(cut(log, state));
    return { answers, cuts, moved };
  }

  /** Compresses the blocks side by side, then links them into their chains. */
  async #seal({ answers, cuts, moved }: Decided, failures: number): Promise<Plan> {
    const bodies = await Promise.all(cuts.map(({ writer }) => packBody(writer.written())));
    if (failures !== this.#failures) throw new Error('The commit before failed.');
    const blocks = cuts.map(({ log, state, firstOffset, writer }, i) => {
      const body = bodies[i];
      if (!body) throw new Fault('INTERNAL', 'A block has no body.');
      const previous = state.planned.digest;
      const bytes = encodeBlock({ firstOffset, count: writer.count, body, previous });
      state.planned = { next: state.planned.next, digest: carriedDigest(bytes) };
      writer.clear();
      if (this.#spareWriters.length < MAX_SPARE_WRITERS) this.#spareWriters.push(writer);
      return { log: log.stored.no, partition: log.partitions.indexOf(state), bytes };
    });
    const moves = [...moved].map(([state, log]) => ({ log, state, head: state.planned }));
    const heads = moves.map(({ log, state, head }) => {
      return { log: log.stored.no, partition: log.partitions.indexOf(state), head };
    });
    const commit = { blocks, heads, turnedAway: this.#counts.take() };
    return { commit, answers, moves, addedIds: this.#index.added };
  }

  /** Takes the id for the offset, or answers where an entry of this group or one in memory has it. */
  #claim(
    log: LogState,
    record: NewRecord,
    at: { readonly partition: number; readonly offset: number },
  ): Seen | undefined {
    if (log.stored.channel === 'dead_letters') return undefined;
    const { contentHash } = record.headers;
    return this.#index.addOrRecall(log.stored.no, idOf(record), { ...at, contentHash });
  }

  #turnAway(log: LogState, { headers }: NewRecord, seen: Seen): AppendOutcome {
    const outcome = Buffer.compare(seen.contentHash, headers.contentHash) === 0 ? 'duplicate' : 'conflict';
    this.#counts.count(log.stored.no, headers.timestampMs, outcome);
    return { outcome, position: { partition: seen.partition, offset: BigInt(seen.offset) } };
  }

  #group(calls: readonly AppendCall[], plan: Plan, failures: number): PreparedGroup {
    let failed: { readonly cause: unknown } | undefined;
    const write = async (): Promise<void> => {
      try {
        if (failures !== this.#failures) throw new Error('The commit before failed.');
        await announced({ what: 'records' }, () => this.#blocks.write(plan.commit));
      } catch (cause) {
        failed = { cause };
        if (failures === this.#failures) this.#startAgainFromDisk();
        return;
      }
      for (const { state, head } of plan.moves) state.durable = head;
      this.#index.durable(plan.addedIds);
    };
    const answer = (): void => {
      if (failed) refuse(calls, failed.cause);
      else this.#answer(calls, plan);
    };
    return { write, answer };
  }

  #answer(calls: readonly AppendCall[], plan: Plan): void {
    calls.forEach((call, i) => {
      call.resolve(plan.answers[i] ?? []);
    });
    for (const { name } of new Set(plan.moves.map(({ log }) => log))) this.#onCommit(name);
    if (appended.hasSubscribers) announce(calls, plan);
  }

  /** After a failed commit only the disk knows what stands in the log. */
  #startAgainFromDisk(): void {
    this.#failures += 1;
    this.#counts.reset();
    const ends = new Map<number, readonly PartitionState[]>();
    for (const { stored, partitions } of this.#logs()) {
      ends.set(stored.no, partitions);
      partitions.forEach((state, partition) => {
        state.durable = this.#blocks.head(stored, partition);
        state.planned = state.durable;
        state.open = undefined;
      });
    }
    this.#index.forget((log, { partition, offset }) => {
      const state = ends.get(log)?.[partition];
      return !state || offset >= state.durable.next;
    });
  }
}

/** The id as its UTF-8 bytes will say it, so that memory and disk never disagree about a broken surrogate. */
function idOf({ headers }: NewRecord): string {
  return headers.eventId.toWellFormed();
}

function cut(log: LogState, state: PartitionState): Cut {
  const { open: writer, planned } = state;
  if (!writer) throw new Fault('INTERNAL', 'A partition without records was to become a block.');
  state.planned = { next: planned.next + writer.count, digest: planned.digest };
  state.open = undefined;
  return { log, state, firstOffset: planned.next, writer };
}

function partitionState(log: LogState, partition: number): PartitionState {
  const state = log.partitions[partition];
  if (!state) throw new Fault('INTERNAL', `The log has no partition ${partition}.`);
  return state;
}

function refuse(calls: readonly AppendCall[], cause: unknown): void {
  const fault =
    cause instanceof Fault
      ? cause
      : new Fault('INTERNAL', 'The log could not write; nothing of the call was acknowledged.', { cause });
  for (const { reject } of calls) reject(fault);
}

function announce(calls: readonly AppendCall[], plan: Plan): void {
  const perLog = new Map<LogState, { accepted: number; duplicate: number; conflict: number }>();
  calls.forEach(({ log }, i) => {
    let counts = perLog.get(log);
    if (!counts) perLog.set(log, (counts = { accepted: 0, duplicate: 0, conflict: 0 }));
    for (const { outcome } of plan.answers[i] ?? []) counts[outcome] += 1;
  });
  for (const [{ name }, counts] of perLog) appended.publish({ ...name, ...counts });
}
