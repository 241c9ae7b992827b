import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FactStore } from '#projections';
import { openChdbFactStore } from '../projections/chdb-fact-store.ts';
import { allowedFunctions, isAllowedFunction } from './free-sql-functions.ts';
import { checkFreeSql } from './free-sql.ts';

const VIEWS = new Set(['events', 'user_behaviors']);

let dataDir: string;
let facts: FactStore;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-free-sql-'));
  facts = await openChdbFactStore({ dataDir, connections: 1 });
  await facts.prepare(1);
});

after(async () => {
  await facts[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** What somebody may try, and a word of the reason for which it must be refused. */
const ATTACKS: readonly (readonly [sql: string, reason: RegExp])[] = [
  // Other statements, and more than one.
  ['', /empty/],
  ['   -- nothing\n', /one SELECT/],
  ['SELECT 1; SELECT 2', /one SELECT/],
  ['SELECT 1; DROP TABLE analysis_db.facts_g1', /one SELECT/],
  ['SELECT 1 /* */; /* */ SELECT 2', /one SELECT/],
  ['DROP TABLE analysis_db.facts_g1', /SELECT/],
  ['INSERT INTO analysis_db.facts_g1 SELECT * FROM events', /INTO|SELECT/],
  ['SET max_memory_usage = 0', /SELECT/],
  ['SYSTEM SHUTDOWN', /SELECT/],
  ['KILL QUERY WHERE 1', /SELECT/],
  ['CREATE TABLE t (a Int8) ENGINE = Memory', /SELECT/],
  ['ALTER TABLE analysis_db.facts_g1 DELETE WHERE 1', /SELECT/],
  ['USE system', /SELECT/],
  ['DESCRIBE TABLE events', /SELECT/],
  ['SHOW TABLES', /SELECT/],
  ['EXPLAIN SELECT 1', /SELECT/],
  ['EXPLAIN AST SELECT 1', /SELECT/],
  ['ATTACH DATABASE x', /SELECT/],
  ["BACKUP DATABASE analysis_db TO Disk('a', 'b')", /SELECT|must not/],
  // Breaking out of the parentheses the statement is put into.
  ['SELECT 1) UNION ALL (SELECT 2', /one SELECT/],
  ['SELECT 1) --', /one SELECT/],
  ['SELECT 1 /*', /one SELECT/],
  // Settings, formats and files.
  ['SELECT * FROM events SETTINGS max_execution_time = 0', /SETTINGS|write/],
  ['SELECT * FROM (SELECT * FROM events SETTINGS max_memory_usage = 0)', /SETTINGS|Set/],
  ['SELECT * FROM events /* x */ sEtTiNgS additional_table_filters = {}', /one SELECT|SETTINGS/],
  ['SELECT * FROM events FORMAT CSV', /FORMAT|write/],
  ["SELECT * FROM events INTO OUTFILE '/tmp/daybook-stolen'", /INTO|write/],
  ["SELECT * FROM events INTO OUTFILE '/tmp/daybook-stolen' TRUNCATE FORMAT CSV", /INTO|write/],
  // Other tables, other databases, the engine's own.
  ['SELECT * FROM analysis_db.events', /table analysis_db\.events/],
  ['SELECT * FROM analysis_db.facts_g1', /table analysis_db\.facts_g1/],
  ['SELECT * FROM facts_g1', /table facts_g1/],
  ['SELECT * FROM `analysis_db`.`facts_g1`', /table analysis_db\.facts_g1/],
  ['SELECT * FROM "analysis_db"."facts_g1"', /table analysis_db\.facts_g1/],
  ['SELECT * FROM system.tables', /table system\.tables/],
  ['SELECT * FROM system.query_log', /table system\.query_log/],
  ['SELECT * FROM information_schema.tables', /table information_schema\.tables/i],
  ['SELECT * FROM events, analysis_db.facts_g1', /table analysis_db\.facts_g1/],
  ['SELECT * FROM events AS e JOIN analysis_db.facts_g1 AS f USING (event_id)', /facts_g1/],
  ['SELECT 1 UNION ALL SELECT count() FROM analysis_db.facts_g1', /facts_g1/],
  ['SELECT 1 INTERSECT SELECT count() FROM analysis_db.facts_g1', /facts_g1/],
  ['SELECT (SELECT count() FROM analysis_db.facts_g1)', /facts_g1/],
  ['SELECT 1 WHERE EXISTS (SELECT 1 FROM analysis_db.facts_g1)', /facts_g1/],
  ['SELECT 1 WHERE 1 IN (SELECT 1 FROM analysis_db.facts_g1)', /facts_g1/],
  ["SELECT 1 WHERE 'a' IN analysis_db.first_seen_g1", /right of IN/],
  ["SELECT 1 WHERE 'a' NOT IN (analysis_db.first_seen_g1)", /right of IN/],
  ["SELECT in('a', analysis_db.first_seen_g1)", /right of IN/],
  ["SELECT 1 WHERE 'a' GLOBAL IN (SELECT 'a')", /globalIn/],
  ['SELECT * FROM events ORDER BY (SELECT max(ts) FROM analysis_db.facts_g1)', /facts_g1/],
  ['SELECT * FROM events LIMIT (SELECT count() FROM analysis_db.facts_g1)', /facts_g1|one SELECT/],
  ['SELECT sum(1) OVER (ORDER BY (SELECT count() FROM analysis_db.facts_g1)) FROM events', /facts_g1/],
  ['SELECT * REPLACE ((SELECT count() FROM analysis_db.facts_g1) AS os) FROM events', /facts_g1/],
  ['SELECT 1 QUALIFY (SELECT count() FROM analysis_db.facts_g1) > 0', /facts_g1/],
  // Names of subqueries used where the subquery is out of sight.
  ['SELECT * FROM (WITH facts_g1 AS (SELECT 1) SELECT * FROM facts_g1), facts_g1', /table facts_g1/],
  ['WITH tables AS (SELECT 1) SELECT * FROM tables', /table tables/],
  ['WITH x AS (SELECT * FROM analysis_db.facts_g1) SELECT * FROM x', /facts_g1/],
  ['WITH events AS (SELECT * FROM analysis_db.facts_g1) SELECT * FROM events', /facts_g1/],
  ['SELECT * FROM unknown_view', /table unknown_view/],
  // Table functions.
  ["SELECT * FROM file('/etc/passwd', 'LineAsString')", /table function file/],
  ["SELECT * FROM url('http://127.0.0.1/', 'LineAsString')", /table function url/],
  ["SELECT * FROM s3('http://127.0.0.1/x', 'CSV')", /table function s3/],
  ["SELECT * FROM remote('127.0.0.1', 'analysis_db.facts_g1')", /table function remote/],
  ["SELECT * FROM merge('analysis_db', '.*')", /table function merge/],
  ["SELECT * FROM cluster('default', analysis_db.facts_g1)", /table function cluster/],
  ['SELECT * FROM numbers(1000000000000)', /table function numbers/],
  ["SELECT * FROM executable('x', 'CSV', 'a Int8')", /table function executable/],
  ["SELECT * FROM mysql('127.0.0.1', 'a', 'b', 'c', 'd')", /table function mysql/],
  ["SELECT * FROM sqlite('/tmp/x', 't')", /table function sqlite/],
  ["SELECT * FROM python('x')", /table function python/i],
  ["SELECT * FROM dictionary('d')", /table function dictionary/],
  ['SELECT * FROM view(SELECT * FROM events)', /table function view/],
  ['SELECT * FROM loop(analysis_db, facts_g1)', /table function loop/],
  ['SELECT * FROM mergeTreeIndex(analysis_db, facts_g1)', /table function/],
  ['SELECT * FROM (EXPLAIN SELECT 1)', /table function viewExplain/],
  ["SELECT * FROM VALUES ('a Int8', 1)", /table function VALUES/],
  ['SELECT * FROM events SAMPLE 0.1', /SAMPLE|views and subqueries/],
  // Functions that look outside, or run what a string names.
  ["SELECT file('/etc/passwd')", /function file/],
  ["SELECT FILE('/etc/passwd')", /function file|must not/i],
  ["SELECT dictGet('d', 'a', 1)", /function dictGet/],
  ["SELECT joinGet('analysis_db.x', 'a', 1)", /function joinGet/],
  ["SELECT hasColumnInTable('analysis_db', 'facts_g1', 'ts')", /function hasColumnInTable/],
  ["SELECT getSetting('max_threads')", /function getSetting/],
  ['SELECT currentDatabase()', /function currentDatabase/],
  ['SELECT hostName(), version(), uptime()', /function/],
  ['SELECT sleep(3)', /function sleep/],
  ['SELECT sleepEachRow(3) FROM events', /function sleepEachRow/],
  ['SELECT * APPLY(sleep) FROM events', /APPLY|Apply/],
  ["SELECT COLUMNS('a') APPLY sleep FROM events", /APPLY|Apply/],
  ['SELECT arrayMap(x -> sleep(x), [1])', /function sleep/],
  ["SELECT arrayReduce('sum', [1])", /function arrayReduce/],
  ["SELECT catboostEvaluate('/etc/passwd', 1)", /function catboostEvaluate/],
  ["SELECT initializeAggregation('sum', 1)", /function initializeAggregation/],
  ["SELECT formatQuery('SELECT 1')", /function formatQuery/],
  ["SELECT aiGenerate('x')", /function aiGenerate/],
  ["SELECT formatRow('CSV', 1)", /function formatRow/],
  ['SELECT sumState(position) FROM events', /function sumState/],
  // Placeholders, odd names, odd sizes.
  ['SELECT {tenant:String}', /one SELECT|must not/],
  ['SELECT * FROM {t:Identifier}', /one SELECT|must not/],
  ['SELECT 1 AS `a\nTableIdentifier events`', /special characters/],
  ['SELECT 1 AS `a (children 1)`', /special characters/],
  ['SELECT ' + '('.repeat(20_000) + '1' + ')'.repeat(20_000), /longer|one SELECT/],
  ['SELECT ' + '('.repeat(5_000) + '1' + ')'.repeat(5_000), /one SELECT/],
];

test('nothing but one plain SELECT over the documented views is let through', async (t) => {
  for (const [sql, reason] of ATTACKS) {
    await t.test(sql.slice(0, 80) || '(empty)', async () => {
      const verdict = await checkFreeSql(facts, sql, VIEWS);
      assert.ok(!verdict.ok, `let through as ${verdict.ok ? verdict.sql : ''}`);
      assert.match(verdict.reason, reason);
    });
  }
  assert.deepEqual(
    (await readdir('/tmp')).filter((name) => name.startsWith('daybook-stolen')),
    [],
  );
});

/** What analysts write, and the views it reads. */
const QUESTIONS: readonly (readonly [sql: string, views: readonly string[]])[] = [
  ['SELECT 1', []],
  ['select count() from events', ['events']],
  ["SELECT * FROM user_behaviors WHERE scenario_id='vlog_feed' LIMIT 10", ['user_behaviors']],
  [
    'SELECT e.os, uniqExact(actor_id) AS users FROM events AS e GROUP BY e.os ORDER BY users DESC',
    ['events'],
  ],
  ['WITH x AS (SELECT user_id, count() AS n FROM events GROUP BY 1) SELECT avg(n) FROM x', ['events']],
  ['WITH a AS (SELECT 1 AS k), b AS (SELECT * FROM a) SELECT * FROM a JOIN b USING (k)', []],
  ["SELECT toStartOfHour(event_time) AS h, countIf(event_name = 'click') FROM events GROUP BY h", ['events']],
  ["SELECT properties['a;b'], 'SETTINGS x = 1; DROP TABLE t -- ' FROM events", ['events']],
  ['SELECT 1 -- a remark; SELECT 2\n', []],
  ['/* SETTINGS */ SELECT /* ; */ 1 # one\n + 1', []],
  [
    "SELECT * FROM events WHERE os IN ('ios', 'android') AND user_id IN (SELECT user_id FROM user_behaviors)",
    ['events', 'user_behaviors'],
  ],
  ['SELECT quantilesExactIf(0.5, 0.9)(completion_rate, completion_rate > 0) FROM events', ['events']],
  [
    'SELECT row_number() OVER (PARTITION BY user_id ORDER BY event_time) AS n, lagInFrame(event_name) OVER w FROM events WINDOW w AS (ORDER BY event_time) QUALIFY n = 1',
    ['events'],
  ],
  [
    "SELECT windowFunnel(3600)(toDateTime(event_time), event_name = 'a', event_name = 'b') FROM events GROUP BY user_id",
    ['events'],
  ],
  [
    'SELECT arrayMap(x -> x + 1, groupArray(position)) FROM events ARRAY JOIN mapKeys(properties) AS k GROUP BY k',
    ['events'],
  ],
  ['SELECT * EXCEPT (extra_data) FROM events UNION ALL SELECT * EXCEPT (extra_data) FROM events', ['events']],
  [
    "SELECT event_time > now() - INTERVAL 7 DAY, CAST(position AS String), position::Int64, format('{}', os), CASE WHEN 1 THEN 2 ELSE 3 END, os LIKE '%i%', NOT EXISTS (SELECT 1) FROM events",
    ['events'],
  ],
  [
    'SELECT COUNT(DISTINCT user_id), SUM(amount), "os" FROM events GROUP BY os WITH ROLLUP HAVING count() > 1',
    ['events'],
  ],
  ['SELECT date, count() FROM events GROUP BY date ORDER BY date WITH FILL LIMIT 1 BY date', ['events']],
];

test('what analysts write is let through, and the engine can run what is left of it', async (t) => {
  for (const [sql, views] of QUESTIONS) {
    await t.test(sql.slice(0, 80), async () => {
      const verdict = await checkFreeSql(facts, sql, VIEWS);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
      assert.deepEqual([...verdict.views].sort(), [...views].sort());
      const withViews = [...VIEWS].map((view) => `${view} AS (SELECT * FROM analysis_db.${view})`).join(', ');
      await facts.query({ sql: `WITH ${withViews} SELECT * FROM (${verdict.sql})`, params: {} });
    });
  }
});

test('every allowed function is one of the engine’s, so that the list holds no dead or misspelt names', async () => {
  const answer = await facts.query<{ name: string }>({
    sql: 'SELECT lower(name) AS name FROM system.functions',
    params: {},
  });
  const real = new Set(answer.rows.map(({ name }) => name));
  // `lambda` and `exists` are how the parser writes syntax; windows are no entries of the catalogue.
  const syntax = new Set(['lambda', 'exists']);
  assert.deepEqual(
    allowedFunctions().filter((name) => !real.has(name) && !syntax.has(name)),
    [],
  );
});

test('no function that looks outside of its arguments is allowed, in whatever spelling', () => {
  const outside =
    'file url dictGet dictGetOrDefault dictHas joinGet joinGetOrNull hasColumnInTable getSetting getMacro ' +
    'getServerPort currentDatabase currentUser hostName FQDN version uptime sleep sleepEachRow addressToLine ' +
    'filesystemAvailable initializeAggregation evalMLMethod catboostEvaluate arrayReduce arrayReduceInRanges ' +
    'showCertificate logTrace tcpPort serverUUID getClientHTTPHeader zookeeperSessionUptime queryID rand ' +
    'generateUUIDv4 runningAccumulate formatRow fuzzQuery globalIn throwIf regionToName aiEmbed encrypt';
  for (const name of outside.split(' ')) {
    for (const spelling of [name, name.toUpperCase(), name.toLowerCase(), `${name}If`, `${name}OrNull`]) {
      assert.ok(!isAllowedFunction(spelling), spelling);
    }
  }
});
