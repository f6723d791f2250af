/** Dom0 of a virtual board: a busybox shell with xl, and the guests that it makes. */
import type { Platform } from '../model/platform.ts';
import type { CommandResult } from '../xen/xl.ts';
import { domainFiles, domainPrograms, kernelLog } from './domain-shell.ts';
import { GuestConsole } from './guest-console.ts';
import type { FileSystem } from './shell/file-system.ts';
import type { ProgramInput, ProgramResult, Shell } from './shell/shell.ts';
import { SshServer, type SshServerOptions } from './ssh-server.ts';
import { type Attachment, type Terminal, Vuart } from './vuart.ts';

export interface Dom0Options {
  readonly platform: Platform;
  /** What xl has printed since it was last asked. */
  readonly takeXlOutput: () => { readonly stdout: string; readonly stderr: string };
  /** All that Xen has printed, as `xl dmesg` shows it. */
  readonly xenLog: () => string;
  /** Files that are in Dom0's image. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly ssh: Pick<SshServerOptions, 'authorizedKey' | 'hostKey' | 'noSftp'>;
  /** Whose SSH servers take connections and say nothing. */
  readonly hangs: { readonly dom0: boolean; readonly guests: boolean };
  /** Called before `xl` does what it is told. */
  readonly onXl: () => void;
  /** Dom0 ends: the machine follows it. */
  readonly onEnd: (how: 'poweroff' | 'reboot') => void;
}

export class Dom0 implements Disposable {
  readonly shell: Shell;
  readonly server: SshServer;
  readonly #options: Dom0Options;
  readonly #files: FileSystem;
  readonly #guests = new Map<number, SshServer>();
  readonly #vuarts = new Map<number, Vuart>();
  readonly #shells = new Map<number, Shell>();
  readonly #consoles = new Map<number, GuestConsole>();

  constructor(options: Dom0Options) {
    this.#options = options;
    const view = options.platform.view('dom0');
    const files = domainFiles(view);
    for (const [path, bytes] of options.files) {
      files.makeDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
      files.write(path, bytes);
    }
    this.#files = files;
    this.shell = {
      files,
      programs: {
        ...domainPrograms(view),
        xl: input => this.#xl(input),
        poweroff: () => this.#end('poweroff'),
        reboot: () => this.#end('reboot'),
      },
    };
    this.server = new SshServer({
      ...options.ssh,
      neverAnswers: options.hangs.dom0,
      shell: this.shell,
      attach: (command, terminal) => this.#attach(command, terminal),
      reach: (host, port) => (port === 22 ? this.#guestAt(host) : undefined),
    });
  }

  [Symbol.dispose](): void {
    for (const server of this.#guests.values()) server.close();
    for (const console of this.#consoles.values()) console[Symbol.dispose]();
    this.server.close();
  }

  #xl(input: ProgramInput): ProgramResult | Promise<ProgramResult> {
    const [command, ...words] = input.arguments;
    const { platform, takeXlOutput, xenLog, onXl } = this.#options;
    onXl();
    const [operand = ''] = words.filter(word => !word.startsWith('-'));
    const done = ({ rc }: CommandResult): ProgramResult => {
      this.#closeDestroyed();
      return { status: rc, ...takeXlOutput() };
    };
    switch (command) {
      case 'create': {
        const config = this.shell.files.read(operand);
        if (config === undefined) {
          return {
            status: 1,
            stdout: '',
            stderr: `Failed to read config file: ${operand}: No such file or directory\n`,
          };
        }
        const text = new TextDecoder().decode(config);
        return done(platform.xlCreate(operand, text, this.#files.written()));
      }
      case 'destroy':
        return done(platform.xlDestroy(operand));
      case 'shutdown':
        return done(platform.xlShutdown(operand));
      case 'reboot':
        return done(platform.xlReboot(operand));
      case 'console':
        return this.#xlConsole(operand, input);
      case 'list':
        return { status: 0, stdout: `${platform.xlList().text}\n` };
      case 'dmesg':
        return { status: 0, stdout: xenLog() };
      default:
        return { status: 1, stdout: '', stderr: `xl: command not found: ${command ?? ''}\n` };
    }
  }

  async #xlConsole(name: string, { descriptors, signal }: ProgramInput): Promise<ProgramResult> {
    const domid = this.#options.platform.domains().findLast(each => each.name === name)?.domid;
    const console = domid === undefined ? undefined : this.#consoleOf(domid);
    if (console === undefined) {
      return { status: 1, stdout: '', stderr: `${name} is an invalid domain identifier (rc=-6)\n` };
    }
    const print = (text: string) => descriptors.output(new TextEncoder().encode(text));
    await console.attach(descriptors.input.fifo, print, signal);
    return { status: 0, stdout: '' };
  }

  #consoleOf(domid: number): GuestConsole | undefined {
    const shell = this.shellOf(domid);
    const view = this.#options.platform.view(String(domid));
    if (shell === undefined || view === undefined) return undefined;
    const console =
      this.#consoles.get(domid) ?? new GuestConsole(kernelLog(view).replaceAll('\n', '\r\n'), shell);
    this.#consoles.set(domid, console);
    return console;
  }

  /** `xl console -t vuart NAME`: the UART of a guest that runs the probe. */
  #attach(command: string, terminal: Terminal): Attachment | undefined {
    const [, name] = /^xl console -t vuart (\S+)$/.exec(command.trim()) ?? [];
    const domain = this.#options.platform.domains().findLast(each => each.name === name);
    return domain && this.#vuart(domain.domid)?.attach(terminal);
  }

  #vuart(domid: number): Vuart | undefined {
    const known = this.#vuarts.get(domid);
    const probe = known === undefined ? this.#options.platform.probe(String(domid)) : undefined;
    if (probe === undefined) return known;
    const vuart = new Vuart(probe);
    this.#vuarts.set(domid, vuart);
    return vuart;
  }

