/** A board of drivers that do what a test says: a line in memory, a file server without a network, an SSH by table. */
import { toolstackProbes } from '../../src/run/toolstack-check.ts';
import type { BoardType } from '../../src/board/board-type.ts';
import { loadBoardType } from '../../src/board/board-types.ts';
import type { OpenBoard } from '../../src/lab/open-board.ts';
import type { SerialDriver, SerialEvents } from '../../src/lab/drivers/serial/serial.ts';
import type { SshResult, SshSession } from '../../src/lab/drivers/ssh/ssh.ts';
import type { TftpBoard, TftpEvent } from '../../src/lab/drivers/tftp/tftp.ts';

/** Behaviour of a test's firmware from power on; it ends when the power goes. */
export type Life = (wires: Wires) => Promise<void>;

/** The board's side of the drivers. */
export class Wires {
  readonly #board: ScriptedBoard;
  readonly signal: AbortSignal;

  constructor(board: ScriptedBoard, signal: AbortSignal) {
    this.#board = board;
    this.signal = signal;
  }

  print(text: string): void {
    if (!this.signal.aborted) this.#board.print(text);
  }

  line(text = ''): void {
    this.print(`${text}\r\n`);
  }

  /** Echoes what is typed until Enter; Ctrl-C gives an empty line. */
  async readLine(): Promise<string> {
    let line = '';
    for (;;) {
      const key = await this.#board.key(this.signal);
      if (key === '\r') break;
      if (key === '\u0003') {
        this.line('<INTERRUPT>');
        return '';
      }
      line += key;
      this.print(key);
    }
    this.line();
    return line;
  }

  key(): Promise<string> {
    return this.#board.key(this.signal);
  }

  /** Fetches a file whole, and tells the server's listeners so. @returns its size; undefined where refused */
  fetch(file: string): number | undefined {
    return this.#board.fetch(file);
  }

  tftp(event: TftpEvent): void {
    this.#board.served?.onEvent(event);
  }

  /** Never comes back, until the power goes. */
  hang(): Promise<never> {
    return new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason as Error), { once: true });
    });
  }
}

export interface ScriptedOptions {
  readonly type: BoardType;
  readonly life: Life;
  /** Answers of a domain's shell; undefined: the command never ends. */
  readonly shell?: (domain: string, command: string, stdin?: Uint8Array) => Partial<SshResult> | undefined;
  /** Answer of xl before the first step; by default a list with Dom0. */
  readonly xl?: (command: string) => Partial<SshResult>;
  /** Domains that answer SSH. */
  readonly reachable?: (domain: string) => boolean;
  /** Behaviour of the switch instead of switching. */
  readonly switch?: (to: 'on' | 'off', signal: AbortSignal) => Promise<void>;
  readonly open?: () => Promise<void>;
}

export class ScriptedBoard implements OpenBoard {
  readonly name = 'scripted-01';
  readonly virtual = false;
  readonly type: BoardType;
  readonly network = { address: '192.0.2.2', server: '192.0.2.1', prefixes: [] };
  readonly images = new Map([
    ['xen', new Uint8Array(300)],
    ['kernel', new Uint8Array(500)],
    ['ramdisk', new Uint8Array(70)],
    ['armstub', new Uint8Array(20)],
  ]);
  readonly dom0 = {
    host: 'dom0',
    port: 22,
    user: 'root',
    identity: { kind: 'password' as const, password: 'secret' },
  };
  /** All that was done to the board, in order. */
  readonly log: string[] = [];
  served: TftpBoard | undefined;
  isOn = false;
  sessions = 0;
  readonly #options: ScriptedOptions;
  #line: SerialEvents | undefined;
  #supply: AbortController | undefined;
  #life: Promise<void> = Promise.resolve();
  readonly #keys: string[] = [];
  #wanting: ((key: string) => void) | undefined;
  #transfers = 0;

  constructor(options: ScriptedOptions) {
    this.#options = options;
    this.type = options.type;
  }

