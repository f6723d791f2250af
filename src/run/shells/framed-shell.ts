/**
 * Commands over a console, with the interface of an SSH session: exit status, output and error output, each whole
 * or an error. The command and its input go to files in pieces, each checked; its outputs come back from files
 * in pieces, each checked and asked for again where something else was written into it. So every line that is
 * typed may be repeated, and the command itself runs once.
 */
import { messageOf } from '../../config/text.ts';
import { createHash, randomBytes } from 'node:crypto';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import type { SshResult, SshSession } from '../../lab/drivers/ssh/ssh.ts';
import { longestLine, type LineAnswer, type ShellLine } from './shell-line.ts';
import type { Terminal } from './terminal.ts';

/** A domain's shell as steps need it, over any transport. */
export interface DomainShell {
  /** For people: `root@192.168.1.2:22`, `the serial console`. */
  readonly name: string;
  /** Commands there can be read on a console, and are recorded with it. */
  readonly isSeen?: boolean;
  /**
   * Runs one command.
   * @returns exit status and output; what breaks first is an error, never a status
   */
  exec(
    command: string,
    options: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
  ): Promise<SshResult>;
  /** Writes a file; absent: there is no better way than a command that does. */
  readonly put?: SshSession['put'];
  close(): Promise<void>;
}

/** @param line a shell that `consoleLogin` has made fit */
export async function framedShell(
  terminal: Terminal,
  line: ShellLine,
  signal: AbortSignal,
): Promise<DomainShell> {
  const directory = await workingDirectory(terminal, line, signal);
  const { status } = await line.ask('echo|base64 >/dev/null 2>&1', signal);
  return new FramedShell(terminal, line, directory, status === 0 ? base64 : hexadecimal);
}

class FramedShell implements DomainShell {
  readonly name: string;
  readonly isSeen = true;
  readonly #terminal: Terminal;
  readonly #line: ShellLine;
  readonly #at: (file: string) => string;
  readonly #encoding: Encoding;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(terminal: Terminal, line: ShellLine, directory: string, encoding: Encoding) {
    this.name = terminal.name;
    this.#terminal = terminal;
    this.#line = line;
    this.#at = file => `${directory}/${file}`;
    this.#encoding = encoding;
  }

  exec(
    command: string,
    { stdin, signal }: { readonly stdin?: Uint8Array; readonly signal: AbortSignal },
  ): Promise<SshResult> {
    // There is one keyboard.
    const result = this.#turn.then(async () => {
      signal.throwIfAborted();
      try {
        return await this.#exec(command, stdin, signal);
      } catch (error) {
        await this.#line.interrupt().catch(() => undefined);
        throw signal.aborted || error instanceof DriverError ? error : this.#failure(command, error);
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Removes its files from the domain, if the domain is still there. */
  async close(): Promise<void> {
    await this.#turn;
    const patience = AbortSignal.timeout(farewell);
    await this.#line.ask(`rm -rf ${this.#at('')}`, patience).catch(() => undefined);
  }

  async #exec(command: string, stdin: Uint8Array | undefined, signal: AbortSignal): Promise<SshResult> {
    await this.#terminal.ready(signal);
    await this.#put('c', new TextEncoder().encode(`${command}\n`), signal);
    if (stdin !== undefined) await this.#put('i', stdin, signal);
    const [script, output, errors, status] = ['c', 'o', 'e', 's'].map(this.#at);
    await this.#line.ask(`rm -f ${output} ${errors} ${status}`, signal, succeeded);
    const input = stdin === undefined ? '/dev/null' : this.#at('i');
    const sizes = `wc -c <${output};wc -c <${errors};cat ${status}`;
    await this.#line.run(
      `sh ${script} <${input} >${output} 2>${errors};echo $? >${status}`,
      `cat ${status} 2>/dev/null`,
      ({ lines }) => numbersIn(lines).length > 0,
      signal,
    );
    const told = await this.#line.ask(sizes, signal, ({ lines }) => numbersIn(lines).length === 3);
    const [outputSize = 0, errorSize = 0, code = 0] = numbersIn(told.lines);
    return {
      status: code,
      stdout: await this.#get('o', outputSize, command, signal),
      stderr: await this.#get('e', errorSize, command, signal),
    };
  }

  async #put(file: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const path = this.#at(file);
    const pieces = printfPieces(bytes, longestLine - 100 - 2 * path.length);
    const only = pieces.length === 1;
    for (const [index, { text, sum }] of pieces.entries()) {
      const part = only ? path : `${path}.${String(index).padStart(5, '0')}`;
      await this.#line.ask(`printf '${text}' >${part};sha256sum <${part}`, signal, hasSum(sum));
    }
    if (only) return;
    const whole = `cat ${path}.* >${path};sha256sum <${path}`;
    await this.#line.ask(whole, signal, hasSum(sha256(bytes)));
    await this.#line.ask(`rm -f ${path}.*`, signal, succeeded);
  }

  async #get(file: string, size: number, command: string, signal: AbortSignal): Promise<string> {
    if (size > mostOutput) {
      throw new DriverError(
        `run "${command}" on ${this.name}`,
        `it printed ${size} bytes, and a console is slow: ${mostOutput} are the most`,
        'let it print less, or into a file',
      );
    }
    const { command: encode, decode } = this.#encoding;
    const [path, part] = [this.#at(file), this.#at('p')];
    const pieces: Uint8Array[] = [];
    for (let index = 0; index * pieceSize < size; index++) {
      const read = `dd if=${path} bs=${pieceSize} skip=${index} count=1 2>/dev/null >${part}`;
      const isWhole = ({ lines }: LineAnswer) => hasSum(sha256(decode(lines)))({ lines });
      const { lines } = await this.#line.ask(
        `${read};sha256sum <${part};${encode} <${part}`,
        signal,
        isWhole,
      );
      pieces.push(decode(lines));
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  #failure(command: string, error: unknown): DriverError {
    return new DriverError(
      `run "${command}" on ${this.name}`,
      messageOf(error),
      'see what else writes to that console, and whether it loses input (charactersPerSecond in the lab file)',
      { cause: error },
    );
  }
}

