/** A log of Xen (`xl dmesg`) or of a kernel (`dmesg`), as a console reader would give its lines. */
import { ConsoleReader } from '../../console/reader.ts';

export interface LogLine {
  /** Without prefix, time stamp and blanks around it. */
  readonly text: string;
  /** Seconds of its time stamp, where it has one. */
  readonly stamp?: number | undefined;
}

/** A log, taken apart when it is asked for. */
export class Log {
  readonly text: string;
  readonly #talker: 'xen' | 'linux';
  #lines: readonly LogLine[] | undefined;

  constructor(text: string, talker: 'xen' | 'linux') {
    this.text = text;
    this.#talker = talker;
  }

  /** The talker's own; of Xen's log those of the domains that Xen shows are left out. */
  get lines(): readonly LogLine[] {
    this.#lines ??= linesOfLog(this.text, this.#talker);
    return this.#lines;
  }
}

function linesOfLog(log: string, talker: 'xen' | 'linux'): readonly LogLine[] {
  const lines: LogLine[] = [];
  const alone = talker === 'linux' ? { alone: talker } : {};
  const reader = new ConsoleReader(
    {
      line: ({ talker: of, text, stamp }) => {
        if (of === talker) lines.push({ text: text.trim(), stamp });
      },
    },
    { history: 0, ...alone },
  );
  reader.feed(new TextEncoder().encode(log), 0);
  reader.end(0);
  return lines;
}