  readonly power = {
    name: 'scripted switch',
    on: async (signal: AbortSignal) => {
      this.log.push('power on');
      await this.#options.switch?.('on', signal);
      this.isOn = true;
      this.#supply = new AbortController();
      this.#keys.length = 0;
      this.#life = this.#options.life(new Wires(this, this.#supply.signal)).catch(() => undefined);
    },
    off: async (signal: AbortSignal) => {
      this.log.push('power off');
      await this.#options.switch?.('off', signal);
      this.isOn = false;
      this.#supply?.abort(new Error('the power went'));
      await this.#life;
    },
    state: async () => (this.isOn ? ('on' as const) : ('off' as const)),
  };

  readonly serial: SerialDriver = {
    name: 'a line in memory',
    open: async events => {
      await this.#options.open?.();
      this.log.push('serial open');
      this.#line = events;
      const close = async () => {
        if (this.#line !== undefined) this.log.push('serial closed');
        this.#line = undefined;
      };
      return {
        write: async bytes => {
          for (const key of new TextDecoder().decode(bytes)) this.#press(key);
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };

  readonly tftp = {
    address: '192.0.2.1',
    port: 69,
    observes: true,
    serve: async (board: TftpBoard) => {
      this.log.push('serve');
      this.served = board;
      return {
        [Symbol.asyncDispose]: async () => {
          if (this.served === undefined) return;
          this.log.push('serve no more');
          this.served = undefined;
        },
      };
    },
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };

  readonly ssh = {
    connect: async ({ host }: { host: string }) => {
      if (this.#options.reachable?.(host) === false) throw new Error(`${host} does not answer`);
      if (!this.isOn) throw new Error('no power, no SSH');
      this.sessions++;
      return this.#session(host);
    },
  };

  guest(name: string) {
    return { ...this.dom0, host: name };
  }

  print(text: string): void {
    this.#line?.data(new TextEncoder().encode(text));
  }

  /** The adapter is pulled out. */
  unplug(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.lost(new Error('the adapter was unplugged'));
  }

  key(signal: AbortSignal): Promise<string> {
    const waiting = this.#keys.shift();
    if (waiting !== undefined) return Promise.resolve(waiting);
    return new Promise((resolve, reject) => {
      this.#wanting = resolve;
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  fetch(file: string): number | undefined {
    const source = this.served?.files.get(file);
    if (typeof source !== 'object') return undefined;
    const transfer = ++this.#transfers;
    const bytes = source.length;
    const told = this.served?.onEvent;
    told?.({ kind: 'request', transfer, client: '192.0.2.2', file, options: {} });
    told?.({ kind: 'progress', transfer, file, bytes, size: bytes });
    told?.({ kind: 'done', transfer, file, bytes, blocks: 1, resent: 0, milliseconds: 1 });
    return bytes;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #press(key: string): void {
    const wanting = this.#wanting;
    this.#wanting = undefined;
    if (wanting === undefined) this.#keys.push(key);
    else wanting(key);
  }

  #session(domain: string): SshSession {
    let open = true;
    const close = async () => {
      if (open) this.sessions--;
      open = false;
    };
    return {
      name: domain,
      hostKey: 'SHA256:none',
      exec: async (text, { stdin, signal }) => {
        const { command, framed } = frameOf(text);
        const parts = partsOf(command);
        if (parts.length === 0) return framed(await this.#answer(domain, command, stdin, signal));
        const whole = { status: 0, stdout: '', stderr: '' };
        for (const part of parts) {
          const { stdout, stderr } = part.framed(await this.#answer(domain, part.command, stdin, signal));
          whole.stdout += stdout;
          whole.stderr += stderr;
        }
        return framed(whole);
      },
      put: async (path, bytes) => {
        this.log.push(`${domain} has ${path}: ${bytes.length} bytes`);
        return 'sftp';
      },
      shell: () => Promise.reject(new Error('no shell')),
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  #answer(
    domain: string,
    command: string,
    stdin: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<SshResult> {
    if ((toolstackProbes as readonly string[]).includes(command)) {
      const listed = { status: 0, stdout: 'Domain-0 0 0 512 2 r----- 3.1\n', stderr: '' };
      return Promise.resolve({ ...listed, ...this.#options.xl?.(command) });
    }
    this.log.push(`${domain}$ ${command}`);
    const answer = this.#options.shell?.(domain, command, stdin);
    if (answer !== undefined) return Promise.resolve({ status: 0, stdout: '', stderr: '', ...answer });
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }
}

interface Frame {
  readonly command: string;
  readonly framed: (result: SshResult) => SshResult;
}

/** A framed command as a shell runs it: what it is, and what is printed around its outputs. */
export function frameOf(text: string): Frame {
  const [, tag = '', quoted = ''] = /^echo "<"([0-9a-f]+);.* sh -c '(.*)';echo ">".*$/s.exec(text) ?? [];
  if (tag === '') throw new Error(`no framed command: ${text}`);
  return frame(tag, quoted);
}

/** The commands of a text that runs several as one; none where it is one command. */
function partsOf(text: string): Frame[] {
  const parts = text.matchAll(
    /echo "<"([0-9a-f]+);echo "<"\1 >&2;sh -c '((?:[^']|'\\'')*)';echo ">"\1 \$\?;echo ">"\1 >&2/g,
  );
  return [...parts].map(([, tag = '', quoted = '']) => frame(tag, quoted));
}

function frame(tag: string, quoted: string): Frame {
  return {
    command: quoted.replaceAll(String.raw`'\''`, "'"),
    framed: ({ status, stdout, stderr }) => ({
      status: 0,
      stdout: `<${tag}\n${stdout}>${tag} ${status}\n`,
      stderr: `<${tag}\n${stderr}>${tag}\n`,
    }),
  };
}

/** A shipped board type with deadlines that a test can wait for. */
export function quickType(name: string, deadlines: Partial<BoardType['deadlines']> = {}): BoardType {
  const type = loadBoardType(name);
  const quick = Object.fromEntries(Object.keys(type.deadlines).map(key => [key, 3000]));
  return { ...type, deadlines: { ...type.deadlines, ...quick, ...deadlines } };
}

/** U-Boot as far as a deployment needs it; `answer` replaces what a command says. */
export function uBootLife(
  then: (wires: Wires) => Promise<void>,
  answer: (command: string, wires: Wires) => Promise<string> | string | undefined = () => undefined,
): Life {
  return async wires => {
    wires.line('NOTICE:  BL31: v2.7(release):v2.7');
    wires.line('U-Boot 2023.04 (Apr 01 2023)');
    wires.print('Hit any key to stop autoboot:  2');
    await wires.key();
    wires.line('\b\b\b 0 ');
    for (;;) {
      wires.print('=> ');
      const command = await wires.readLine();
      const other = await answer(command, wires);
      if (other !== undefined) {
        if (other !== '') wires.line(other);
      } else if (command.startsWith('tftpboot ')) {
        const bytes = wires.fetch(command.split(' ')[2] ?? '');
        wires.line(
          bytes === undefined
            ? "TFTP error: 'File not found' (1)"
            : `Loading: #\r\ndone\r\nBytes transferred = ${bytes} (${bytes.toString(16)} hex)`,
        );
      } else if (command.startsWith('booti ')) {
        wires.line('Starting kernel ...');
        return then(wires);
      }
    }
  };
}

/** Xen to Dom0's prompt. */
export function xenLife(then: (wires: Wires) => Promise<void> = wires => wires.hang()) {
  return async (wires: Wires): Promise<void> => {
    wires.line();
    wires.line('(XEN) Xen version 4.22-unstable (@) (aarch64-linux-gnu-gcc) debug=y 2026-11-21');
    wires.line('(XEN) *** LOADING DOMAIN 0 ***');
    wires.line('(XEN) Freed 400kB init memory.');
    wires.print('[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]\r\r\n');
    wires.print('\r\r\nboard login: ');
    await then(wires);
  };
}
