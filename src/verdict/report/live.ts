/** Live display of a run: a line per event, and progress in place on a terminal. */
import type { RecordedEvent } from '../recording/event.ts';
import { type Colour, painter } from './colour.ts';
import { eventWords, type Transfer, transferOf } from './event-words.ts';
import { printableLine } from './printable.ts';

export interface LiveOptions {
  /** Move the cursor and redraw; else only whole lines, for logs. */
  readonly inPlace: boolean;
  readonly colour: boolean;
  /** Columns of the terminal, asked for at each redraw. */
  readonly columns?: () => number;
}

export interface Live {
  /** Shows one event of a board's run. */
  event(board: string, event: RecordedEvent): void;
  /** A line of its own between events. */
  line(text: string): void;
  /** Takes the progress away. */
  close(): void;
}

/** Milliseconds of a run between two lines about one transfer, where nothing is redrawn. */
const plainInterval = 5000;

/** @param write takes text for the terminal or the log */
export function liveProgress(write: (text: string) => void, options: LiveOptions): Live {
  const paint = painter(options.colour);
  /** By board, what is shown of its running transfer. */
  const progress = new Map<string, string>();
  const lastPlain = new Map<string, number>();
  /** By board, when its running transfer began. */
  const began = new Map<string, number>();
  let drawn = false;
  /** Columns of the longest board name so far. */
  let width = 0;

  const erase = () => {
    if (drawn) write('\r\x1b[K');
    drawn = false;
  };
  const draw = () => {
    if (!options.inPlace || progress.size === 0) return;
    const text = [...progress].map(([board, words]) => `${printableLine(board)}: ${words}`).join('   ');
    write(text.slice(0, Math.max(0, (options.columns?.() ?? 80) - 1)));
    drawn = true;
  };
  const line = (text: string) => {
    erase();
    write(`${text}\n`);
    draw();
  };
  const show = (board: string, t: number, text: string, colour: Colour | undefined) => {
    const words = printableLine(text);
    const shown = printableLine(board);
    width = Math.max(width, shown.length);
    const name = paint('cyan', shown.padEnd(width));
    line(`${paint('dim', seconds(t))} ${name}  ${colour === undefined ? words : paint(colour, words)}`);
  };
  const showTransfer = (board: string, t: number, transfer: Transfer) => {
    const words = transferWords(transfer, t - (began.get(board) ?? t));
    if (options.inPlace) {
      progress.set(board, words);
      erase();
      draw();
    } else if (t - (lastPlain.get(board) ?? 0) >= plainInterval) {
      lastPlain.set(board, t);
      show(board, t, words, undefined);
    }
  };

  return {
    event(board, event) {
      const transfer = transferOf(event);
      if (transfer !== undefined) {
        showTransfer(board, event.t, transfer);
        return;
      }
      if (event.kind === 'tftp' || event.kind === 'run-finished') {
        progress.delete(board);
        lastPlain.set(board, event.t);
        began.set(board, event.t);
      }
      const words = eventWords(event);
      if (words !== undefined) show(board, event.t, words.text, words.colour);
    },
    line,
    close() {
      progress.clear();
      erase();
    },
  };
}

function transferWords({ file, bytes, size }: Transfer, milliseconds: number): string {
  const rate = milliseconds > 0 ? `, ${megabytes((bytes / milliseconds) * 1000)}/s` : '';
  const name = `TFTP ${printableLine(file)}`;
  if (size === undefined) return `${name} ${megabytes(bytes)}${rate}`;
  const share = size === 0 ? 100 : Math.floor((bytes / size) * 100);
  return `${name} ${share} % of ${megabytes(size)}${rate}`;
}

/** `1.5 MB` */
function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`.padStart(8);
}
