/** A place where text is typed and read: a board's serial console, the console of a guest behind Dom0. */
import { type ConsoleMark, textSince } from '../../verdict/console/expect.ts';
import type { Tail } from '../../verdict/console/line.ts';
import type { ConsoleReader } from '../../verdict/console/reader.ts';

export interface Typing {
  /** It must not be recorded. */
  readonly secret?: boolean;
}

export interface Terminal {
  /** For people: `the serial console /dev/ttyUSB0 at 115200`. */
  readonly name: string;
  /** Characters that may be on their way before their echo has come. */
  readonly piece: number;
  /** How many times longer than on a wire an answer may take; 1 where absent. */
  readonly patience?: number;
  /** Makes sure that what is typed next arrives where it is meant to. */
  ready(signal: AbortSignal): Promise<void>;
  write(text: string, typing?: Typing): Promise<void>;
  mark(): ConsoleMark;
  /** Lines of the domain since a mark, its kernel left out: ended lines, then the one that has not ended. */
  since(mark: ConsoleMark): readonly string[];
  /**
   * Looks now and whenever something has come, until there is what is looked for.
   * @throws the signal's reason
   */
  until<T>(seen: () => T | undefined, signal: AbortSignal): Promise<T>;
}

/**
 * Text of one domain to a reader since a mark, without its kernel: a line of the kernel is left out, and what
 * it tore apart is put together again.
 */
export function spokenSince(reader: ConsoleReader, mark: ConsoleMark, domid: number): readonly string[] {
  const isSpoken = ({ talker, domid: whose = 0 }: Tail) =>
    whose === domid && (talker === 'linux' || talker === 'unknown');
  const spoken: string[] = [];
  let torn = '';
  for (const line of reader.since(mark)) {
    if (!isSpoken(line) || line.stamp !== undefined) continue;
    torn += textSince(mark, line);
    // A message of the kernel is behind it, and then what it tore goes on.
    if (line.unterminated) continue;
    spoken.push(torn);
    torn = '';
  }
  const open = reader.tails().find(isSpoken);
  return [...spoken, torn + (open === undefined ? '' : textSince(mark, open))];
}

/** `until` of a terminal that tells listeners when something has come. */
export function untilSeen<T>(
  seen: () => T | undefined,
  listen: (look: () => void) => () => void,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const now = seen();
    if (now !== undefined) {
      resolve(now);
      return;
    }
    const end = () => {
      stop();
      signal.removeEventListener('abort', interrupted);
    };
    const interrupted = () => {
      end();
      reject(signal.reason as Error);
    };
    const stop = listen(() => {
      const found = seen();
      if (found === undefined) return;
      end();
      resolve(found);
    });
    signal.addEventListener('abort', interrupted, { once: true });
  });
}