/** How bytes are printed so that they survive a terminal, and are told from other lines. */
interface Encoding {
  readonly command: string;
  readonly decode: (lines: readonly string[]) => Uint8Array;
}

const base64: Encoding = {
  command: 'base64',
  decode: lines => Buffer.from(lines.filter(line => /^[A-Za-z0-9+/]+=*$/.test(line)).join(''), 'base64'),
};

/** Where busybox was built without base64. */
const hexadecimal: Encoding = {
  command: 'od -An -v -tx1',
  decode: lines =>
    Buffer.from(
      lines
        .filter(line => /^( [0-9a-f]{2})+ *$/.test(line))
        .join('')
        .replaceAll(' ', ''),
      'hex',
    ),
};

/** Milliseconds that a domain gets to clean up. */
const farewell = 1000;
/** Bytes of an output that are asked for at once. */
const pieceSize = 3072;
/** At 115200 baud a minute and a half. */
const mostOutput = 1024 * 1024;

async function workingDirectory(terminal: Terminal, line: ShellLine, signal: AbortSignal): Promise<string> {
  const name = `.scmi-hil-${randomBytes(3).toString('hex')}`;
  for (const parent of ['/tmp', '/run', '/dev/shm', '/root']) {
    const directory = `${parent}/${name}`;
    const { status } = await line.ask(`mkdir -p ${directory} 2>/dev/null&&: >${directory}/c`, signal);
    if (status === 0) return directory;
  }
  throw new DriverError(
    `run commands on ${terminal.name}`,
    'no directory there can be written to (/tmp, /run, /dev/shm, /root)',
    'mount a tmpfs on /tmp in that image',
  );
}

interface Piece {
  /** Between single quotes, as the format of printf. */
  readonly text: string;
  readonly sum: string;
}

/** Bytes as formats for printf, each of limited length in characters. */
export function printfPieces(bytes: Uint8Array, longest: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let text = '';
  let begin = 0;
  bytes.forEach((byte, index) => {
    const escaped = printfEscape(byte, text);
    if (text.length + escaped.length > longest) {
      pieces.push({ text, sum: sha256(bytes.subarray(begin, index)) });
      text = '';
      begin = index;
    }
    text += escaped;
  });
  pieces.push({ text, sum: sha256(bytes.subarray(begin)) });
  return pieces;
}

/**
 * `%` and `\` mean something to printf, `'` to the shell, `!` to shells with a history. Brackets and doubled blanks
 * are what other talkers' lines are known by on a shared console.
 */
function printfEscape(byte: number, before: string): string {
  const character = String.fromCharCode(byte);
  const plain = character === ' ' ? !before.endsWith(' ') : /[\w./:@+=,<>|&;)\]{}"*?~^#$-]/.test(character);
  return plain ? character : `\\${byte.toString(8).padStart(3, '0')}`;
}

function succeeded({ status }: LineAnswer): boolean {
  return status === 0;
}

function hasSum(sum: string): (answer: Pick<LineAnswer, 'lines'>) => boolean {
  return ({ lines }) => lines.some(line => line.startsWith(`${sum} `));
}

function numbersIn(lines: readonly string[]): number[] {
  return lines.filter(line => /^\s*\d+\s*$/.test(line)).map(Number);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
