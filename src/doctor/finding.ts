/** Findings of the doctor by subject, and the schema of its report. */
import { z } from 'zod';

const common = {
  /** The check that found it: `serial`, `tftp`. */
  check: z.string(),
  what: z.string(),
};
/** Hint: a command, or the field of the lab file to change. */
const hintText = z.string();

const finding = z.discriminatedUnion('level', [
  z.strictObject({ level: z.literal('ok'), ...common }),
  /** It may be as it should be; somebody has to know. */
  z.strictObject({ level: z.literal('warning'), ...common, hint: hintText }),
  /** A run would fail; `of` says what is wrong: a file that somebody wrote, or the lab itself. */
  z.strictObject({
    level: z.literal('problem'),
    of: z.enum(['configuration', 'lab']),
    ...common,
    hint: hintText,
  }),
]);

export const doctorReportSchema = z.strictObject({
  schema: z.literal(2),
  /** The lab file; null: there is none. */
  lab: z.string().nullable(),
  subjects: z.array(
    z.strictObject({
      /** `machine`, or a board's name. */
      name: z.string(),
      findings: z.array(finding),
    }),
  ),
});

export type Finding = z.output<typeof finding>;
export type DoctorReport = z.output<typeof doctorReportSchema>;
/** A finding before it is known which check it is from. */
export type Said = Finding extends infer F ? (F extends Finding ? Omit<F, 'check'> : never) : never;

export function ok(what: string): Said {
  return { level: 'ok', what };
}

export function warning(what: string, hint: string): Said {
  return { level: 'warning', what, hint };
}

export function wrongFile(what: string, hint: string): Said {
  return { level: 'problem', of: 'configuration', what, hint };
}

export function brokenLab(what: string, hint: string): Said {
  return { level: 'problem', of: 'lab', what, hint };
}
