import { ENVELOPE_MEMBERS } from '#domain';
import type { DeviceType, Json, JsonObject } from '#domain';
import type { FieldError } from '#schema-registry';
import type { Input } from './examine.ts';

const known = new Set(ENVELOPE_MEMBERS);
const RENAMED: ReadonlyMap<string, string> = new Map([['action', 'action_type']]);
const CONTEXT: ReadonlyMap<string, string> = new Map([
  ['deviceType', 'device_type'],
  ['device_type', 'device_type'],
]);

/**
 * What front-end trackers post, `{action, itemId, userId, tenantId, scenarioId}` (IH-16), in the members of
 * the envelope. Names in snake_case stay as they are; where both spellings stand, snake_case wins.
 *
 * @param userAgent tells the device type where the event does not
 */
export function fromTracker(input: Input, userAgent: string | undefined): Input {
  const { value } = input;
  if (!isObject(value)) return input;
  const members: Record<string, Json> = Object.create(null) as Record<string, Json>;
  let context: JsonObject | undefined;
  for (const name of Object.keys(value)) {
    const member = value[name] ?? null;
    const inContext = CONTEXT.get(name);
    if (inContext !== undefined) context = { [inContext]: member, ...context };
    else {
      const canonical = canonicalName(name);
      if (canonical === name || !Object.hasOwn(value, canonical)) members[canonical] = member;
    }
  }
  const warnings = [...input.warnings];
  const sent = members['context'];
  const given: JsonObject = { ...context, ...(isObject(sent) ? camelContext(sent) : undefined) };
  if (isObject(sent) || sent === undefined || sent === null) {
    members['context'] = withDevice(given, userAgent, warnings);
  }
  return { ...input, value: { ...members }, warnings, original: value };
}

function canonicalName(name: string): string {
  const renamed = RENAMED.get(name);
  if (renamed !== undefined) return renamed;
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return known.has(snake) ? snake : name;
}

function camelContext(context: JsonObject): JsonObject {
  const { deviceType, ...rest } = context;
  return deviceType === undefined ? context : { device_type: deviceType, ...rest };
}

function withDevice(context: JsonObject, userAgent: string | undefined, warnings: FieldError[]): JsonObject {
  const given = context['device_type'];
  if (given !== undefined && given !== null && given !== '') return context;
  const told = deviceTypeOf(userAgent);
  if (told === undefined) {
    warnings.push({
      field: 'context.device_type',
      code: 'device_type_assumed',
      message: 'is missing and not told by the User-Agent; it was taken as pc',
    });
  }
  return { ...context, device_type: told ?? 'pc' };
}

/** The device type a User-Agent tells; undefined when it is none of a browser. */
export function deviceTypeOf(userAgent: string | undefined): DeviceType | undefined {
  if (userAgent === undefined) return undefined;
  if (/iPad|Tablet|PlayBook|Silk(?!.*Mobile)|Android(?!.*Mobile)/i.test(userAgent)) return 'tablet';
  if (/Mobi|iPhone|iPod|Android/i.test(userAgent)) return 'mobile';
  return /Windows|Macintosh|X11|Linux|CrOS/i.test(userAgent) ? 'pc' : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
