/**
 * A Dom0 that is xen-troops' zephyr-dom0-xt: a shell on its console, whose `xu` (zephyr-xenlib,
 * xen-shell-cmd/src/xen_cmds.c) makes domains of configurations in its image. It has no network and no files.
 */
import type { Platform, PlatformDomain } from '../../model/predict/platform.ts';
import type { CommandResult } from '../../model/xl/xl.ts';
import type { Domains } from './domains.ts';
import { Fifo } from './shell/file-system.ts';
import type { Tty } from './shell/tty.ts';

export interface ZephyrParts {
  readonly platform: Pick<Platform, 'domains' | 'xlCreate' | 'xlDestroy'>;
  readonly domains: Pick<Domains, 'consoleOf' | 'closeEnded'>;
  /** Path of the guests' kernel, which is in its image. */
  readonly kernel: string;
  readonly kernelBytes: Uint8Array;
  /** Called before `xu` does what it is told. */
  readonly onXu: () => void;
}

/** Domains that meta-xt-prod-devel-rpi5 has configured in its image. */
const configurations = ['rpi_5_domd', 'rpi_5_domu', 'helloworld_xen-arm64', 'linux_pv_domu'];

export class Zephyr {
  readonly #parts: ZephyrParts;
  readonly #tty: Tty;
  #returned = 0;

  constructor(tty: Tty, parts: ZephyrParts) {
    this.#tty = tty;
    this.#parts = parts;
  }

  /** @throws the signal's reason */
  async run(signal: AbortSignal): Promise<never> {
    const { platform } = this.#parts;
    this.#print('*** Booting Zephyr OS build v3.6.0-virtual ***');
    this.#print(`I: dom0less: attached ${platform.domains().length - 1} domains`);
    this.#print('');
    for (;;) {
      const line = await this.#line(signal);
      const [command = '', ...words] = line.split(/\s+/).filter(word => word !== '');
      if (command === '') continue;
      if (command === 'retval') {
        this.#print(String(this.#returned));
        this.#returned = 0;
      } else this.#returned = await this.#do(command, words, signal);
    }
  }

  /** A line at the prompt: Ctrl-C gives it up (Zephyr subsys/shell/shell.c, METAKEYS). */
  async #line(signal: AbortSignal): Promise<string> {
    this.#tty.write(prompt);
    let line = '';
    for (;;) {
      const key = await this.#tty.key(signal);
      if (key === '\r' || key === '\n') {
        this.#tty.write('\r\n');
        return line;
      }
      if (key === '\x03') {
        this.#tty.write(`\r\n${prompt}`);
        line = '';
      } else if (key === '\x7f' || key === '\b') {
        if (line !== '') this.#tty.write('\b \b');
        line = line.slice(0, -1);
      } else if (key >= ' ') {
        line += key;
        this.#tty.write(key);
      }
    }
  }

  /** @returns 0 or a negative errno */
  async #do(command: string, words: readonly string[], signal: AbortSignal): Promise<number> {
    const [verb = '', operand = ''] = words;
    if (command === 'kernel' && verb === 'version') {
      this.#print('Zephyr version 3.6.0');
      return 0;
    }
    const act = command === 'xu' && Object.hasOwn(this.#xu, verb) ? this.#xu[verb] : undefined;
    if (act === undefined) {
      this.#print(`${command}: command not found`);
      return notExecutable;
    }
    this.#parts.onXu();
    return await act(operand, signal);
  }

  readonly #xu: Readonly<Record<string, (operand: string, signal: AbortSignal) => number | Promise<number>>> =
    {
      create: name => this.#create(name),
      destroy: operand => {
        const domain = this.#domain(operand);
        if (domain === undefined) return this.#invalid('Invalid domid passed to destroy cmd');
        return this.#told(domain, 'destroyed', this.#parts.platform.xlDestroy(String(domain.domid)));
      },
      list: () => {
        this.#print('Name                                        ID   Mem VCPUs\tState\tTime(s)');
        for (const { name, domid, state } of this.#parts.platform.domains()) {
          const flags = state === 'running' ? 'r----' : state === 'dying' ? '----d' : '-b---';
          this.#print(`${name.padEnd(40)} ${String(domid).padStart(5)}   128     1      ${flags}       0.1`);
        }
        return 0;
      },
      config_list: () => {
        configurations.forEach(name => this.#print(name));
        return 0;
      },
      console: (operand, signal) => this.#console(operand, signal),
    };

  #create(name: string): number {
    const { platform, kernel, kernelBytes } = this.#parts;
    if (!configurations.includes(name)) return this.#invalid(`Config ${name} not found`);
    const config = `name = "${name}"\nkernel = "${kernel}"\nmemory = 128\n`;
    const result = platform.xlCreate(`/${name}.cfg`, config, new Map([[kernel, kernelBytes]]));
    const domain = this.#domain(name);
    if (domain === undefined) return ioError;
    this.#print('I: rambase = 40000000, ramsize = 134217728');
    return this.#told(domain, 'created', result);
  }

  /** xen-console-srv/src/xen_console.c: until Ctrl-] comes alone, all keys are the domain's. */
  async #console(operand: string, signal: AbortSignal): Promise<number> {
    const domid = this.#domain(operand)?.domid;
    const console = domid === undefined ? undefined : this.#parts.domains.consoleOf(domid);
    if (console === undefined) return this.#invalid(`domid#${domid ?? 0} is not found`);
    this.#print('Attached to a domain console');
    const input = new Fifo();
    const detached = new AbortController();
    const either = AbortSignal.any([signal, detached.signal]);
    const pass = async () => {
      for (;;) input.write(Buffer.from(await this.#tty.key(either)));
    };
    await Promise.all([
      console.attach(input, text => this.#tty.write(text), signal).finally(() => detached.abort()),
      pass().catch(() => undefined),
    ]);
    signal.throwIfAborted();
    this.#print('Detached from console');
    return 0;
  }

  /** `<domid|name>`; Dom0 is none of them. */
  #domain(operand: string): PlatformDomain | undefined {
    return this.#parts.platform
      .domains()
      .findLast(({ domid, name }) => domid !== 0 && (name === operand || String(domid) === operand));
  }

  #told({ domid }: PlatformDomain, done: string, { rc }: CommandResult): number {
    this.#parts.domains.closeEnded();
    if (rc !== 0) {
      this.#print(`E: domain:${domid} cannot be ${done} (${ioError})`);
      return ioError;
    }
    this.#print(`domain:${domid} ${done}`);
    return 0;
  }

  #invalid(why: string): number {
    this.#print(why);
    return invalid;
  }

  #print(line: string): void {
    this.#tty.write(`${line}\r\n`);
  }
}

/** As Zephyr colours it (CONFIG_SHELL_VT100_COLORS). */
const prompt = '\x1b[1;32muart:~$ \x1b[m';
const invalid = -22;
const notExecutable = -8;
const ioError = -5;
