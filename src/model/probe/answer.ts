/** Answers of the probe, found among the lines of a shared console: firmware/probe/PROTOCOL.md. */

/** How a command ended; its place is its exit status in a recording. */
export const probeOutcomes = ['ok', 'error', 'fault'] as const;
export type ProbeOutcome = (typeof probeOutcomes)[number];

export interface ProbeAnswer {
  readonly tag: number;
  readonly outcome: ProbeOutcome;
  /** All after the tag: `ok x0=0x0 x1=0x0 x2=0x0 x3=0x0`. */
  readonly text: string;
}

/** Where the probe says it is: its answer to an empty line. */
interface ProbeReady {
  readonly version: number;
  readonly exceptionLevel: number;
  readonly text: string;
}

export type ProbeSaid = { readonly answer: ProbeAnswer } | { readonly ready: ProbeReady };

/**
 * Reads the probe's end of a line, in pieces as they come. What others write in front of the probe's words on the
 * same line is passed over; an answer that somebody wrote into has another form than its command's, and is none.
 */
export class ProbeLines {
  #rest = '';

  /** @returns what the probe has said with the lines that ended */
  feed(text: string): ProbeSaid[] {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    this.#rest = (lines.pop() ?? '').slice(-longestRest);
    return lines.flatMap(line => probeSaid(line) ?? []);
  }
}

/** @returns undefined for a line that is not the probe's */
export function probeSaid(line: string): ProbeSaid | undefined {
  const words = line.slice(Math.max(0, line.lastIndexOf('probe: '))).trimEnd();
  const ready = /^probe: (ready version=(\d+) el=(\d+)\b.*)$/.exec(words);
  if (ready !== null) {
    const [, text = '', version, exceptionLevel] = ready;
    return { ready: { version: Number(version), exceptionLevel: Number(exceptionLevel), text } };
  }
  const answer = /^probe: #(\d+) ((ok|error|fault)(?: .*)?)$/.exec(words);
  const outcome = probeOutcomes.find(each => each === answer?.[3]);
  if (answer === null || outcome === undefined) return undefined;
  const [, tag, text = ''] = answer;
  return { answer: { tag: Number(tag), outcome, text } };
}

/** Whether an answer has the form of its command's: else something was written into it. */
export function isWhole({ outcome, text }: ProbeAnswer, command: string): boolean {
  if (outcome === 'error') return text.length > 'error '.length;
  if (outcome === 'fault') return /^fault esr=0x[0-9a-f]+ far=0x[0-9a-f]+$/i.test(text);
  const [name = '', ...words] = command.split(' ');
  const form = forms[name];
  if (form === undefined || !form.test(text)) return false;
  return name !== 'read' || text.split(' ').length - 1 === Number(words[1]);
}

const number = '(?:0x[0-9a-f]+|\\d+)';
const registers = new RegExp(`^ok x0=${number} x1=${number} x2=${number} x3=${number}$`, 'i');

const forms: Readonly<Record<string, RegExp>> = {
  smc: registers,
  hvc: registers,
  read: /^ok(?: 0x[0-9a-f]{8})+$/i,
  write: /^ok$/,
  scmi: new RegExp(`^ok x0=${number} status=${number} length=${number} reply=(?:[0-9a-f]{2})*$`, 'i'),
  loop: new RegExp(`^ok count=${number} failed=${number} ticks=${number} frequency=${number}$`, 'i'),
};

/** Longer than any line of the probe. */
const longestRest = 4096;
