/** Dom0 of a virtual board: a busybox shell with xl, and the guests that it makes. */
import type { Platform } from '../../model/predict/platform.ts';
import type { CommandResult } from '../../model/xl/xl.ts';
import { domainFiles, domainPrograms } from './domain-shell.ts';
import { Domains } from './domains.ts';
import type { FileSystem } from './shell/file-system.ts';
import type { ProgramInput, ProgramResult, Shell } from './shell/shell.ts';
import { SshServer, type SshServerOptions } from './ssh-server.ts';
import { type Attachment, type Terminal, Vuart } from './vuart.ts';

export interface Dom0Options {
  readonly platform: Platform;
  /** Lines of xl since the last call. */
  readonly takeXlOutput: () => { readonly stdout: string; readonly stderr: string };
  /** All that Xen has printed, as `xl dmesg` shows it. */
  readonly xenLog: () => string;
  /** All that its kernel has said, as `dmesg` shows it. */
  readonly kernelLog: () => string;
  /** Files that are in Dom0's image. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly ssh: Pick<SshServerOptions, 'authorizedKey' | 'hostKey' | 'noSftp'>;
  /** Domains whose SSH servers take connections and do not answer. */
  readonly hangs: { readonly dom0: boolean; readonly guests: boolean };
  /** Called before `xl` does what it is told. */
  readonly onXl: () => void;
  /** Dom0 ends: the machine follows it. */
  readonly onEnd: (how: 'poweroff' | 'reboot') => void;
}

/** A program that xl runs, where Xen's own Makefiles put it. */
const xenconsole = '/usr/lib/xen/bin/xenconsole';

export class Dom0 implements Disposable {
  readonly shell: Shell;
  readonly server: SshServer;
  readonly #options: Dom0Options;
  readonly #files: FileSystem;
  readonly #domains: Domains;
  readonly #vuarts = new Map<number, Vuart>();

  constructor(options: Dom0Options) {
    this.#options = options;
    const { platform, ssh, hangs } = options;
    this.#domains = new Domains({ platform, ssh, hang: hangs.guests });
    const view = options.platform.view('dom0');
    const files = domainFiles(view);
    for (const [path, bytes] of options.files) {
      files.makeDirectory(path.slice(0, path.lastIndexOf('/')) || '/');
      files.write(path, bytes);
    }
    files.makeDirectory('/usr/lib/xen/bin');
    files.write(xenconsole, new Uint8Array());
    this.#files = files;
    this.shell = {
      files,
      programs: {
        ...domainPrograms(view, options.kernelLog),
        xl: input => this.#xl(input),
        [xenconsole]: input => this.#xenconsole(input),
        poweroff: () => this.#end('poweroff'),
        reboot: () => this.#end('reboot'),
      },
    };
    this.server = new SshServer({
      ...options.ssh,
      neverAnswers: options.hangs.dom0,
      shell: this.shell,
      attach: (command, terminal) => this.#attach(command, terminal),
      reach: (host, port) => (port === 22 ? this.#domains.serverAt(host) : undefined),
    });
  }

  [Symbol.dispose](): void {
    this.#domains[Symbol.dispose]();
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
      case 'domid': {
        const domid = this.#domains.named(operand);
        if (domid !== undefined) return { status: 0, stdout: `${domid}\n` };
        return { status: 1, stdout: '', stderr: `${operand} is an invalid domain identifier (rc=-6)\n` };
      }
      case 'list':
        return { status: 0, stdout: `${platform.xlList().text}\n` };
      case 'vcpu-list':
        return { status: 0, stdout: vcpuList };
      case 'dmesg':
        return { status: 0, stdout: xenLog() };
      default:
        return { status: 1, stdout: '', stderr: `xl: command not found: ${command ?? ''}\n` };
    }
  }

  /** `xenconsole --interactive DOMID`: without the option it reads nothing but a terminal. */
  async #xenconsole({ arguments: words, descriptors, signal }: ProgramInput): Promise<ProgramResult> {
    const domid = Number(words.at(-1));
    const console = this.#domains.consoleOf(domid);
    if (console === undefined) {
      const stderr = 'xenconsole: Could not read tty from store: No such file or directory\n';
      return { status: 2, stdout: '', stderr };
    }
    const input = words.includes('--interactive') ? descriptors.input.fifo : undefined;
    const print = (text: string) => descriptors.output(new TextEncoder().encode(text));
    await console.attach(input, print, signal);
    return { status: 0, stdout: '' };
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

  /** Connections to a guest end with it. */
  #closeDestroyed(): void {
    this.#domains.closeEnded();
    const alive = this.#domains.alive();
    for (const [domid, vuart] of this.#vuarts) {
      if (alive.has(domid)) continue;
      vuart.end();
      this.#vuarts.delete(domid);
    }
  }

  /** The shell in a domain, the same however it is reached; undefined where none came up. */
  shellOf(domid: number): Shell | undefined {
    return domid === 0 ? this.shell : this.#domains.shellOf(domid);
  }
}

/** Of Dom0 (tools/xl/xl_vcpu.c, print_vcpuinfo). */
const vcpuList =
  'Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\n' +
  'Domain-0                             0     0    0   r--       3.1  all / all\n';
