import { FAULTS } from '#domain';

/** The part of the API description that one group of routes brings along, in OpenAPI 3.1. */
export type ApiFragment = {
  /** Path items by path, as in `paths`. */
  readonly paths: object;
  /** Schemas by name, as in `components.schemas`. */
  readonly schemas: object;
};

export type OpenApiDocument = {
  readonly openapi: '3.1.0';
  readonly info: object;
  readonly servers: readonly object[];
  /** The groups of the operations, in the order in which they are shown. */
  readonly tags?: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly responses: Readonly<Record<string, unknown>>;
  };
};

/** Answers that many operations share. */
const RESPONSES = {
  Fault: {
    description: 'It failed; `docs/errors.md` lists the codes.',
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message', 'retryable', 'request_id'],
              properties: {
                code: { type: 'string', enum: Object.keys(FAULTS) },
                message: { type: 'string' },
                retryable: { type: 'boolean' },
                request_id: { type: 'string' },
                details: { type: 'object' },
              },
            },
          },
        },
        example: {
          error: { code: 'NOT_READY', message: FAULTS.NOT_READY.summary, retryable: true, request_id: 'r1' },
        },
      },
    },
  },
};

/**
 * Joins the fragments into one document. Two fragments may share a path but not an operation, and may share
 * a schema's name only for the same schema; anything else is a mistake of ours and throws.
 */
export function assembleOpenApi(version: string, fragments: readonly ApiFragment[]): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  const schemas: Record<string, unknown> = {};
  for (const fragment of fragments) {
    for (const [path, item] of Object.entries(fragment.paths) as [string, object][]) {
      const target = (paths[path] ??= {});
      for (const [method, operation] of Object.entries(item) as [string, unknown][]) {
        if (method in target) throw new Error(`two fragments describe ${method} ${path}`);
        target[method] = operation;
      }
    }
    for (const [name, schema] of Object.entries(fragment.schemas) as [string, unknown][]) {
      if (name in schemas && JSON.stringify(schemas[name]) !== JSON.stringify(schema)) {
        throw new Error(`two fragments describe the schema ${name} differently`);
      }
      schemas[name] = schema;
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Daybook',
      version,
      summary: 'Event-sourced, multi-tenant behavioural analytics on one append-only log',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas, responses: RESPONSES },
  };
}

/** Finds which methods the document has for a path as requested; undefined when it has no such path. */
export function createMethodLookup(
  document: OpenApiDocument,
): (path: string) => readonly string[] | undefined {
  const templates = Object.entries(document.paths).map(([template, item]) => ({
    pattern: new RegExp(
      `^${template
        .split(/\{[^}]+\}/)
        .map(escape)
        .join('[^/]+')}/?$`,
    ),
    methods: Object.keys(item)
      .filter((member) => METHODS.has(member))
      .map((method) => method.toUpperCase()),
  }));
  return (path) => {
    const found = templates.filter(({ pattern }) => pattern.test(path));
    return found.length === 0 ? undefined : [...new Set(found.flatMap(({ methods }) => methods))];
  };
}

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
