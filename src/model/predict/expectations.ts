/** Expectations, made from the observations of the model. */
import { escaped } from '../../config/text.ts';
import type { LookAnswer, LookQuestion } from '../linux/look.ts';
import type { ConsoleLine, Reason } from '../trace/observation.ts';
import type { Expectation, Phase } from './prediction.ts';
import type { PredictedAnswer } from './probe-answer.ts';

/** Collects expectations in the order in which they come true, and gives them their ids. */
export class Expectations {
  readonly all: Expectation[] = [];
  readonly #counts = new Map<string, number>();

  line(line: ConsoleLine, phase: Phase): void {
    const { source, domid, text, reason, optional, free = [] } = line;
    this.#add({
      id: this.#nextId(phase, talkerOf(line)),
      kind: 'line',
      phase,
      source,
      ...(domid === undefined || source !== 'linux' ? {} : { domid }),
      text,
      pattern: patternOf(line),
      reason,
      ...(optional === undefined ? {} : { optional }),
      ...(free.length === 0 ? {} : { free }),
    });
  }

  milestone(name: string, text: string, reason: Reason): void {
    this.#add({
      id: `boot.${name}`,
      kind: 'milestone',
      phase: 'boot',
      source: 'run',
      text,
      pattern: name,
      reason,
    });
  }

  /** A command's exit status; its output is expected line by line. */
  command(command: string, exitStatus: number, phase: Phase, reason: Reason): void {
    this.#add({
      id: this.#nextId(phase, 'answer'),
      kind: 'answer',
      phase,
      source: 'xl',
      text: `${command} ends with exit status ${exitStatus}`,
      pattern: '',
      command,
      exitStatus,
      reason,
    });
  }

  look(question: LookQuestion, answer: LookAnswer, domid: number, phase: Phase, place: string): void {
    this.#add({
      id: `${prefixOf(phase)}.${question.id}`,
      kind: 'answer',
      phase,
      source: 'linux',
      domid,
      text: `${question.words} in ${place}`,
      pattern: `^${answer.pattern}$`,
      command: question.command,
      exitStatus: answer.exitStatus,
      reason: {
        rule: `linux.look.${question.id}`,
        because: `${question.words}, as the modelled kernel of ${place} has them`,
      },
    });
  }

  /**
   * Answers of the probe, or of a Linux to a message by hand.
   * @param domid of the domain; absent where the probe is alone on the machine
   */
  answer(source: 'probe' | 'linux', answer: PredictedAnswer, phase: Phase, domid?: number): void {
    const { command, text, pattern, free = [], exitStatus, reason } = answer;
    this.#add({
      id: this.#nextId(phase, 'answer'),
      kind: 'answer',
      phase,
      source,
      ...(domid === undefined ? {} : { domid }),
      text,
      pattern,
      command,
      ...(exitStatus === undefined ? {} : { exitStatus }),
      reason,
      ...(free.length === 0 ? {} : { free }),
    });
  }

  absent(id: string, source: Expectation['source'], text: string, pattern: string, reason: Reason): void {
    this.#add({ id: `boot.absent.${id}`, kind: 'absent', phase: 'boot', source, text, pattern, reason });
  }

  claim(expectation: Expectation): void {
    this.#add(expectation);
  }

  #add(expectation: Expectation): void {
    this.all.push(expectation);
  }

  #nextId(phase: Phase, part: string): string {
    const stem = `${prefixOf(phase)}.${part}`;
    const count = (this.#counts.get(stem) ?? 0) + 1;
    this.#counts.set(stem, count);
    return part === 'answer' && count === 1 ? stem : `${stem}.${count}`;
  }
}

/** The regular expression of a line, anchored at both ends. */
export function patternOf({ text, pattern }: Pick<ConsoleLine, 'text' | 'pattern'>): string {
  const inner = pattern ?? escaped(text);
  return inner.startsWith('^') && inner.endsWith('$') ? inner : `^(?:${inner})$`;
}

const prefixOf = (phase: Phase): string => (phase === 'boot' ? 'boot' : `step${phase}`);

function talkerOf({ source, domid }: ConsoleLine): string {
  return source === 'linux' ? `dom${domid ?? 0}` : source;
}
