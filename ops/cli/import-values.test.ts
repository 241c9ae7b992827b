import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseZone } from '#domain';
import type { Json } from '#domain';
import { convert } from './import-values.ts';
import type { ValueForm } from './import-values.ts';

const UTC = parseZone('UTC')!;

test('every form takes what it is for, exactly, and says what it does not take', () => {
  const WRONG = Symbol();
  const cases: [form: ValueForm, given: Json, expected: Json | typeof WRONG][] = [
    ['as_is', '007', '007'],
    ['as_is', { a: [1] }, { a: [1] }],
    ['text', 12, '12'],
    ['text', true, 'true'],
    ['number', '9.50', 9.5],
    ['number', ' -3e2 ', -300],
    ['number', 4, 4],
    ['number', '1,5', WRONG],
    ['number', '0x10', WRONG],
    ['number', '9007199254740993', WRONG],
    ['number', '1e999', WRONG],
    ['number', '', WRONG],
    ['integer', '42', 42],
    ['integer', '42.0', WRONG],
    ['boolean', 'TRUE', true],
    ['boolean', '0', false],
    ['boolean', 'maybe', WRONG],
    ['json', '{"a":[1,"b"]}', { a: [1, 'b'] }],
    ['json', { a: 1 }, { a: 1 }],
    ['json', '{a}', WRONG],
    ['json', '{"a":1,"a":2}', WRONG],
    ['json', '[12345678901234567890]', WRONG],
    ['epoch_ms', '1700000000123', 1_700_000_000_123],
    ['epoch_ms', 1_700_000_000_123, 1_700_000_000_123],
    ['epoch_s', '1700000000', 1_700_000_000_000],
    ['epoch_s', '1700000000.1239', 1_700_000_000_123],
    ['epoch_s', 1_700_000_000.5, 1_700_000_000_500],
    ['epoch_s', '-0.0001', -1],
    ['epoch_s', '-1.5', -1500],
    ['epoch_s', 'now', WRONG],
    ['epoch_s', '1.7e9', WRONG],
    ['epoch_us', '1700000000123999', 1_700_000_000_123],
    // Beyond 2^53, where a double would have lost the last digits.
    ['epoch_us', '9999999999999999', 9_999_999_999_999],
    ['epoch_us', '7', 0],
    ['epoch_us', '-1', -1],
    ['iso', '2024-03-01T10:00:00Z', 1_709_287_200_000],
    ['iso', '2024-03-01 10:00:00.999999', 1_709_287_200_999],
    ['iso', '2024-03-01T12:00:00+02:00', 1_709_287_200_000],
    ['iso', '2024-03-01', 1_709_251_200_000],
    ['iso', '2024-02-30', WRONG],
    ['iso', '1709287200000', WRONG],
    ['iso', 1_709_287_200_000, WRONG],
    ['time', '1709287200000', 1_709_287_200_000],
    ['time', 1_709_287_200_000, 1_709_287_200_000],
    ['time', '2024-03-01T10:00:00Z', 1_709_287_200_000],
    ['time', '1 March', WRONG],
  ];
  for (const [form, given, expected] of cases) {
    const converted = convert(given, form, UTC);
    const name = `${form} ${JSON.stringify(given)}`;
    if (expected === WRONG) assert.ok(!converted.ok, name);
    else assert.deepEqual(converted, { ok: true, value: expected }, name);
  }
});

test('a time without an offset is one of the zone', () => {
  const shanghai = parseZone('Asia/Shanghai')!;
  assert.deepEqual(convert('2024-03-01 18:00:00', 'iso', shanghai), { ok: true, value: 1_709_287_200_000 });
  assert.deepEqual(convert('2024-03-01T10:00:00Z', 'iso', shanghai), { ok: true, value: 1_709_287_200_000 });
});

test('seconds and microseconds are cut to the millisecond they lie in, whatever their digits', () => {
  // 10^9 s to 10^10 s, in microseconds: whole numbers, which the oracle divides as such.
  const micros = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n });
  fc.assert(
    fc.property(micros, (value) => {
      const floor = value / 1000n - (value < 0n && value % 1000n !== 0n ? 1n : 0n);
      const digits = String(value < 0n ? -value : value).padStart(7, '0');
      const seconds = `${value < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
      const fromMicros = convert(String(value), 'epoch_us', UTC);
      const fromSeconds = convert(seconds, 'epoch_s', UTC);
      assert.ok(fromMicros.ok && fromSeconds.ok);
      assert.equal(BigInt(fromMicros.value as number), floor);
      assert.equal(BigInt(fromSeconds.value as number), floor);
    }),
  );
});

test('what is said of a wrong value shows the value, shortened', () => {
  const converted = convert('x'.repeat(100), 'number', UTC);
  assert.deepEqual(converted, { ok: false, message: `is "${'x'.repeat(60)}…", not a number` });
});
