import { access, readFile } from 'node:fs/promises';
import { parseReceipt, parseTenantId } from '#domain';
import { askPlatform } from './client.ts';
import { readCsv } from './import-csv.ts';
import { EventLines } from './import-events.ts';
import { parseMapping } from './import-mapping.ts';
import type { Mapping } from './import-mapping.ts';
import { readNdjson } from './import-ndjson.ts';
import { readParquet } from './import-parquet.ts';
import type { SentRow } from './import-pending.ts';
import {
  forgetProgress,
  importDigest,
  parseProgress,
  progressPath,
  saveProgress,
} from './import-progress-file.ts';
import { PlatformGone, sendRows } from './import-send.ts';
import { formatOf } from './import-source.ts';
import type { ImportFormat, SourceRows } from './import-source.ts';
import { ImportTally } from './import-tally.ts';
import { paceJson, paceLine, reportText } from './import-words.ts';
import type { ImportPace } from './import-words.ts';
import { CommandFailed } from './output.ts';
import type { Surroundings } from './output.ts';

export type ImportCommand = {
  readonly url: string;
  readonly tenant: string;
  readonly files: readonly string[];
  readonly format?: string;
  /** Mapping files and pairs, as given. */
  readonly map: readonly string[];
  readonly kind?: string;
  readonly tz?: string;
  readonly delimiter?: string;
  /** Names with commas between them. */
  readonly columns?: string;
  readonly dryRun: boolean;
  readonly rejects?: string;
  readonly batch: string;
  readonly fromStart: boolean;
  /** The reports as JSON. */
  readonly json: boolean;
};

/** How the command ends: 0 all is in the log, 3 some rows were refused, 4 broken off. */
export type ImportExit = 0 | 3 | 4;

const MOST_BATCH = 20_000;
const SECOND_MS = 1_000;

/**
 * Imports files one after another. What cannot be done at all throws {@link CommandFailed}: no platform, no
 * such file, a mapping that cannot be used.
 */
export async function runImport(command: ImportCommand, around: Surroundings): Promise<ImportExit> {
  const tenant = parseTenantId(command.tenant);
  if (!tenant.ok) throw new CommandFailed(`TENANT_INVALID: --tenant ${tenant.reason}.`);
  const portionRows = Number(command.batch);
  if (!/^[1-9]\d{0,4}$/.test(command.batch) || portionRows > MOST_BATCH) {
    throw new CommandFailed(`--batch must be a number from 1 to ${MOST_BATCH}.`);
  }
  const mapping = await mappingOf(command);
  const files = command.files.map((path) => ({ path, format: formatFor(path, command.format) }));
  for (const { path } of files) await access(path).catch(() => missing(path));
  const signal = around.interrupted();
  let exit: ImportExit = 0;
  for (const file of files) {
    const ended = await new FileImport({ command, around, mapping, portionRows, signal, ...file }).run();
    if (ended === 4) return 4;
    if (ended === 3) exit = 3;
  }
  return exit;
}

function missing(path: string): never {
  throw new CommandFailed(`There is no file ${path} that can be read.`);
}

function formatFor(path: string, given: string | undefined): ImportFormat {
  const format = given ?? formatOf(path);
  if (format === 'ndjson' || format === 'csv' || format === 'parquet') return format;
  throw new CommandFailed(
    given === undefined
      ? `The name of ${path} does not tell its format: say --format ndjson, csv or parquet.`
      : `--format must be ndjson, csv or parquet.`,
  );
}

async function mappingOf({ map, kind, tz }: ImportCommand): Promise<Mapping> {
  const pairs = map.filter((one) => one.includes('='));
  const paths = map.filter((one) => !one.includes('='));
  const [path] = paths;
  if (paths.length > 1) throw new CommandFailed('--map takes one mapping file; pairs are from=to.');
  const given = { pairs, ...(kind === undefined ? {} : { kind }), ...(tz === undefined ? {} : { tz }) };
  if (path === undefined) return parseMapping(given);
  let file: unknown;
  try {
    file = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailed(`The mapping file ${path} cannot be used: ${why}`);
  }
  return parseMapping({ ...given, file });
}

type FileImportOptions = {
  readonly command: ImportCommand;
  readonly around: Surroundings;
  readonly mapping: Mapping;
  readonly portionRows: number;
  readonly signal: AbortSignal;
  readonly path: string;
  readonly format: ImportFormat;
};

