/** Dom0 of a virtual board: a busybox shell with xl, and the guests that it makes. */
import type { LinuxView } from '../linux/view.ts';
import type { Platform } from '../model/platform.ts';
import type { CommandResult } from '../xen/xl.ts';
import { FileSystem } from './shell/file-system.ts';
import { programs } from './shell/programs.ts';
import type { Program, ProgramInput, ProgramResult, Shell } from './shell/shell.ts';
import { SshServer, type SshServerOptions } from './ssh-server.ts';

export interface Dom0Options {
  readonly platform: Platform;
  /** What xl has printed since it was last asked. */
  readonly takeXlOutput: () => { readonly stdout: string; readonly stderr: string };
  /** All that Xen has printed, as `xl dmesg` shows it. */
  readonly xenLog: () => string;
  /** Files that are in Dom0's image. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly ssh: Pick<SshServerOptions, 'authorizedKey' | 'hostKey'>;
  /** Whose SSH servers take connections and say nothing. */
  readonly hangs: { readonly dom0: boolean; readonly guests: boolean };
  /** Called before `xl` does what it is told. */
  readonly onXl: () => void;
  /** Dom0 ends: the machine follows it. */
  readonly onEnd: (how: 'poweroff' | 'reboot') => void;
}

/** Files that only root of Dom0 puts there: not the kernel's. */
const noFiles = { read: () => undefined, list: () => undefined };

export class Dom0 implements Disposable {
  readonly shell: Shell;
  readonly server: SshServer;
  readonly #options: Dom0Options;
  readonly #files: FileSystem;
  readonly #guests = new Map<number, SshServer>();

  constructor(options: Dom0Options) {
    this.#options = options;
    const view = options.platform.view('dom0');
    const files = new FileSystem(view ?? noFiles);
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
      attach: command => this.#vuart(command),
      reach: (host, port) => (port === 22 ? this.#guestAt(host) : undefined),
    });
  }

  [Symbol.dispose](): void {
    for (const server of this.#guests.values()) server.close();
    this.server.close();
  }

  #xl({ arguments: [command, ...words] }: ProgramInput): ProgramResult {
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
      case 'list':
        return { status: 0, stdout: `${platform.xlList().text}\n` };
      case 'dmesg':
        return { status: 0, stdout: xenLog() };
      default:
        return { status: 1, stdout: '', stderr: `xl: command not found: ${command ?? ''}\n` };
    }
  }

  /** `xl console -t vuart NAME`: the UART of a guest that runs the probe. */
  #vuart(command: string): ((line: string) => string) | undefined {
    const [, name] = /^xl console -t vuart (\S+)$/.exec(command.trim()) ?? [];
    const probe = name === undefined ? undefined : this.#options.platform.probe(name);
    return probe && (line => probe.line(line));
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
  #closeDestroyed(): void {
    const running = this.#options.platform.domains().filter(({ state }) => state === 'running');
    const alive = new Set(running.map(({ domid }) => domid));
    for (const [domid, server] of this.#guests) {
      if (alive.has(domid)) continue;
      server.close();
      this.#guests.delete(domid);
    }
  }

  /** The SSH server of the guest that has an address; undefined where no such guest runs. */
  #guestAt(host: string): SshServer | undefined {
    const guest = this.#options.platform.domains().find(({ name }) => guestAddress(name) === host);
    const view = guest && this.#options.platform.view(String(guest.domid));
    if (guest === undefined || view === undefined) return undefined;
    let server = this.#guests.get(guest.domid);
    if (server === undefined) {
      const { platform } = this.#options;
      server = new SshServer({
        ...this.#options.ssh,
        neverAnswers: this.#options.hangs.guests,
        shell: {
          files: new FileSystem(view, {
            '/proc/sysrq-trigger': bytes => {
              if (bytes[0] === 0x63) this.#crash(guest.name);
            },
          }),
          programs: {
            ...domainPrograms(view),
            poweroff: () => ok(() => platform.guestPowersOff(guest.name)),
            reboot: () => ok(() => platform.guestReboots(guest.name)),
          },
        },
        reach: () => undefined,
      });
      this.#guests.set(guest.domid, server);
    }
    return server;
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

export function domainPrograms(view: LinuxView | undefined): Readonly<Record<string, Program>> {
  return {
    ...programs,
    uname: ({ arguments: words }) => ({
      status: 0,
      stdout: `${uname(words, view?.kernel.version.release)}\n`,
    }),
    dmesg: () => ({
      status: 0,
      stdout: (view?.dmesg() ?? []).map((line, index) => `[${stamp(index)}] ${line}\n`).join(''),
    }),
  };
}

/** `uname` with its options for all, the machine, or the kernel's release. */
function uname(words: readonly string[], release = 'unknown'): string {
  if (words.includes('-a')) return `Linux virtual ${release} #1 SMP aarch64 GNU/Linux`;
  if (words.includes('-m')) return 'aarch64';
  return words.includes('-r') ? release : 'Linux';
}

function stamp(index: number): string {
  return (index * 0.007).toFixed(6).padStart(12);
}
