/** One issue of zod as a person says it. */
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';

type Issue = z.core.$ZodIssue;

/**
 * Says what is expected at a place of a YAML file.
 * @param value what stands there; undefined: nothing, so that only what is expected is said
 */
export function issueText(issue: Issue, value: unknown): string {
  // A schema's own message says what is expected (`a name of letters`); zod's begin with a capital.
  if (/^[^A-Z]/.test(issue.message)) return `expected ${issue.message}`;
  const got = value === undefined ? '' : `, got ${shownValue(value, issue.code === 'invalid_type')}`;
  switch (issue.code) {
    case 'invalid_type': {
      // YAML takes 0123 and yes for other things than text.
      const isUnquoted = issue.expected === 'string' && ['number', 'boolean'].includes(typeof value);
      return `expected ${types[issue.expected] ?? issue.expected}${got}${isUnquoted ? ' (put it in quotes)' : ''}`;
    }
    case 'invalid_value':
      return `${choice(issue.values)}${got}${meant(issue.values, value)}`;
    case 'too_small':
    case 'too_big':
      return sizeText(issue, value);
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}${got}`;
    case 'invalid_format':
      return `expected ${issue.pattern === undefined ? `a ${issue.format}` : `text like ${issue.pattern}`}${got}`;
    default:
      return `${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}${got}`;
  }
}

/** `expected 1 or 2`; `expected one of on, off, cycle`. */
export function choice(values: readonly unknown[]): string {
  const texts = values.map(String);
  const isNamed = values.every(value => typeof value === 'string');
  return `expected ${isNamed && texts.length > 1 ? `one of ${texts.join(', ')}` : texts.join(' or ')}`;
}

/** Types of zod in the words of YAML. */
const types: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  record: 'a mapping (name: value)',
  object: 'a mapping (name: value)',
  array: 'a list',
  tuple: 'a list',
};

/** Characters of a text that are shown. */
const shown = 40;

function shownValue(value: unknown, withType: boolean): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping (name: value)';
  if (Number.isNaN(value)) return '.nan';
  if (typeof value === 'number') return withType ? `the number ${value}` : String(value);
  if (typeof value !== 'string') return JSON.stringify(value);
  return value.length <= shown ? JSON.stringify(value) : JSON.stringify(`${value.slice(0, shown)}...`);
}

function meant(values: readonly unknown[], value: unknown): string {
  const names = values.filter(each => typeof each === 'string');
  const nearest = typeof value === 'string' ? nearestName(value, names) : undefined;
  return nearest === undefined ? '' : `: did you mean ${nearest}?`;
}

type SizeIssue = Extract<Issue, { code: 'too_small' | 'too_big' }>;

function sizeText(issue: SizeIssue, value: unknown): string {
  const { code, origin, inclusive = true } = issue;
  const isSmall = code === 'too_small';
  const limit = Number(isSmall ? issue.minimum : issue.maximum);
  if (origin === 'number' || origin === 'int' || origin === 'bigint') {
    const bound = isSmall ? (inclusive ? 'at least' : 'more than') : inclusive ? 'at most' : 'less than';
    return `${JSON.stringify(value)} is too ${isSmall ? 'small' : 'large'}: ${bound} ${limit}`;
  }
  const what = origin === 'string' ? 'text' : 'list';
  if (isSmall && limit === 1) return `the ${what} is empty`;
  const unit = origin === 'string' ? ' characters' : '';
  return `the ${what} is too ${isSmall ? 'short' : 'long'}: at ${isSmall ? 'least' : 'most'} ${limit}${unit}`;
}
