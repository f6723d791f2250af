/** Reads a prediction that a run, or `scmi-hil predict --json`, has written. */
import { messageOf } from '../config/text.ts';
import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { z } from 'zod';
import type { Prediction } from '../model/predict/prediction.ts';
import { UsageError } from './command.ts';

/** The parts that a verdict is made of; a prediction may hold more. */
const predictionFile = z.looseObject({
  schema: z.literal(2),
  agents: z.array(z.looseObject({ functionId: z.string() })),
  domains: z.array(z.looseObject({ domid: z.number(), name: z.string() })),
  panic: z.string().nullable(),
  expectations: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.enum(['line', 'milestone', 'answer', 'absent']),
      phase: z.union([z.literal('boot'), z.number()]),
      source: z.string(),
      text: z.string(),
      pattern: z.string(),
      reason: z.looseObject({ rule: z.string(), because: z.string() }),
    }),
  ),
});

/** @throws UsageError that names the file, and the field that is wrong */
export function readPrediction(file: string): Prediction {
  const hint = 'scmi-hil predict --json writes one';
  if (!existsSync(file)) throw new UsageError(`there is no prediction ${file}`, hint);
  let value: unknown;
  try {
    value = asSchema2(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const why = messageOf(error);
    throw new UsageError(`${file} is no prediction: ${why}`, hint, { cause: error });
  }
  const read = predictionFile.safeParse(value);
  if (read.success) {
    const endless = read.data.expectations.find(({ pattern }) => mayBeEndless(pattern));
    if (endless === undefined) {
      boundRegularExpressions();
      return value as Prediction;
    }
    throw new UsageError(`${file}: the pattern of ${endless.id} may never end: ${endless.pattern}`, hint);
  }
  const [issue] = read.error.issues;
  throw new UsageError(`${file} is no prediction: ${issue?.path.join('.')}: ${issue?.message}`, hint);
}

/**
 * Patterns of a file are of anybody's making. V8 matches those that go back too often in linear time, where it is
 * told to and they look around at nothing (v8.dev/blog/non-backtracking-regexp).
 */
function boundRegularExpressions(): void {
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
}

/** A repeated group in a pattern that looks around or back, which has no linear form. */
function mayBeEndless(pattern: string): boolean {
  return /\(\?<?[=!]|\\[1-9k]/.test(pattern) && /\)(?:[*+]|\{\d+,)/.test(pattern);
}

/** Schema 1 is schema 2, but for the name of the field `because` of a reason, which was `words`. */
function asSchema2(value: unknown): unknown {
  if (!isObject(value) || value['schema'] !== 1) return value;
  return { ...(withBecause(value) as object), schema: 2 };
}

function withBecause(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBecause);
  if (!isObject(value)) return value;
  const isReason = typeof value['rule'] === 'string' && typeof value['words'] === 'string';
  const rename = (key: string) => (isReason && key === 'words' ? 'because' : key);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [rename(key), withBecause(each)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
