/** Messages of a schema about a value, for the person who wrote it. */
import { z } from 'zod';
import { choice, issueText } from './issue-text.ts';
import { hintAt, nearestName } from './nearest-name.ts';

export interface Mistake {
  readonly field: readonly PropertyKey[];
  /** The unknown name in `field` that is the mistake. */
  readonly key?: string;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/**
 * Turns the issues of a failed check into mistakes.
 * @param schema the schema that failed, for the names that it knows
 * @param content the value that was checked
 */
export function schemaMistakes(issues: readonly Issue[], schema: z.ZodType, content: unknown): Mistake[] {
  const known = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  return issues.flatMap(issue => explain(issue, [], { known, content }));
}

interface Context {
  readonly known: unknown;
  readonly content: unknown;
}

function explain(issue: Issue, above: readonly PropertyKey[], context: Context): Mistake[] {
  const field = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const names = namesAt(context.known, field, context.content);
    return issue.keys.map(key => ({ field, key, message: `unknown field (${hintAt(key, names)})` }));
  }
  if (issue.code === 'invalid_union') return explainUnion(issue, field, context);
  if (issue.code === 'invalid_key') {
    const why = issue.issues.map(each => issueText(each, undefined)).join('; ');
    return [{ field: field.slice(0, -1), key: String(field.at(-1)), message: why }];
  }
  const value = valueAt(context.content, field);
  const message = issueText(issue, value);
  if (value !== undefined || field.length === 0) return [{ field, message }];
  return [{ field: field.slice(0, -1), key: String(field.at(-1)), message: `is missing (${message})` }];
}

/** The alternative with the fewest mistakes is the one that was meant; a tie gets the schema's own words. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  field: readonly PropertyKey[],
  context: Context,
): Mistake[] {
  const value = valueAt(context.content, field);
  if (issue.errors.length === 0) {
    const options: readonly unknown[] =
      'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    return [{ field, message: choiceText(options, value) }];
  }
  const constants = issue.errors.map(([only, ...more]) =>
    only?.code === 'invalid_value' && only.path.length === 0 && more.length === 0 ? only.values : undefined,
  );
  if (constants.every(values => values !== undefined)) {
    return [{ field, message: choiceText(constants.flat(), value) }];
  }
  const ranked = issue.errors
    .map(alternative => ({ alternative, weight: weigh(alternative, value) }))
    .toSorted((one, other) => one.weight - other.weight);
  const [best, second] = ranked;
  const clear = best !== undefined && best.weight < (second?.weight ?? Infinity);
  if (!clear && issue.message !== 'Invalid input') {
    return [
      {
        field,
        message: `${issue.message}${meantName(value, namesAt(context.known, field, context.content))}`,
      },
    ];
  }
  const mistakes = (best?.alternative ?? []).flatMap(each => explain(each, field, context));
  return clear ? mistakes : [{ field, message: mistakes.map(each => each.message).join('; ') }];
}

/** @param value what stands in place of one of the constants; undefined: nothing */
function choiceText(values: readonly unknown[], value: unknown): string {
  if (value === undefined) return `is missing: ${choice(values)}`;
  return issueText(
    { code: 'invalid_value', values: [...values] as never[], path: [], message: 'Invalid' },
    value,
  );
}

/** Whether an unknown name in a value, or the value, is nearly a known name. */
function meantName(value: unknown, names: readonly string[]): string {
  const given = typeof value === 'string' ? [value] : Object.keys(record(value));
  const [meant] = given
    .filter(name => !names.includes(name))
    .map(name => nearestName(name, names))
    .filter(name => name !== undefined);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
}

/**
 * Mistakes nearer to the top count more: a wrong name there means that another alternative was meant. So, most of
 * all, does a constant that is not there: it is what tells the alternative from the others.
 * @param content the value that the issues are about
 */
function weigh(issues: readonly Issue[], content: unknown): number {
  const untold = issues.filter(
    ({ code, path }) => code === 'invalid_value' && path.length === 1 && valueAt(content, path) === undefined,
  );
  const places = issues
    .flatMap(each =>
      each.code === 'unrecognized_keys' ? each.keys.map(key => [...each.path, key]) : [each.path],
    )
    .reduce((sum, field) => sum + 1 + 1 / (1 + field.length), 0);
  return places + untold.length * tellsAlternatives;
}

/** More than the mistakes that somebody makes in one value. */
const tellsAlternatives = 100;

/** Names of fields that the JSON Schema allows at a place. */
function namesAt(schema: unknown, field: readonly PropertyKey[], content: unknown): string[] {
  let places = alternatives(schema);
  let value = content;
  for (const name of field) {
    value = valueAt(value, [name]);
    places = places.flatMap(place => alternatives(below(place, name)));
  }
  // Of several alternatives, those whose constants agree with what is there; those without any agree with all.
  const fitting = places.filter(place => agrees(place, value));
  const told = fitting.filter(place => constantsOf(place).length > 0);
  const meant = [told, fitting, places].find(some => some.length > 0) ?? [];
  const names = meant.flatMap(place => Object.keys(record(place['properties'])));
  return [...new Set(names)];
}

type JsonObject = Readonly<Record<string, unknown>>;

function alternatives(schema: unknown): JsonObject[] {
  const place = record(schema);
  const options = [place['anyOf'], place['oneOf'], place['allOf']].filter(Array.isArray).flat();
  return options.length === 0 ? [place] : options.flatMap(alternatives);
}

function below(place: JsonObject, name: PropertyKey): unknown {
  if (typeof name === 'number') return place['items'];
  return record(place['properties'])[String(name)] ?? place['additionalProperties'];
}

function agrees(place: JsonObject, value: unknown): boolean {
  return constantsOf(place).every(([name, constant]) => valueAt(value, [name]) === constant);
}

function constantsOf(place: JsonObject): [name: string, constant: unknown][] {
  return Object.entries(record(place['properties'])).flatMap(([name, property]) => {
    const constant = record(property)['const'];
    return constant === undefined ? [] : [[name, constant]];
  });
}

/** Value of a field below another value; undefined where there is none. */
export function valueAt(value: unknown, field: readonly PropertyKey[]): unknown {
  return field.reduce<unknown>((within, name) => record(within)[String(name)], value);
}

function record(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}
