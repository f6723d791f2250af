/** The domains of a virtual machine beside Dom0, as they are reached: their shells, SSH servers and consoles. */
import type { Platform } from '../../model/predict/platform.ts';
import { domainFiles, domainPrograms, kernelLog } from './domain-shell.ts';
import { GuestConsole } from './guest-console.ts';
import type { ProgramResult, Shell } from './shell/shell.ts';
import { SshServer, type SshServerOptions } from './ssh-server.ts';

export interface DomainsOptions {
  readonly platform: Platform;
  readonly ssh: Pick<SshServerOptions, 'authorizedKey' | 'hostKey' | 'noSftp'>;
  /** Their SSH servers take connections and say nothing. */
  readonly hang: boolean;
}

export class Domains implements Disposable {
  readonly #options: DomainsOptions;
  readonly #servers = new Map<number, SshServer>();
  readonly #shells = new Map<number, Shell>();
  readonly #consoles = new Map<number, GuestConsole>();

  constructor(options: DomainsOptions) {
    this.#options = options;
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers.values()) server.close();
    for (const console of this.#consoles.values()) console[Symbol.dispose]();
  }

  /** Ids of those that run. */
  alive(): ReadonlySet<number> {
    const running = this.#options.platform.domains().filter(({ state }) => state === 'running');
    return new Set(running.map(({ domid }) => domid));
  }

  /** Connections to a domain end with it. */
  closeEnded(): void {
    const alive = this.alive();
    for (const [domid, server] of this.#servers) {
      if (alive.has(domid)) continue;
      server.close();
      this.#servers.delete(domid);
    }
    for (const [domid, console] of this.#consoles) {
      if (alive.has(domid)) continue;
      console[Symbol.dispose]();
      this.#consoles.delete(domid);
    }
  }

  /** The id of the domain that has a name; undefined where none has. */
  named(name: string): number | undefined {
    return this.#options.platform.domains().findLast(each => each.name === name)?.domid;
  }

  /** The SSH server of the domain that has an address; undefined where no such domain runs. */
  serverAt(host: string): SshServer | undefined {
    const guest = this.#options.platform.domains().find(({ name }) => guestAddress(name) === host);
    return guest && this.serverOf(guest.domid);
  }

  /** @param reach where a connection ends that goes through it; absent: nowhere */
  serverOf(domid: number, reach: SshServerOptions['reach'] = () => undefined): SshServer | undefined {
    const known = this.#servers.get(domid);
    const shell = this.shellOf(domid);
    if (known !== undefined || shell === undefined) return known;
    const server = new SshServer({
      ...this.#options.ssh,
      neverAnswers: this.#options.hang,
      shell,
      reach,
    });
    this.#servers.set(domid, server);
    return server;
  }

  /** Terminal that the toolstack's `console` attaches to; undefined if no shell came up. */
  consoleOf(domid: number): GuestConsole | undefined {
    const shell = this.shellOf(domid);
    const view = this.#options.platform.view(String(domid));
    if (shell === undefined || view === undefined) return undefined;
    const console =
      this.#consoles.get(domid) ?? new GuestConsole(kernelLog(view).replaceAll('\n', '\r\n'), shell);
    this.#consoles.set(domid, console);
    return console;
  }

  /** The shell in a domain, the same however it is reached; undefined where none came up. */
  shellOf(domid: number): Shell | undefined {
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

  #crash(guest: string): void {
    this.#options.platform.guestCrashes(guest);
    this.closeEnded();
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
