/**
 * The transfers of a board's boot loaders as they tell them on the console, for where the TFTP server is
 * somebody else's and does not say what it is asked for.
 */
import type { Tail, TalkerLine } from './line.ts';
import { eepromText } from './vocabulary/eeprom.ts';
import { uBootText } from './vocabulary/u-boot.ts';

/** An event as a TFTP server would report it. `t` of the line in which it was seen stands for the time. */
export type TransferSeen =
  | {
      readonly kind: 'request';
      readonly transfer: number;
      /** The board's own address, where it has said it. */
      readonly client?: string;
      /** As it was asked for. */
      readonly file: string;
    }
  /** `bytes`: ten blocks for each mark, where the boot loader shows marks. */
  | { readonly kind: 'progress'; readonly transfer: number; readonly file: string; readonly bytes: number }
  | {
      readonly kind: 'done';
      readonly transfer: number;
      readonly file: string;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  /** The server's error: what it refused is no longer under way. */
  | {
      readonly kind: 'refused';
      readonly transfer: number;
      readonly client?: string;
      readonly file: string;
      readonly code: number;
      readonly why: string;
    }
  /** `timeout`: the board heard nothing any more; `client-error`: it ended it, or went on to another file. */
  | {
      readonly kind: 'ended';
      readonly transfer: number;
      readonly file: string;
      readonly bytes: number;
      readonly why: 'client-error' | 'timeout';
      readonly detail: string;
    };

/**
 * @example
 * const transfers = new ConsoleTransfers(seen => console.log(seen.kind, seen.file));
 * const reader = new ConsoleReader({ line: line => transfers.line(line) });
 */
export class ConsoleTransfers {
  readonly #report: (seen: TransferSeen) => void;
  #number = 0;
  #client: string | undefined;
  #running: Running | undefined;
  /** The file that came last. */
  #last: string | undefined;

  constructor(report: (seen: TransferSeen) => void) {
    this.#report = report;
  }

  line({ talker, text, t }: TalkerLine): void {
    if (talker === 'xen' || talker === 'linux') return;
    const told = toldBy(text);
    switch (told?.tells) {
      case 'address':
        this.#client = told.address;
        break;
      case 'request':
        this.#request(told.file, t);
        break;
      case 'marks':
        this.#marked(told.count, true, t);
        break;
      case 'done':
        this.#done(told.bytes, t);
        break;
      case 'read':
        // Another line may have said it; where the request's own line was lost, this one tells of both.
        if (this.#running?.file !== told.file && this.#last === told.file) break;
        if (this.#running?.file !== told.file) this.#request(told.file, t);
        this.#done(told.bytes, t);
        break;
      case 'refused':
        this.#refused(told.code, told.why);
        break;
      case 'ended':
        this.#end(told.why, told.detail);
        break;
    }
  }

  /** The line of marks that runs: a slow link takes long for one. */
  tail({ talker, text }: Tail, t: number): void {
    if (talker === 'xen' || talker === 'linux' || this.#running === undefined) return;
    if (uBootText.marks.test(text)) this.#marked(countOf(text), false, t);
  }

  /** The board is about to be switched on. */
  powerOn(): void {
    this.#end('client-error', 'the board was switched off');
    this.#client = undefined;
  }

  #request(file: string, t: number): void {
    this.#end('client-error', `the board went on to ${file}`);
    this.#last = undefined;
    this.#running = { transfer: ++this.#number, file, since: t, told: t, marks: 0 };
    this.#report({ kind: 'request', transfer: this.#number, ...this.#whose(), file });
  }

  #marked(more: number, isWhole: boolean, t: number): void {
    const running = this.#running;
    if (running === undefined) return;
    const all = running.marks + more;
    if (isWhole) running.marks = all;
    if (t - running.told < betweenReports) return;
    running.told = t;
    const { transfer, file } = running;
    this.#report({ kind: 'progress', transfer, file, bytes: all * bytesOfMark });
  }

  #done(bytes: number, t: number): void {
    const running = this.#over();
    if (running === undefined) return;
    const { transfer, file, since } = running;
    this.#last = file;
    this.#report({ kind: 'done', transfer, file, bytes, milliseconds: Math.round(t - since) });
  }

  #refused(code: number, why: string): void {
    const running = this.#over();
    if (running === undefined) return;
    const { transfer, file } = running;
    this.#report({ kind: 'refused', transfer, ...this.#whose(), file, code, why });
  }

  #end(why: 'client-error' | 'timeout', detail: string): void {
    const running = this.#over();
    if (running === undefined) return;
    const { transfer, file } = running;
    this.#report({ kind: 'ended', transfer, file, bytes: running.marks * bytesOfMark, why, detail });
  }

  #over(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    return running;
  }

  #whose(): { readonly client?: string } {
    return this.#client === undefined ? {} : { client: this.#client };
  }
}

interface Running {
  readonly transfer: number;
  readonly file: string;
  readonly since: number;
  /** When something was told of it last. */
  told: number;
  /** In lines that have ended. */
  marks: number;
}

/** Milliseconds between two reports of progress, at least. */
const betweenReports = 1000;
/** U-Boot net/tftp.c, show_block_marker: a mark for ten blocks, of CONFIG_TFTP_BLOCKSIZE. */
const bytesOfMark = 10 * 1468;
const countOf = (text: string): number => text.split('#').length - 1;

/** Progress that one line reports of the running transfer. */
type Told =
  | { readonly tells: 'address'; readonly address: string }
  | { readonly tells: 'request'; readonly file: string }
  | { readonly tells: 'marks'; readonly count: number }
  | { readonly tells: 'done'; readonly bytes: number }
  | { readonly tells: 'read'; readonly file: string; readonly bytes: number }
  | { readonly tells: 'refused'; readonly code: number; readonly why: string }
  | { readonly tells: 'ended'; readonly why: 'client-error' | 'timeout'; readonly detail: string };

function toldBy(text: string): Told | undefined {
  for (const [pattern, told] of texts) {
    const match = pattern.exec(text);
    if (match !== null) return told(match[1] ?? '', match[2] ?? '');
  }
  return undefined;
}

const texts: readonly (readonly [RegExp, (first: string, second: string) => Told])[] = [
  [uBootText.ownAddress, address => ({ tells: 'address', address })],
  [uBootText.filename, file => ({ tells: 'request', file })],
  [uBootText.marks, text => ({ tells: 'marks', count: countOf(text) })],
  [uBootText.transferred, bytes => ({ tells: 'done', bytes: Number(bytes) })],
  [uBootText.tftpErrorOfNet, (why, code) => ({ tells: 'refused', code: Number(code), why })],
  [uBootText.tftpErrorOfLwip, (code, why) => ({ tells: 'refused', code: Number(code), why })],
  // It asks again from the start, which is another request.
  [uBootText.startsOver, detail => ({ tells: 'ended', why: 'client-error', detail })],
  [uBootText.interrupted, () => ({ tells: 'ended', why: 'client-error', detail: 'Ctrl-C' })],
  [eepromText.ownAddress, address => ({ tells: 'address', address })],
  [eepromText.requestedFile, file => ({ tells: 'request', file })],
  [eepromText.transferred, bytes => ({ tells: 'done', bytes: Number(bytes) })],
  [eepromText.read, (file, bytes) => ({ tells: 'read', file, bytes: Number(bytes) })],
  [eepromText.tftpError, (code, why) => ({ tells: 'refused', code: Number(code), why })],
  [eepromText.tftpTimeout, detail => ({ tells: 'ended', why: 'timeout', detail })],
  [eepromText.readFailed, detail => ({ tells: 'ended', why: 'client-error', detail })],
];
