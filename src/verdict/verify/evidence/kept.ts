/**
 * The lines and signs of a run that its verdict can need, however long it was. All of the first lines of each step are
 * kept; after them a line is kept if the prediction, or a rule of the verdict, speaks of it. If a line is said again and
 * again, the first and the last are kept.
 */
import type { Expectation, Phase, Prediction } from '../../../model/predict/prediction.ts';
import type { SeenLine, SeenSign } from '../observation.ts';
import { patternOf, streamOfLine, talkerOf } from '../lines.ts';
import { isRuled } from './ruled-text.ts';

/** Lines of a stream in a step that are kept whatever they say. */
const keptWhole = 5000;
/** Lines of a stream in a step that say the same, but for their numbers; and signs of a domain in a step. */
const keptAlike = 1000;

export class Kept {
  readonly #isPredicted: (line: SeenLine) => boolean;
  readonly #lines: Placed[] = [];
  #signs: SeenSign[] = [];
  /** By what is counted: a line that is said again, a sign. */
  readonly #counts = new Map<string, number>();
  /** By step, for Dom0, guests and each talker: how many lines there were. */
  readonly #first = new Map<Phase, Map<string, number>>();
  /** By domain or talker, and by line that is said again: the last one of those that are left out. */
  readonly #last = new Map<string | number, Placed>();
  /** Domains and talkers whose next line belongs to the one before. */
  readonly #open = new Set<string | number>();
  /** Lines of kernels, each with its time stamp. */
  readonly #stamped = new Set<string>();
  #place = 0;

  constructor({ expectations }: Pick<Prediction, 'expectations'>) {
    this.#isPredicted = predictedLines(expectations);
  }

  /** @param console the UART that it came from */
  line(line: SeenLine, console: string): void {
    const { talker, domid, text, phase, stamp, unterminated } = line;
    const placed = { line, place: this.#place++ };
    const isFollowing = this.#open.delete(domid ?? talker);
    const isFirst = this.#countFirst(line) <= keptWhole;
    if (!isFirst && !isFollowing && !isRuled(line) && !this.#isPredicted(line)) {
      this.#last.set(domid ?? talker, placed);
      return;
    }
    // `dmesg` on a console prints what the kernel has printed there already, stamps and all: it counts once.
    const printed =
      domid === undefined || stamp === undefined ? undefined : `${console} ${domid} ${stamp} ${text}`;
    if (printed !== undefined && this.#stamped.has(printed)) return;
    if (!isFirst && !isFollowing) {
      const alike = `${phase} ${streamOfLine(line)} ${text.replaceAll(/\d+/g, '0')}`;
      if (this.#count(alike) >= keptAlike) {
        this.#last.set(alike, placed);
        return;
      }
    }
    if (printed !== undefined) this.#stamped.add(printed);
    if (unterminated) this.#open.add(domid ?? talker);
    this.#lines.push(placed);
  }

  sign(seen: SeenSign): void {
    const { name, talker, domid } = seen.sign;
    if (this.#count(`sign ${seen.phase} ${talker} ${domid} ${name}`) < keptAlike) this.#signs.push(seen);
  }

  get signs(): readonly SeenSign[] {
    return this.#signs;
  }

  /** In the order in which they came. */
  get lines(): readonly SeenLine[] {
    return [...this.#lines, ...this.#last.values()]
      .toSorted((a, b) => a.place - b.place)
      .map(({ line }) => line);
  }

  /** Forgets an attempt to boot, but for some of its signs. */
  restart(signs: readonly SeenSign[]): void {
    this.#lines.length = 0;
    this.#signs = [...signs];
    for (const each of [this.#counts, this.#first, this.#last, this.#open, this.#stamped]) each.clear();
  }

  /** @returns the number of the line in its step */
  #countFirst({ phase, talker, domid }: SeenLine): number {
    const whose = talker !== 'linux' ? talker : domid === 0 ? 'dom0' : 'guest';
    let counts = this.#first.get(phase);
    if (counts === undefined) this.#first.set(phase, (counts = new Map()));
    const count = (counts.get(whose) ?? 0) + 1;
    counts.set(whose, count);
    return count;
  }

  /** @returns how often it was counted before */
  #count(what: string): number {
    const before = this.#counts.get(what) ?? 0;
    this.#counts.set(what, before + 1);
    return before;
  }
}

interface Placed {
  readonly line: SeenLine;
  readonly place: number;
}

/** Whether the prediction speaks of a line, by the talker. */
function predictedLines(expectations: readonly Expectation[]): (line: SeenLine) => boolean {
  const byTalker = Map.groupBy(
    expectations.filter(({ kind }) => kind === 'line' || kind === 'absent'),
    talkerOf,
  );
  const patterns = new Map([...byTalker].map(([talker, own]) => [talker, anyOf(own)]));
  return ({ talker, text }) => {
    const pattern = patterns.get(talker);
    return pattern !== undefined && (pattern.test(text) || pattern.test(text.trimEnd()));
  };
}

/** One pattern for all, by which most lines are none of them. */
function anyOf(expectations: readonly Expectation[]): { test(text: string): boolean } {
  const patterns = expectations.map(patternOf);
  const sources = [...new Set(patterns.map(({ source }) => source))];
  // Groups that are named or referred to keep their pattern to themselves.
  if (sources.some(source => /\\[1-9k]|\(\?</.test(source))) {
    return { test: text => patterns.some(pattern => pattern.test(text)) };
  }
  return new RegExp(sources.map(source => `(?:${source})`).join('|'));
}
