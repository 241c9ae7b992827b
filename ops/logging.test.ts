import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { createLogger, logAnnouncements } from './logging.ts';
import type { LogLevel } from './settings.ts';

function open(level: LogLevel, human = false) {
  const lines: string[] = [];
  const logger = createLogger({ level, human, write: (line) => lines.push(line) });
  return { logger, lines };
}

test('a line is one JSON object with level, time and sentence', () => {
  const { logger, lines } = open('info');
  logger.info({ tenant: 'acme', offset: 17n }, 'Something\nhappened');
  logger.debug({}, 'not shown');
  assert.equal(lines.length, 1);
  const { time, ...line } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.deepEqual(line, { level: 'info', tenant: 'acme', offset: 17, msg: 'Something\nhappened' });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
});

test('for a person a line is a sentence with its values', () => {
  const { logger, lines } = open('info', true);
  logger.warn({ tenant: 'acme' }, 'Input rejected');
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d WARN Input rejected tenant="acme"\n$/);
});

test('what was rejected is always logged, what was accepted at debug', () => {
  const [rejected, answered] = [channel('daybook:ingress:rejected'), channel('daybook:ingress:answered')];
  for (const [level, expected] of [
    ['info', ['warn']],
    ['debug', ['debug', 'warn']],
  ] as const) {
    const { logger, lines } = open(level);
    using _announcements = logAnnouncements(logger);
    assert.equal(answered.hasSubscribers, level === 'debug');
    answered.publish({ tenant: 'acme' });
    rejected.publish({ tenant: 'acme', reason: 'no' });
    const levels = lines.map((line) => (JSON.parse(line) as { level: string }).level);
    assert.deepEqual(levels, expected);
  }
  assert.ok(!rejected.hasSubscribers);
});

test('paused projections are logged as errors', () => {
  const { logger, lines } = open('error');
  using _announcements = logAnnouncements(logger);
  channel('daybook:projections:paused').publish({ tenant: 'acme', reason: 'gap', offset: 3n });
  assert.match(lines.join(''), /"level":"error".*"reason":"gap"/);
});
