/** A form as typebox writes it, or the members of several together. */
type Form = {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
};

type Parameter = {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly schema: object;
  readonly description?: string;
  readonly example?: unknown;
};

/**
 * The members of a form as parameters of an address: those that the path names, and the rest behind the `?`.
 * The members of `example` together are a question that can be sent as it stands.
 */
export function parametersOf(path: string, form: object, example: object = {}): readonly Parameter[] {
  const { properties, required = [] } = form as Form;
  return Object.entries(properties).map(([name, member]) => {
    const { description, ...schema } = JSON.parse(JSON.stringify(member)) as { description?: string };
    const value = (example as Readonly<Record<string, unknown>>)[name];
    const inPath = path.includes(`{${name}}`);
    return {
      name,
      in: inPath ? 'path' : 'query',
      required: inPath || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema,
      ...(value === undefined ? {} : { example: value }),
    };
  });
}