  #end(how: 'poweroff' | 'reboot'): ProgramResult {
    // The answer still leaves, as it does from a real Dom0 whose init works in the background.
    setImmediate(() => this.#options.onEnd(how));
    return { status: 0, stdout: '' };
  }

  #crash(guest: string): void {
    this.#options.platform.guestCrashes(guest);
    this.#closeDestroyed();
  }

  /** Connections to a guest end with it. */
  #closeDestroyed(): void {
    const running = this.#options.platform.domains().filter(({ state }) => state === 'running');
    const alive = new Set(running.map(({ domid }) => domid));
    for (const [domid, server] of this.#guests) {
      if (alive.has(domid)) continue;
      server.close();
      this.#guests.delete(domid);
    }
    for (const [domid, console] of this.#consoles) {
      if (alive.has(domid)) continue;
      console[Symbol.dispose]();
      this.#consoles.delete(domid);
    }
    for (const [domid, vuart] of this.#vuarts) {
      if (alive.has(domid)) continue;
      vuart.end();
      this.#vuarts.delete(domid);
    }
  }

  /** The SSH server of the guest that has an address; undefined where no such guest runs. */
  #guestAt(host: string): SshServer | undefined {
    const guest = this.#options.platform.domains().find(({ name }) => guestAddress(name) === host);
    if (guest === undefined) return undefined;
    let server = this.#guests.get(guest.domid);
    const shell = this.shellOf(guest.domid);
    if (server === undefined && shell !== undefined) {
      server = new SshServer({
        ...this.#options.ssh,
        neverAnswers: this.#options.hangs.guests,
        shell,
        reach: () => undefined,
      });
      this.#guests.set(guest.domid, server);
    }
    return server;
  }

  /** The shell in a domain, the same however it is reached; undefined where none came up. */
  shellOf(domid: number): Shell | undefined {
    if (domid === 0) return this.shell;
    const known = this.#shells.get(domid);
    if (known !== undefined) return known;
    const { platform } = this.#options;
    const view = platform.view(String(domid));
    const name = platform.domains().find(each => each.domid === domid)?.name;
    if (view === undefined || name === undefined) return undefined;
    const shell = {
      files: domainFiles(view, {
        '/proc/sysrq-trigger': bytes => {
          if (bytes[0] === 0x63) this.#crash(name);
        },
      }),
      programs: {
        ...domainPrograms(view),
        poweroff: () => ok(() => platform.guestPowersOff(name)),
        reboot: () => ok(() => platform.guestReboots(name)),
      },
    };
    this.#shells.set(domid, shell);
    return shell;
  }
}

/** The address of a guest on the network between Dom0 and its guests. */
export function guestAddress(name: string): string {
  return `guest-${name}.virtual`;
}

function ok(then: () => void): ProgramResult {
  setImmediate(then);
  return { status: 0, stdout: '' };
}
