/** Live display of runs: a line per event or only their state, and what is under way in place on a terminal. */
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
  /** A line per event; else the state of each board: in place, or as a line where nothing else came for a while. */
  readonly events: boolean;
}

export interface Live {
  /** Shows one event of a board's run. */
  event(board: string, event: RecordedEvent): void;
  /** A line of its own between events. */
  line(text: string): void;
  /**
   * Time goes on: shows the state again, with the time. Called about once a second.
   * @param elapsed milliseconds since the command began
   * @param sum for the front of the state: `37/241`
   */
  tick(elapsed: number, sum: string): void;
  /** Takes the progress away. */
  close(): void;
}

/** Milliseconds of a run between two lines about one transfer, where nothing is redrawn. */
const plainInterval = 5000;
/** Milliseconds without a line after which the state is told as one, where nothing is redrawn. */
const quietInterval = 30_000;

/** @param write takes text for the terminal or the log */
export function liveProgress(write: (text: string) => void, options: LiveOptions): Live {
  const paint = painter(options.colour);
  /** By board, what is shown of its running transfer; with `events` off, of all that it does. */
  const progress = new Map<string, string>();
  /** By board, the scenario that it runs. */
  const scenarios = new Map<string, string>();
  const lastPlain = new Map<string, number>();
  /** By board, when its running transfer began. */
  const began = new Map<string, number>();
  let drawn = false;
  /** Columns of the longest board name so far. */
  let width = 0;
  let time = { elapsed: 0, sum: '', lastLine: 0 };

  const erase = () => {
    if (drawn) write('\r\x1b[K');
    drawn = false;
  };
  const draw = () => {
    if (!options.inPlace || progress.size === 0) return;
    write(state().slice(0, Math.max(0, (options.columns?.() ?? 80) - 1)));
    drawn = true;
  };
  const state = () => {
    const boards = [...progress].map(([board, words]) => `${printableLine(board)}: ${words}`);
    const front = options.events ? [] : [`${time.sum} ${duration(time.elapsed)}`];
    return [...front, ...boards].join('   ');
  };
  const line = (text: string) => {
    erase();
    write(`${text}\n`);
    time = { ...time, lastLine: time.elapsed };
    draw();
  };
  /** With `events` off: the newest thing that a board did. */
  const showState = (board: string, words: string) => {
    const scenario = scenarios.get(board);
    progress.set(
      board,
      `${scenario === undefined ? '' : `${printableLine(scenario)}, `}${printableLine(words)}`,
    );
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
      if (event.kind === 'run-started') scenarios.set(board, event.data.scenario);
      const transfer = transferOf(event);
      if (!options.events) {
        const words = transfer === undefined ? eventWords(event)?.text : transferWords(transfer, 0);
        if (words !== undefined) showState(board, words);
        if (event.kind === 'run-finished') progress.delete(board);
        return;
      }
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
    tick(elapsed, sum) {
      time = { ...time, elapsed, sum };
      if (options.inPlace) {
        erase();
        draw();
      } else if (!options.events && elapsed - time.lastLine >= quietInterval && progress.size > 0) {
        line(state());
      }
    },
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

/** `3 s`, `1 min 30 s` */
function duration(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`.padStart(8);
}
