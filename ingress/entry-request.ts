import { SCENARIO_TYPE_ALIASES, parseTenantId } from '#domain';
import type { EntryStatus, Json, JsonObject, TenantId } from '#domain';
import { createCompiler } from '#schema-registry';
import type { FieldError, Validate } from '#schema-registry';
import { ABOUT_THE_REQUEST, ENTRY_FORMS, ENTRY_PATHS } from './entry-forms.ts';
import type { EntryPath } from './entry-forms.ts';
import type { Input, Sender } from './examine.ts';

export type EntryAction = 'create' | 'replace' | 'change' | 'delete';

/** One write as it was asked for, checked. */
export type EntryRequest = {
  readonly action: EntryAction;
  readonly tenant: TenantId;
  /** Scenario, then item or model config. */
  readonly id: readonly string[];
  readonly members: JsonObject;
  readonly status: EntryStatus | undefined;
  readonly expectedVersion: number | undefined;
  readonly reason: string;
  /** The bytes as sent. */
  readonly sent: () => Uint8Array;
};

export type EntryRead =
  | { readonly ok: true; readonly request: EntryRequest }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** Reads untrusted input as a write of an entry. */
export type ReadEntry = (
  action: EntryAction,
  input: Input,
  about: {
    /** Members the address gives; they must agree with those of the body. */
    readonly address: Readonly<Record<string, string>>;
    readonly sender: Sender;
  },
) => EntryRead;

/** Compiles the forms of the entries, one reader each. */
export function createEntryReaders(): Readonly<Record<EntryPath, ReadEntry>> {
  const compile = createCompiler();
  return Object.fromEntries(
    ENTRY_PATHS.map((path) => {
      const { whole, change } = ENTRY_FORMS[path];
      const validate = { whole: compile(plain(whole)), change: compile(plain(change)) };
      const known = new Set(Object.keys(whole.properties));
      const reader: ReadEntry = (action, input, about) =>
        read(path, { action, input, ...about, validate, known });
      return [path, reader];
    }),
  ) as Record<EntryPath, ReadEntry>;
}

function plain(schema: object): object {
  return JSON.parse(JSON.stringify(schema)) as object;
}

function read(
  path: EntryPath,
  about: {
    readonly action: EntryAction;
    readonly input: Input;
    readonly address: Readonly<Record<string, string>>;
    readonly sender: Sender;
    readonly validate: { readonly whole: Validate; readonly change: Validate };
    readonly known: ReadonlySet<string>;
  },
): EntryRead {
  const { action, input, address, sender, validate, known } = about;
  const { value } = input;
  if (!isObject(value)) return { ok: false, errors: input.errors.length > 0 ? input.errors : NOT_AN_OBJECT };
  const errors: FieldError[] = [...input.errors];
  const sent = withAddress(value, address, errors);
  const whole = action === 'create' || action === 'replace';
  const named = path === 'model-configs' && whole ? withModelId(sent) : sent;
  errors.push(...((whole ? validate.whole : validate.change)(named) ?? []));
  refuseUnknown(named, known, errors);
  const tenant = tenantOf(named, sender, errors);
  const id = ENTRY_FORMS[path].id.map((name) => idMember(named, name, errors));
  if (path === 'items') refuseReserved(named['metadata'], errors);
  if (tenant === undefined || errors.length > 0) return { ok: false, errors: distinctFields(errors) };
  const { status, expected_version: expected, reason } = named;
  return {
    ok: true,
    request: {
      action,
      tenant,
      id,
      members: membersOf(path, named),
      status: status as EntryStatus | undefined,
      expectedVersion: expected as number | undefined,
      reason: typeof reason === 'string' ? reason : '',
      sent: input.sent,
    },
  };
}

const NOT_AN_OBJECT: readonly FieldError[] = [
  { field: '', code: 'not_an_object', message: 'must be a JSON object' },
];

function refuseUnknown(sent: JsonObject, known: ReadonlySet<string>, errors: FieldError[]): void {
  for (const field of Object.keys(sent)) {
    if (!known.has(field)) {
      errors.push({ field, code: 'unknown_field', message: 'is no member of this entry' });
    }
  }
}

function withAddress(
  value: JsonObject,
  address: Readonly<Record<string, string>>,
  errors: FieldError[],
): JsonObject {
  const sent: Record<string, Json> = { ...value };
  for (const [name, given] of Object.entries(address)) {
    const own = Object.hasOwn(value, name) ? value[name] : undefined;
    const text = name === 'expected_version' && /^\d{1,15}$/.test(given) ? Number(given) : given;
    if (own === undefined) sent[name] = text;
    else if (own !== text) {
      errors.push({ field: name, code: 'differing_values', message: 'differs from the one in the address' });
    }
  }
  return sent;
}

function withModelId(sent: JsonObject): JsonObject {
  if (sent['model_id'] !== undefined) return sent;
  const parts = ['model_type', 'model_name', 'model_version'].map((name) => sent[name]);
  return parts.every((part) => typeof part === 'string') ? { ...sent, model_id: parts.join('-') } : sent;
}

function idMember(sent: JsonObject, name: string, errors: FieldError[]): string {
  const value = sent[name];
  if (typeof value === 'string' && value !== '') return value;
  errors.push({ field: name, code: 'required', message: 'is required' });
  return '';
}

function tenantOf(sent: JsonObject, sender: Sender, errors: FieldError[]): TenantId | undefined {
  const given = sent['tenant_id'] ?? sender.tenant;
  const parsed = parseTenantId(given);
  if (!parsed.ok) {
    const code = given === undefined ? 'required' : 'tenant_invalid';
    errors.push({ field: 'tenant_id', code, message: parsed.reason });
    return undefined;
  }
  if (sender.tenant === undefined || sender.tenant === parsed.tenant) return parsed.tenant;
  const message = 'is another tenant than that of the credential or header';
  errors.push({ field: 'tenant_id', code: 'tenant_mismatch', message });
  return undefined;
}

/** What the catalogue event says beside the metadata, under names of its own. */
const RESERVED = ['status', 'embedding'];

function refuseReserved(metadata: Json | undefined, errors: FieldError[]): void {
  if (!isObject(metadata)) return;
  for (const name of RESERVED) {
    if (!Object.hasOwn(metadata, name)) continue;
    const message = 'is a member of the item itself, not of its metadata';
    errors.push({ field: `metadata.${name}`, code: 'unknown_field', message });
  }
}

function membersOf(path: EntryPath, sent: JsonObject): JsonObject {
  const left = new Set<string>([...ABOUT_THE_REQUEST, ...ENTRY_FORMS[path].id]);
  const members = Object.fromEntries(Object.entries(sent).filter(([name]) => !left.has(name)));
  const type = members['scenario_type'];
  const canonical = typeof type === 'string' ? SCENARIO_TYPE_ALIASES[type] : undefined;
  return canonical === undefined ? members : { ...members, scenario_type: canonical };
}

/** What else is wrong with a member already named is only a consequence. */
function distinctFields(errors: readonly FieldError[]): readonly FieldError[] {
  return errors.filter(({ field }, index) => errors.findIndex((one) => one.field === field) === index);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
