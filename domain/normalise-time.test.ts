import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from './event.ts';
import { eventTime } from './normalise-time.ts';

const NOW_MS = 1_790_000_000_000;
const DAY_MS = 86_400_000;

const said = (sent: JsonObject, maxAgeDays = 0): unknown[] => {
  const time = eventTime(sent, { nowMs: NOW_MS, maxAgeDays });
  return time.ok ? [time.ms, time.warning?.code] : [time.field, time.code];
};

test('a time is taken, filled or refused by name', () => {
  const cases: readonly (readonly [JsonObject, readonly unknown[]])[] = [
    [{}, [NOW_MS, undefined]],
    [{ timestamp: null, event_time: null }, [NOW_MS, undefined]],
    [{ timestamp: 0 }, [NOW_MS, undefined]],
    [{ timestamp: -0 }, [NOW_MS, undefined]],
    [{ timestamp: 1_730_000_000_000 }, [1_730_000_000_000, undefined]],
    [{ event_time: 1_730_000_000_000 }, [1_730_000_000_000, undefined]],
    [{ timestamp: 1_730_000_000_000, event_time: 1_730_000_000_000 }, [1_730_000_000_000, undefined]],
    [{ timestamp: 1_730_000_000_000, event_time: 1 }, [1_730_000_000_000, 'differing_values']],
    [{ timestamp: 1_730_000_000_000.9 }, [1_730_000_000_000, 'timestamp_fraction']],
    [{ timestamp: -1 }, ['timestamp', 'range']],
    [{ event_time: -1 }, ['event_time', 'range']],
    [{ timestamp: 1 }, ['timestamp', 'timestamp_in_seconds']],
    [{ timestamp: 99_999_999_999 }, ['timestamp', 'timestamp_in_seconds']],
    [{ timestamp: 100_000_000_000 }, [100_000_000_000, undefined]],
    [{ timestamp: NOW_MS + DAY_MS }, [NOW_MS + DAY_MS, undefined]],
    [{ timestamp: NOW_MS + DAY_MS + 1 }, ['timestamp', 'timestamp_in_future']],
    [{ timestamp: '1730000000000' }, ['timestamp', 'type']],
    [{ event_time: true }, ['event_time', 'type']],
  ];
  for (const [sent, expected] of cases) assert.deepEqual(said(sent), expected, JSON.stringify(sent));
});

test('the age is limited only where a limit is set, and the limit itself is allowed', () => {
  const old = NOW_MS - 30 * DAY_MS;
  assert.deepEqual(said({ timestamp: old }, 30), [old, undefined]);
  assert.deepEqual(said({ timestamp: old - 1 }, 30), ['timestamp', 'timestamp_too_old']);
  assert.deepEqual(said({ timestamp: old - 1 }, 0), [old - 1, undefined]);
});
