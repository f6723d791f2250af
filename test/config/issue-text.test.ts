import test from 'ava';
import { z } from 'zod';
import { schemaMistakes } from '../../src/config/schema-mistakes.ts';

/** The one mistake of a value, as a person reads it. */
function mistakeOf(schema: z.ZodType, content: unknown): string {
  const { error } = z.object({ field: schema }).safeParse({ field: content });
  return schemaMistakes(error?.issues ?? [], z.object({ field: schema }), { field: content })
    .map(({ message }) => message)
    .join('; ');
}

for (const [schema, content, said] of [
  [z.string(), 5, 'expected text, got the number 5 (put it in quotes)'],
  [z.string(), true, 'expected text, got true (put it in quotes)'],
  [z.string(), null, 'expected text, got nothing'],
  [z.string(), [1], 'expected text, got a list'],
  [z.number(), 'x'.repeat(80), `expected a number, got "${'x'.repeat(40)}..."`],
  [z.number(), Number.NaN, 'expected a number, got .nan'],
  [z.number().int(), 1.5, 'expected a whole number, got the number 1.5'],
  [z.boolean(), 'maybe', 'expected true or false, got "maybe"'],
  [z.strictObject({ a: z.string() }), 'b', 'expected a mapping (name: value), got "b"'],
  [z.record(z.string(), z.number()), [1], 'expected a mapping (name: value), got a list'],
  [z.array(z.string()), { a: 1 }, 'expected a list, got a mapping (name: value)'],
  [z.number().max(65_535), 99_999_999, '99999999 is too large: at most 65535'],
  [z.number().min(1), -1, '-1 is too small: at least 1'],
  [z.number().positive(), 0, '0 is too small: more than 0'],
  [z.string().min(1), '', 'the text is empty'],
  [z.string().max(2), 'abc', 'the text is too long: at most 2 characters'],
  [z.array(z.number()).min(1), [], 'the list is empty'],
  [z.array(z.number()).min(2), [1], 'the list is too short: at least 2'],
  [z.array(z.number()).max(1), [1, 2], 'the list is too long: at most 1'],
  [z.literal(1), 2, 'expected 1, got 2'],
  [z.literal(true), 'yes', 'expected true, got "yes"'],
  [z.union([z.literal(1), z.literal(2)]), 9, 'expected 1 or 2, got 9'],
  [z.enum(['on', 'off']), 'oof', 'expected one of on, off, got "oof": did you mean off?'],
  [z.enum(['on', 'off']), '', 'expected one of on, off, got ""'],
  [z.string().regex(/^a+$/), 'b', 'expected text like /^a+$/, got "b"'],
  [z.number().multipleOf(4), 3, 'expected a multiple of 4, got 3'],
  [z.string('a name of letters'), 5, 'expected a name of letters'],
  [
    z.union([z.strictObject({ create: z.string() }), z.strictObject({ destroy: z.string() })], {
      error: 'a step does one thing: create, destroy',
    }),
    { creat: 'guest' },
    'a step does one thing: create, destroy (did you mean create?)',
  ],
] as const) {
  test(`${JSON.stringify(content)?.slice(0, 20)}: ${said}`, t => {
    t.is(mistakeOf(schema, content), said);
  });
}

test('a field that is missing is named with what is expected there', t => {
  const schema = z.object({ user: z.string(), port: z.number() });
  const { error } = schema.safeParse({});
  t.deepEqual(
    schemaMistakes(error?.issues ?? [], schema, {}).map(({ key, message }) => [key, message]),
    [
      ['user', 'is missing (expected text)'],
      ['port', 'is missing (expected a number)'],
    ],
  );
});