/** The import of one file. */
class FileImport {
  readonly #options: FileImportOptions;
  #digest = '';
  #share = 0;
  #startedAt = 0;
  #savedAt = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: FileImportOptions) {
    this.#options = options;
  }

  async run(): Promise<ImportExit> {
    const { command, path, around, signal, portionRows } = this.#options;
    const { url, tenant, dryRun, rejects } = command;
    this.#digest = await importDigest(path, {
      tenant,
      mapping: this.#options.mapping,
      reading: { format: this.#options.format, delimiter: command.delimiter, columns: command.columns },
    });
    const resumed = dryRun || command.fromStart ? 0 : await this.#rowsBefore();
    const tally = new ImportTally({ rejects, resumed });
    this.#startedAt = performance.now();
    const telling = setInterval(() => {
      this.#tell(tally);
    }, SECOND_MS);
    try {
      await sendRows(this.#lines(resumed), {
        url,
        tenant,
        dryRun,
        portionRows,
        signal,
        answered: (rows, report) => {
          tally.add(rows, report);
          this.#save(tally, false);
        },
      });
    } catch (error) {
      if (error instanceof CommandFailed) throw error;
      if (!signal.aborted && !(error instanceof PlatformGone)) throw error;
      this.#save(tally, true);
      await this.#saving;
      this.#report(tally);
      const why = signal.aborted ? 'Broken off' : `Broken off: ${(error as Error).message}`;
      around.err(`${why}. The same command again goes on from there.\n`);
      return 4;
    } finally {
      clearInterval(telling);
      this.#clearLine();
    }
    await this.#saving;
    if (!dryRun) await forgetProgress(path);
    this.#report(tally);
    const { conflict, rejected } = tally.read();
    return conflict + rejected > 0 ? 3 : 0;
  }

  /** The lines of the rows after those that were answered before, which are read all the same: ids depend on them. */
  async *#lines(skip: number): AsyncGenerator<readonly SentRow[]> {
    const events = new EventLines(this.#options.mapping);
    let before = 0;
    for await (const { rows, share } of this.#rows()) {
      const lines = rows.map((row) => ({ at: row.at, text: row.text, line: events.lineOf(row) }));
      const left = lines.slice(Math.max(0, skip - before));
      before += lines.length;
      this.#share = share;
      if (left.length > 0) yield left;
    }
  }

  #rows(): AsyncGenerator<SourceRows> {
    const { path, format, command } = this.#options;
    const { delimiter, columns } = command;
    switch (format) {
      case 'ndjson':
        return readNdjson(path);
      case 'csv':
        return readCsv(path, {
          ...(delimiter === undefined ? {} : { delimiter }),
          ...(columns === undefined ? {} : { columns: columns.split(',') }),
        });
      case 'parquet':
        return readParquet(path);
    }
  }

  /** How many rows an earlier run brought into the very log that stands there now. */
  async #rowsBefore(): Promise<number> {
    const { path, command, around } = this.#options;
    const text = await readFile(progressPath(path), 'utf8').catch(() => '');
    const progress = parseProgress(text, this.#digest);
    if (!progress) return 0;
    const search = new URLSearchParams({ tenant_id: command.tenant, n: '1' });
    const tail = `/api/v1/log/tail?${search.toString()}`;
    const newest = await askPlatform({ url: command.url, path: tail }, around)
      .then((response) => response.text())
      .catch(() => '');
    if (newest === '') return 0;
    const { receipt } = JSON.parse(newest) as { readonly receipt: string };
    const same = parseReceipt(receipt)?.logIdentity === parseReceipt(progress.token)?.logIdentity;
    return same ? progress.rows : 0;
  }

  /** Once a second; what was answered since is sent again after a kill, and found to be there. */
  #save(tally: ImportTally, now: boolean): void {
    const { token } = tally;
    const { command, path } = this.#options;
    if (command.dryRun || token === undefined) return;
    if (!now && performance.now() - this.#savedAt < SECOND_MS) return;
    this.#savedAt = performance.now();
    const progress = { digest: this.#digest, rows: tally.read().rows, token };
    this.#saving = this.#saving.then(() => saveProgress(path, progress)).catch(() => undefined);
  }

  #tell(tally: ImportTally): void {
    const { path, around } = this.#options;
    const tallied = tally.read();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = (tallied.rows - tallied.resumed) / seconds;
    const share = this.#share;
    const secondsLeft = share > 0.01 ? (seconds * (1 - share)) / share : undefined;
    const pace: ImportPace = { path, tallied, rate, share, secondsLeft };
    around.err(around.interactive === true ? `\r\u001b[2K${paceLine(pace)}` : `${paceJson(pace)}\n`);
  }

  #clearLine(): void {
    if (this.#options.around.interactive === true) this.#options.around.err('\r\u001b[2K');
  }

  #report(tally: ImportTally): void {
    const { path, around, command, format } = this.#options;
    const { tenant, dryRun, rejects } = command;
    const rowName = format === 'parquet' ? 'row' : 'line';
    const tallied = tally.read();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    around.out(
      command.json
        ? `${JSON.stringify({ file: path, seconds, dry_run: dryRun, ...tallied })}\n`
        : reportText({ path, tenant, tallied, seconds, dryRun, rejects, rowName }),
    );
  }
}
