import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FAULTS, Fault } from '#domain';
import type { FaultCode } from '#domain';
import { FAULT_STATUS, faultOf } from './fault-status.ts';

test('docs/errors.md has one heading per code, in the order of the catalogue, with summary, status and retry', () => {
  const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  const sections = page.split(/^## /m).slice(1);
  assert.deepEqual(
    sections.map((section) => section.split('\n', 1)[0]),
    Object.keys(FAULTS),
  );
  for (const [index, code] of (Object.keys(FAULTS) as FaultCode[]).entries()) {
    const { summary, retryable } = FAULTS[code];
    const said = `${summary} HTTP ${FAULT_STATUS[code]}, ${retryable ? 'retryable' : 'not retryable'}.`;
    assert.ok(sections[index]?.includes(said), `${code}: ${said}`);
    assert.ok((sections[index]?.split('\n\n')[2] ?? '').length > 20, `${code} says what to do`);
  }
});

test('what may succeed later unchanged is never answered as the caller’s mistake', () => {
  for (const code of Object.keys(FAULTS) as FaultCode[]) {
    if (FAULTS[code].retryable) assert.ok(FAULT_STATUS[code] >= 500, code);
  }
});

test('a fault stays itself; an error from inside becomes INTERNAL without its text', () => {
  const fault = new Fault('QUERY_INVALID', 'no');
  assert.equal(faultOf(fault), fault);
  const inside = faultOf(new Error('password=hunter2'));
  assert.equal(inside.code, 'INTERNAL');
  assert.ok(!inside.message.includes('hunter2'));
  assert.equal(faultOf('thrown text').code, 'INTERNAL');
  assert.equal(faultOf(undefined).code, 'INTERNAL');
});

test('refusals of the body parser keep their meaning', () => {
  const refused = (status: number) => faultOf(Object.assign(new Error('x'), { status })).code;
  assert.equal(refused(413), 'INGRESS_BODY_TOO_LARGE');
  assert.equal(refused(415), 'INGRESS_MEDIA_TYPE_UNSUPPORTED');
  assert.equal(refused(400), 'INGRESS_BODY_INVALID');
  assert.equal(refused(500), 'INTERNAL');
});
