import { resolve } from 'node:path';
import { BlockList, isIP } from 'node:net';
import { SETTINGS } from './settings.ts';
import type { Setting, SettingKey } from './settings.ts';

type ValueOf<S extends Setting> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S['default'] extends number
    ? number
    : string;

/** The settings in force: checked, defaulted, frozen. Paths are absolute. */
export type Config = { readonly [Key in SettingKey]: ValueOf<(typeof SETTINGS)[Key]> };

/** Untrusted settings by `DAYBOOK_…` name, from each place that may give them. */
export type ConfigSources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: Readonly<Record<string, string>>;
  /** The parsed content of the file named by `--config`. */
  readonly file?: unknown;
};

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Variables of this prefix belong to test runs and are nobody's setting. */
const TEST_PREFIX = 'DAYBOOK_TEST_';

/**
 * Takes untrusted settings: a flag wins over a variable, a variable over the file, the file over the default.
 * Answers the frozen configuration or everything that is wrong with it at once. A name with our prefix that
 * is no setting is wrong, so that a misspelt one cannot be silently without effect.
 */
export function parseConfig(sources: ConfigSources): ConfigResult {
  const problems: string[] = [];
  const given = collect(sources, problems);
  const values: Record<string, string | number> = {};
  for (const [key, setting] of Object.entries<Setting>(SETTINGS)) {
    values[key] = valueOf(setting, given.get(setting.name), problems);
  }
  if (!given.has(SETTINGS.ingressMaxAgeDays.name)) {
    values['ingressMaxAgeDays'] = values['factsRetentionDays'] ?? 0;
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, config: Object.freeze(values) as Config };
}

/** The running configuration by setting name; a secret shows only whether it is set. */
export function describeConfig(
  config: Readonly<Record<string, string | number>>,
  settings: Readonly<Record<string, Setting>> = SETTINGS,
): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, setting]) => {
      const value = config[key] ?? '';
      return [setting.name, setting.secret && value !== '' ? '***' : value];
    }),
  );
}

/** The command line's spelling of a setting: `DAYBOOK_HTTP_PORT` is `http-port`. */
export function flagOf(setting: Setting): string {
  return setting.name.slice('DAYBOOK_'.length).toLowerCase().replaceAll('_', '-');
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

type Given = { readonly value: unknown; readonly from: string };

function collect({ env, flags = {}, file }: ConfigSources, problems: string[]): Map<string, Given> {
  const names = new Set<string>(Object.values(SETTINGS).map((setting) => setting.name));
  const given = new Map<string, Given>();
  const take = (entries: Readonly<Record<string, unknown>>, from: string): void => {
    for (const [name, value] of Object.entries(entries)) {
      if (value === undefined) continue;
      if (names.has(name)) given.set(name, { value, from });
      else problems.push(`${name} (${from}) is no setting${suggestion(name, names)}`);
    }
  };
  if (file !== undefined) {
    if (isRecord(file)) take(file, 'config file');
    else problems.push('the config file must hold one JSON object of settings by name');
  }
  const ours = Object.entries(env).filter(
    ([name]) => name.startsWith('DAYBOOK_') && !name.startsWith(TEST_PREFIX),
  );
  take(Object.fromEntries(ours), 'environment');
  take(flags, 'flag');
  return given;
}

type Wrong = (what: string) => string | number;

function valueOf(setting: Setting, given: Given | undefined, problems: string[]): string | number {
  const raw = given?.value ?? setting.default;
  const wrong: Wrong = (what) => {
    const from = given ? ` (${given.from})` : '';
    problems.push(`${setting.name}${from} ${what}, not ${JSON.stringify(raw)}`);
    return setting.default;
  };
  if (typeof raw !== 'string' && typeof raw !== 'number') return wrong('must be a text or a number');
  switch (setting.type) {
    case 'integer':
    case 'port':
      return integerOf(setting, raw, wrong);
    case 'choice':
      return choiceOf(setting, String(raw), wrong);
    case 'path':
      return raw === '' ? wrong('must not be empty') : resolve(String(raw));
    case 'host':
      return hostOf(String(raw), problems);
    case 'text':
      return String(raw);
  }
}

function choiceOf({ choices = [] }: Setting, raw: string, wrong: Wrong): string | number {
  return choices.includes(raw) ? raw : wrong(`must be one of ${choices.join(', ')}`);
}

function integerOf(setting: Setting, raw: string | number, wrong: Wrong): string | number {
  const { min = 0, max = setting.type === 'port' ? 65_535 : Number.MAX_SAFE_INTEGER } = setting;
  const text = String(raw);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : wrong(`must be a whole number from ${min} to ${max}`);
}

function hostOf(host: string, problems: string[]): string {
  if (!isLoopback(host)) {
    problems.push(
      `DAYBOOK_HOST=${host} would let other machines read and write every tenant, because this version has no ` +
        'authentication: use a loopback address (127.0.0.1, ::1 or localhost) and put an authenticating ' +
        'proxy on this machine in front of it',
    );
  }
  return host;
}

function suggestion(name: string, names: ReadonlySet<string>): string {
  const near = [...names].find((known) => distance(name, known) <= 2);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
