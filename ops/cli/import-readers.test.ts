import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { query } from 'chdb';
import { temporaryDir } from '../../test/platform.ts';
import { readCsv } from './import-csv.ts';
import { readNdjson } from './import-ndjson.ts';
import { readParquet } from './import-parquet.ts';
import { formatOf } from './import-source.ts';
import type { SourceRow, SourceRows } from './import-source.ts';
import { CommandFailed } from './output.ts';

async function fileOf(t: TestContext, name: string, content: string | Uint8Array): Promise<string> {
  const dir = await temporaryDir();
  t.after(() => dir[Symbol.asyncDispose]());
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

async function rowsOf(reading: AsyncIterable<SourceRows>): Promise<SourceRow[]> {
  const all: SourceRow[] = [];
  let before = 0;
  for await (const { rows, share } of reading) {
    assert.ok(share >= before && share <= 1);
    before = share;
    all.push(...rows);
  }
  return all;
}

/** Line, columns as plain JSON, and what is wrong. */
const plain = (row: SourceRow): unknown[] => [
  row.at,
  row.columns && (JSON.parse(JSON.stringify(row.columns)) as unknown),
  ...(row.problem ? [row.problem.message] : []),
];

test('the name of a file tells its format', () => {
  const names = ['a.ndjson', 'a.jsonl.gz', 'a.JSON', 'b.csv', 'b.tsv.gz', 'c.parquet', 'c.xlsx', 'none'];
  const formats = ['ndjson', 'ndjson', 'ndjson', 'csv', 'csv', 'parquet', undefined, undefined];
  assert.deepEqual(names.map(formatOf), formats);
});

const CSV = [
  '\uFEFFid,name,n\r\n',
  '1,"a ""q"", b",2\r\n',
  '2,"two\r\nlines",3\r\n',
  '\r\n',
  '3,short\r\n',
  '4,ba"d,5\r\n',
  '5,long,7,8\r\n',
  '6,,9',
].join('');
const CSV_ROWS = [
  [2, { id: '1', name: 'a "q", b', n: '2' }],
  [3, { id: '2', name: 'two\r\nlines', n: '3' }],
  [6, undefined, 'has 2 cells, but the header has 3'],
  [7, { id: '4', name: 'ba"d', n: '5' }],
  [8, undefined, 'has 4 cells, but the header has 3'],
  [9, { id: '6', n: '9' }],
];

test('CSV with quotes, lines within cells, CRLF and a byte order mark is read row by row', async (t) => {
  const rows = await rowsOf(readCsv(await fileOf(t, 'a.csv', CSV)));
  assert.deepEqual(rows.map(plain), CSV_ROWS);
  assert.deepEqual(
    rows.map((row) => row.text()),
    ['1,"a ""q"", b",2', '2,"two\r\nlines",3', '3,short', '4,ba"d,5', '5,long,7,8', '6,,9'],
  );
});

test('compressed CSV, tabs, and columns named on the command line', async (t) => {
  const packed = await rowsOf(readCsv(await fileOf(t, 'a.csv.gz', gzipSync(CSV))));
  assert.deepEqual(packed.map(plain), CSV_ROWS);
  const tabs = await rowsOf(readCsv(await fileOf(t, 'a.tsv', 'id\tn\n1\t2,5\n')));
  assert.deepEqual(tabs.map(plain), [[2, { id: '1', n: '2,5' }]]);
  const path = await fileOf(t, 'b.csv', '1;x\n2;y\n');
  const named = await rowsOf(readCsv(path, { delimiter: ';', columns: ['id', 'v'] }));
  assert.deepEqual(named.map(plain), [
    [1, { id: '1', v: 'x' }],
    [2, { id: '2', v: 'y' }],
  ]);
});

test('a quote that is never closed ends the reading with the line, after the rows before it', async (t) => {
  const path = await fileOf(t, 'a.csv', `id,name\n1,a\n2,"open\n${'3,c\n'.repeat(400_000)}`);
  const seen: SourceRow[] = [];
  await assert.rejects(
    async () => {
      for await (const { rows } of readCsv(path)) seen.push(...rows);
    },
    (error: unknown) =>
      error instanceof CommandFailed && /the row after line 2 .*a quote is opened/.test(error.message),
  );
  assert.deepEqual(seen.map(plain), [[2, { id: '1', name: 'a' }]]);
});

test('a header that names a column twice or not at all is refused', async (t) => {
  for (const [header, why] of [
    ['a,b,a', /"a" stands twice/],
    ['a,,b', /no name/],
  ] as const) {
    await assert.rejects(rowsOf(readCsv(await fileOf(t, 'a.csv', `${header}\n1,2,3\n`))), why);
  }
});

test('NDJSON keeps the bytes of each line; what cannot be read is left to be refused', async (t) => {
  const lines = ['{"a": 1.0}', '', '{"a":', '{"n":12345678901234567890}', '[1]', '{"b":"é"}'];
  for (const [name, content] of [
    ['a.ndjson', `\uFEFF${lines.join('\r\n')}`],
    ['a.ndjson.gz', gzipSync(lines.join('\n'))],
  ] as const) {
    const rows = await rowsOf(readNdjson(await fileOf(t, name, content)));
    assert.deepEqual(rows.map(plain), [
      [1, { a: 1 }],
      [3, undefined],
      [4, undefined],
      [5, undefined],
      [6, { b: 'é' }],
    ]);
    assert.deepEqual(
      rows.slice(1).map((row) => row.line?.().toString()),
      lines.filter((_, index) => index > 1),
    );
  }
});

/** Written by another program than the one that reads it. */
async function writtenByEngine(t: TestContext, select: string, settings: string): Promise<string> {
  const path = await fileOf(t, 'a.parquet', '');
  query(`${select} INTO OUTFILE '${path}' TRUNCATE FORMAT Parquet SETTINGS ${settings}`, 'CSV');
  return path;
}

test('Parquet values are kept exactly: times, decimals, large integers, nested columns', async (t) => {
  const select = `SELECT
    toInt64(number) AS n,
    toDateTime64('2024-03-01 10:00:00.123999', 6, 'UTC') AS micros,
    toDateTime64('1969-12-31 23:59:59.999999', 6, 'UTC') AS before_1970,
    toDateTime64('2024-03-01 10:00:00.123', 3, 'UTC') AS millis,
    toDateTime64('2024-03-01 10:00:00.123999999', 9, 'UTC') AS nanos,
    toDate('2024-03-01') AS day,
    toDecimal64('-12.3450', 4) AS price,
    toDecimal128('123456789012345678901234.5', 3) AS large_price,
    toDecimal32('0.05', 2) AS cents,
    toInt64(9007199254740993) AS large,
    toUInt64(18446744073709551615) AS largest,
    [1, 2]::Array(Int64) AS list,
    [toDecimal64('1.10', 2)] AS prices,
    map('a', 1, 'b', 2) AS pairs,
    tuple('iOS', toDecimal64('1.25', 2))::Tuple(os String, version Decimal64(2)) AS context,
    [tuple(9007199254740993, 'x')::Tuple(id Int64, t String)] AS items,
    if(number % 2 = 0, NULL, 'odd')::Nullable(String) AS half,
    nan AS not_a_number,
    true AS yes,
    'é' AS text,
    unhex('fffe') AS bytes
    FROM numbers(5)`;
  const common = {
    micros: 1_709_287_200_123,
    before_1970: -1,
    millis: 1_709_287_200_123,
    nanos: 1_709_287_200_123,
    day: '2024-03-01',
    price: '-12.3450',
    large_price: '123456789012345678901234.500',
    cents: '0.05',
    large: '9007199254740993',
    largest: '18446744073709551615',
    list: [1, 2],
    prices: ['1.10'],
    pairs: { a: 1, b: 2 },
    context: { os: 'iOS', version: '1.25' },
    items: [{ id: '9007199254740993', t: 'x' }],
    not_a_number: 'NaN',
    yes: true,
    text: 'é',
    bytes: '//4=',
  };
  for (const codec of ['zstd', 'snappy', 'gzip', 'lz4', 'brotli', 'none']) {
    const settings = `output_format_parquet_row_group_size=2, output_format_parquet_compression_method='${codec}'`;
    const rows = await rowsOf(readParquet(await writtenByEngine(t, select, settings)));
    assert.deepEqual(
      rows.map(plain),
      [0, 1, 2, 3, 4].map((n) => [n + 1, { n, ...common, ...(n % 2 === 0 ? {} : { half: 'odd' }) }]),
      codec,
    );
  }
});

test('every row of a Parquet file of many row groups is read once, in its order', async (t) => {
  const rows = await rowsOf(
    readParquet(
      await writtenByEngine(
        t,
        "SELECT number AS n, concat('u', toString(number)) AS user_id FROM numbers(25000)",
        'output_format_parquet_row_group_size=7000',
      ),
    ),
  );
  assert.equal(rows.length, 25_000);
  assert.ok(
    rows.every(
      ({ at, columns }, n) => at === n + 1 && columns?.['n'] === n && columns['user_id'] === `u${n}`,
    ),
  );
});

test('a file that is no Parquet is said to be none', async (t) => {
  const path = await fileOf(t, 'a.parquet', 'id,name\n1,a\n');
  await assert.rejects(rowsOf(readParquet(path)), /a\.parquet cannot be read as Parquet/);
});
