/** Reads a prediction that a run, or `scmi-hil predict --json`, has written. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Prediction } from '../model/predict/prediction.ts';
import { UsageError } from './command.ts';

/** The parts that a verdict is made of; a prediction may hold more. */
const predictionFile = z.looseObject({
  schema: z.literal(1),
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
      reason: z.looseObject({ rule: z.string(), words: z.string() }),
    }),
  ),
});

/** @throws UsageError that names the file, and the field that is wrong */
export function readPrediction(file: string): Prediction {
  const hint = 'scmi-hil predict --json writes one';
  if (!existsSync(file)) throw new UsageError(`there is no prediction ${file}`, hint);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} is no prediction: ${why}`, hint, { cause: error });
  }
  const read = predictionFile.safeParse(value);
  if (read.success) return value as Prediction;
  const [issue] = read.error.issues;
  throw new UsageError(`${file} is no prediction: ${issue?.path.join('.')}: ${issue?.message}`, hint);
}
