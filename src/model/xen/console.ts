import type { ConsoleLine, Observer, Reason, XenLevel } from '../trace/observation.ts';
import type { XenBuild } from './build.ts';
import type { CommandLine, Thresholds } from './command-line.ts';
import { format, type FormatArgument, type FormattedText } from './format.ts';
import type { XenPanic } from './panic.ts';
import { type MessageKey, messages, type XenMessage } from './messages.ts';

/** Why a message is printed: the words and place of its Reason, and the domain that it is about. */
export interface Why {
  readonly because: string;
  readonly place?: string | undefined;
  readonly domid?: number;
}

/**
 * Xen's console: which messages appear, and how they run into each other where a newline is missing
 * (xen/drivers/char/console.c). What is rate-limited counts as printed, and nobody has to see it.
 */
export class Console {
  readonly #build: XenBuild;
  readonly #log: Thresholds;
  readonly #guestLog: Thresholds;
  readonly #observer: Observer;
  readonly #silent: boolean;
  /** Text that waits for its newline, by the domain in whose context the CPU is. */
  readonly #open = new Map<number, Unfinished>();

  /** @param silent there is no UART, so that nothing of what is printed is seen */
  constructor(build: XenBuild, commandLine: CommandLine, observer: Observer, silent = false) {
    this.#silent = silent;
    this.#build = build;
    this.#log = commandLine.log;
    this.#guestLog = commandLine.guestLog;
    this.#observer = observer;
  }

  /**
   * Prints a message of the table, or drops it as the build and the thresholds have it.
   * @param context domain whose CPU prints: 0 also for the boot and for hypercalls of Dom0
   */
  printk(key: MessageKey, values: readonly FormatArgument[], why: Why, context = 0): void {
    const message: XenMessage = messages[key];
    if (message.debugBuild === true && !this.#build.debug) return;
    // A message that continues a line is printed as that line was: unchecked, with its level mark as text.
    const open = this.#open.get(context);
    if (open === undefined && !this.#passes(message)) return;
    const marked = open === undefined ? message.format : levelMark(message) + message.format;
    const optional = open === undefined && this.#isRateLimited(message);
    this.#append(context, marked, values, {
      ...(optional ? { optional: "Xen's rate limit may suppress it" } : {}),
      ...(message.level === undefined ? {} : { level: message.level }),
      ...(why.domid === undefined ? {} : { domid: why.domid }),
      reason: reason(key, why),
    });
  }

  /**
   * A line that is printed whatever the thresholds are, as panic() does.
   * @param line its format and the arguments
   */
  print([template, ...values]: XenPanic['line'], why: Reason): void {
    this.#append(0, `${template}\n`, values, { reason: why });
  }

  /**
   * The CPU goes back to the domain: what it prints next appears on a line of its own, for the domain's own
   * output has come between, but still without prefix.
   */
  leave(context = 0): void {
    const open = this.#open.get(context);
    if (open === undefined || open.text === '') return;
    this.#emit({ ...open.head, ...format(open.format, open.values, true), newline: false });
    this.#open.set(context, { ...open, text: '', format: '', values: [] });
  }

  #passes({ level, guest }: XenMessage): boolean {
    if (level === undefined) return true;
    return levelNumber[level] < (guest === true ? this.#guestLog : this.#log).upper;
  }

  /** printk_prefix_check(): ten messages in five seconds are printed of those between the two thresholds. */
  #isRateLimited({ level, guest }: XenMessage): boolean {
    return level !== undefined && levelNumber[level] >= (guest === true ? this.#guestLog : this.#log).lower;
  }

  #append(context: number, template: string, values: readonly FormatArgument[], head: LineHead): void {
    const open = this.#open.get(context);
    const whole: Unfinished = {
      format: (open?.format ?? '') + template.replace(/\n$/, ''),
      values: [...(open?.values ?? []), ...values],
      text: template,
      head: open === undefined || open.text === '' ? head : joined(open.head, head),
    };
    if (!template.endsWith('\n')) {
      this.#open.set(context, whole);
      return;
    }
    this.#open.delete(context);
    this.#emit({ ...whole.head, ...format(whole.format, whole.values) });
  }

  #emit(line: LineHead & FormattedText & Pick<ConsoleLine, 'newline'>): void {
    if (this.#silent) return;
    this.#observer.console({ source: 'xen', ...line, pattern: withoutMark(line.pattern) });
  }
}

type LineHead = Pick<ConsoleLine, 'level' | 'domid' | 'reason' | 'optional'>;

interface Unfinished {
  readonly format: string;
  readonly values: readonly FormatArgument[];
  /** Empty once what there is has been printed. */
  readonly text: string;
  readonly head: LineHead;
}

/** The line begins with the first message; the second is named in its reason. */
function joined(first: LineHead, second: LineHead): LineHead {
  const because = `${first.reason.because}; the driver prints no newline, so what follows is on the same line: ${second.reason.because}`;
  return { ...first, reason: { ...first.reason, because } };
}

/** A level mark in front is what a reader of the console may take off. */
function withoutMark(pattern: string): string {
  return pattern.replace(/^\^((?:<[G0-3]>)+)/, '^(?:$1)?');
}

function reason(rule: MessageKey, { because, place }: Why): Reason {
  return place === undefined ? { rule, because } : { rule, because, place };
}

function levelMark({ level, guest, unmarked }: XenMessage): string {
  if (level === undefined || unmarked === true) return '';
  return `${guest === true ? '<G>' : ''}<${levelNumber[level]}>`;
}

/** XENLOG_ERR and its kin (xen/include/xen/lib.h): those below a threshold are printed. */
export const levelNumber: Readonly<Record<XenLevel, number>> = { error: 0, warning: 1, info: 2, debug: 3 };
