import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { describeConfig, flagOf, isLoopback, parseConfig } from './config.ts';
import { SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

const parse = (env: Record<string, string>, flags: Record<string, string> = {}, file?: unknown) =>
  parseConfig({ env, flags, ...(file === undefined ? {} : { file }) });

const problemsOf = (...args: Parameters<typeof parse>): readonly string[] => {
  const result = parse(...args);
  assert.ok(!result.ok);
  return result.problems;
};

const configOf = (...args: Parameters<typeof parse>) => {
  const result = parse(...args);
  assert.ok(result.ok, result.ok ? '' : result.problems.join('\n'));
  return result.config;
};

test('without any setting the documented defaults hold, and nobody can change them', () => {
  const config = configOf({ PATH: '/bin', HOME: '/root' });
  assert.equal(config.dataDir, resolve('data'));
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.httpPort, 8080);
  assert.equal(config.grpcPort, 9003);
  assert.equal(config.logPartitions, 4);
  assert.equal(config.logLevel, 'info');
  assert.equal(config.factsRetentionDays, 0);
  assert.equal(config.ingressMaxAgeDays, 0);
  assert.throws(() => {
    (config as { httpPort: number }).httpPort = 1;
  }, TypeError);
});

test('everything that is wrong is said at once, naming setting, place and value', () => {
  const problems = problemsOf(
    { DAYBOOK_HTTP_PORT: '80a', DAYBOOK_LOG_PARTITIONS: '25', DAYBOOK_LOG_LEVEL: 'loud' },
    { DAYBOOK_QUERY_MAX_SECONDS: '0' },
  );
  assert.deepEqual(problems, [
    'DAYBOOK_HTTP_PORT (environment) must be a whole number from 0 to 65535, not "80a"',
    'DAYBOOK_LOG_LEVEL (environment) must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
    'DAYBOOK_LOG_PARTITIONS (environment) must be a whole number from 1 to 24, not "25"',
    'DAYBOOK_QUERY_MAX_SECONDS (flag) must be a whole number from 1 to 3600, not "0"',
  ]);
});

test('a variable with our prefix that is no setting is refused with the name that was probably meant', () => {
  assert.deepEqual(problemsOf({ DAYBOOK_HTTP_PROT: '80' }), [
    'DAYBOOK_HTTP_PROT (environment) is no setting; did you mean DAYBOOK_HTTP_PORT?',
  ]);
  assert.deepEqual(problemsOf({ DAYBOOK_TEST_SEED: '1', DAYBOOK_ELSE: '' }), [
    'DAYBOOK_ELSE (environment) is no setting',
  ]);
  assert.deepEqual(problemsOf({}, {}, { http_port: 1 }), ['http_port (config file) is no setting']);
});

test('a flag wins over a variable, a variable over the file, the file over the default', () => {
  const file = { DAYBOOK_HTTP_PORT: 1, DAYBOOK_LOG_LEVEL: 'warn', DAYBOOK_LOG_PARTITIONS: '7' };
  const config = configOf(
    { DAYBOOK_HTTP_PORT: '2', DAYBOOK_LOG_LEVEL: 'debug' },
    { DAYBOOK_HTTP_PORT: '3' },
    file,
  );
  assert.deepEqual([config.httpPort, config.logLevel, config.logPartitions], [3, 'debug', 7]);
});

test('a config file that is no object, and members that are no text or number, are refused', () => {
  assert.deepEqual(problemsOf({}, {}, [1]), [
    'the config file must hold one JSON object of settings by name',
  ]);
  assert.deepEqual(problemsOf({}, {}, { DAYBOOK_DATA_DIR: { a: 1 } }), [
    'DAYBOOK_DATA_DIR (config file) must be a text or a number, not {"a":1}',
  ]);
});

test('numbers in other spellings than plain digits are refused', () => {
  for (const value of ['', ' 80', '8e1', '0x50', '-1', '1.5', '+80', '99999999999999999999']) {
    assert.equal(problemsOf({ DAYBOOK_HTTP_PORT: value }).length, 1, JSON.stringify(value));
  }
});

test('a host that other machines could reach is refused while there is no authentication', () => {
  for (const host of ['0.0.0.0', '::', '192.168.1.5', 'example.org', '', '127.0.0.1.example.org']) {
    const [problem] = problemsOf({ DAYBOOK_HOST: host });
    assert.match(problem ?? '', /no authentication/, host);
  }
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) assert.ok(isLoopback(host), host);
});

test('the age limit of the door follows the retention of the facts unless it is set itself', () => {
  assert.equal(configOf({ DAYBOOK_FACTS_RETENTION_DAYS: '90' }).ingressMaxAgeDays, 90);
  const both = { DAYBOOK_FACTS_RETENTION_DAYS: '90', DAYBOOK_INGRESS_MAX_AGE_DAYS: '0' };
  assert.equal(configOf(both).ingressMaxAgeDays, 0);
});

test('a secret shows only that it is set', () => {
  const settings: Record<string, Setting> = {
    key: { ...SETTINGS.geoDatabase, name: 'DAYBOOK_KEY', secret: true },
    other: { ...SETTINGS.geoDatabase, name: 'DAYBOOK_OTHER', secret: true },
    port: SETTINGS.httpPort,
  };
  assert.deepEqual(describeConfig({ key: 'hunter2', other: '', port: 1 }, settings), {
    DAYBOOK_KEY: '***',
    DAYBOOK_OTHER: '',
    DAYBOOK_HTTP_PORT: 1,
  });
});

test('docs/config.md has exactly one row per setting, with the words of the table', () => {
  const page = readFileSync(new URL('../docs/config.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `DAYBOOK_'));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const expected = Object.values<Setting>(SETTINGS).map((setting) => [
    `\`${setting.name}\``,
    `\`--${flagOf(setting)}\``,
    setting.type,
    setting.unit,
    setting.default === '' ? '' : `\`${String(setting.default)}\``,
    setting.secret ? 'yes' : '',
    setting.about,
  ]);
  assert.deepEqual(cells, expected);
});
