import type { Json, JsonObject } from '#domain';
import { DerivedIds } from './import-ids.ts';
import { RowMapper } from './import-mapped.ts';
import type { Mapping } from './import-mapping.ts';
import type { RowProblem, SourceRow } from './import-source.ts';

/** Makes of the rows of one file the lines that are sent, in their order. */
export class EventLines {
  readonly #mapper: RowMapper;
  readonly #asItIs: boolean;
  readonly #ids = new DerivedIds();

  /** With no rule at all the lines of NDJSON are sent as they are. */
  constructor(mapping: Mapping) {
    this.#mapper = new RowMapper(mapping);
    this.#asItIs = mapping.rules.length === 0 && mapping.kind === undefined && mapping.others === 'keep';
  }

  /** One line with its line feed. Every row makes one, also one that can only be refused. */
  lineOf(row: SourceRow): Buffer {
    const { columns, problem, line } = row;
    if (!columns) return line ? ended(line()) : refusal(problem, row);
    if (line && this.#asItIs) return this.#sentAsItIs(columns, line());
    const mapped = this.#mapper.map(columns);
    if (!mapped.ok) return refusal(mapped.problem, row);
    return jsonLine(hasId(mapped.event) ? mapped.event : this.#withId(mapped.event));
  }

  #sentAsItIs(event: JsonObject, line: Buffer): Buffer {
    if (hasId(event)) return ended(line);
    // One that is there but says nothing would stand twice.
    if (Object.hasOwn(event, 'event_id') || Object.keys(event).length === 0)
      return jsonLine(this.#withId(event));
    const opened = line.indexOf('{') + 1;
    const id = JSON.stringify(this.#ids.idOf(event));
    return Buffer.concat([Buffer.from(`{"event_id":${id},`), line.subarray(opened), LINE_FEED]);
  }

  #withId(event: JsonObject): JsonObject {
    const { event_id: _none, ...said } = event;
    return { event_id: this.#ids.idOf(said), ...said };
  }
}

const LINE_FEED = Buffer.from('\n');

function hasId({ event_id: id }: JsonObject): boolean {
  return id !== undefined && id !== null && id !== '';
}

function ended(line: Buffer): Buffer {
  return Buffer.concat([line, LINE_FEED]);
}

function jsonLine(value: Json): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** The form in which the platform takes a row that could not be read, to keep it with the reason. */
function refusal(problem: RowProblem | undefined, row: SourceRow): Buffer {
  const said = problem ?? { field: '', code: 'format', message: 'cannot be read' };
  return jsonLine(['refused', { ...said }, row.text()]);
}
