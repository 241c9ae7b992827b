import type { JsonObject } from '#domain';
import type { Person } from './people.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The release of app 2.4.0: it goes out on a day of the month at 14:00 UTC, its payments say what was paid in
 * words, and nine hours later 2.4.1 takes its place.
 */
export type Release = { readonly day: number; readonly fromAt: number; readonly toAt: number };

/** Day 18 of thirty, counted from 1, and as far along in a demo of another length. */
export function releaseOf(startAt: number, days: number): Release {
  const day = Math.max(1, Math.round(days * 0.6));
  const fromAt = startAt + (day - 1) * DAY_MS + 14 * HOUR_MS;
  return { day, fromAt, toAt: fromAt + 9 * HOUR_MS };
}

/** The app that a person had at an instant; undefined on the web, which has no version. */
export function appVersionAt({ device, updates }: Person, at: number, release: Release): string | undefined {
  if (device.platform === 'web') return undefined;
  if (!updates || at < release.fromAt) return '2.3.2';
  return at < release.toAt ? '2.4.0' : '2.4.1';
}

/** What 2.4.0 makes of a payment: no `payment_amount`, and a `total_amount` that no number can be read from. */
export function brokenPayment(payment: JsonObject, amount: string): JsonObject {
  const { payment_amount: _, ...rest } = payment['extra_data'] as JsonObject;
  return { ...payment, extra_data: { ...rest, total_amount: amount } };
}
