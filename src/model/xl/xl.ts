/**
 * The commands of xl that scenarios use (tools/xl/xl_vmcontrol.c, xl_info.c): what they print, in order,
 * and their exit codes. Time does not pass here: a command that waits is done when it returns.
 */
import { escaped } from '../../config/text.ts';
import type { DeviceTree } from '../dt/tree.ts';
import type { ConsoleLine, Observer, Reason } from '../trace/observation.ts';
import type { Domctl } from '../xen/domctl.ts';
import { Libxl, type LibxlDomain, libxlError } from './libxl.ts';
import type { parseArmSci } from './xl-arm-sci.ts';
import { parseXlConfig } from './xl-config.ts';
import { readDomainConfig, type ShutdownAction, type XlDomainConfig } from './xl-domain-config.ts';

export interface ToolstackOptions {
  readonly domctl: Domctl;
  /** Content of a file in Dom0; undefined where there is none. */
  readonly files: (path: string) => Uint8Array | undefined;
  readonly observer: Observer;
  /**
   * Runs the kernel of a domain that has just been unpaused; says whether it lives. Of one that panicked
   * Xen learns nothing, but it no longer does what xl asks of it.
   */
  readonly start: (domain: StartedDomain) => 'running' | 'panicked' | void;
  /** Xen's version, for the guest's tree; `4.22` where absent. */
  readonly version?: string;
  /** Reader of `arm_sci`; `parseArmSci` by default. */
  readonly armSci?: typeof parseArmSci;
}

export interface StartedDomain {
  readonly domid: number;
  readonly name: string;
  readonly tree: DeviceTree;
  /** Path of its kernel in Dom0, and MiB; absent for a domain that Xen built by itself. */
  readonly kernel?: string;
  readonly memory?: number;
}

/** A command's exit code, and the domain that is there afterwards. */
export interface CommandResult {
  readonly rc: number;
  readonly domid?: number;
}

/** Output of a command whose numbers vary. */
export interface Listing {
  readonly text: string;
  /** Regular expression, anchored at both ends, for the whole output without its last newline. */
  readonly pattern: string;
}

export class Toolstack {
  readonly #options: ToolstackOptions;
  readonly #libxl: Libxl;
  /** While the daemon that watches a domain works: what it prints goes to its log, not to the terminal. */
  #inDaemon = false;

  constructor(options: ToolstackOptions) {
    this.#options = options;
    const observer: Observer = { console: line => this.#print(line), message: () => {} };
    const { domctl, files, version } = options;
    this.#libxl = new Libxl({ domctl, files, observer, ...(version === undefined ? {} : { version }) });
  }

  /** Domains beside Dom0, by rising id. */
  get domains(): readonly LibxlDomain[] {
    return this.#libxl.domains;
  }

  /**
   * `xl create PATH`.
   *
   * @param path path of the configuration in Dom0, as it is given to xl
   * @param text its content
   */
  create(path: string, text: string): CommandResult {
    this.#say(`Parsing config from ${path}`, {
      rule: 'xl.create',
      because: 'a domain is created',
      place: path,
    });
    const config = this.#read(path, text);
    return typeof config === 'number' ? { rc: config } : this.#createDomain(config);
  }

  /** `xl destroy NAME`. */
  destroy(nameOrId: string): CommandResult {
    const domid = this.#find(nameOrId);
    if (domid === undefined) return { rc: 1 };
    const reason: Reason = { rule: 'xl.destroy', because: `domain ${nameOrId} is destroyed` };
    if (domid === 0) {
      this.#say('Not destroying domain 0; use -f to force.', reason);
      this.#say('This can only be done when using a disaggregated hardware domain and toolstack.', reason);
      return { rc: 1 };
    }
    const rc = this.#libxl.destroy(domid, reason);
    if (rc === 0) return { rc: 0 };
    this.#say(`destroy failed (rc=${rc})`, reason);
    return { rc: 1 };
  }

  /** `xl shutdown -w NAME`. */
  shutdown(nameOrId: string): CommandResult {
    const domid = this.#find(nameOrId);
    if (domid === undefined) return { rc: 1 };
    const domain = this.#domain(domid);
    const reason: Reason = { rule: 'xl.shutdown', because: `domain ${nameOrId} is shut down` };
    this.#say(`Shutting down domain ${domid}`, reason);
    const refused = this.#requestControl(domain, reason);
    if (domain === undefined || refused !== 0) {
      this.#say(`shutdown failed (rc=${refused})`, whyNotReached(domain, reason));
      return { rc: 1 };
    }
    this.#say('Waiting for 1 domains', reason);
    const ended = `Domain ${domid} has been shut down, reason code 0`;
    this.#say(ended, reason, `Domain ${domid} has been (?:shut down, reason code 0|destroyed)`);
    return { rc: 0, ...this.#afterShutdown(domain, domain.config.onPoweroff) };
  }

  /** `xl reboot NAME`; what follows happens in the daemon that watches the domain. */
  reboot(nameOrId: string): CommandResult {
    const domid = this.#find(nameOrId);
    if (domid === undefined) return { rc: 1 };
    const domain = this.#domain(domid);
    const reason: Reason = { rule: 'xl.reboot', because: `domain ${nameOrId} is rebooted` };
    this.#say(`Rebooting domain ${domid}`, reason);
    const refused = this.#requestControl(domain, reason);
    if (domain === undefined || refused !== 0) {
      this.#say(`reboot failed (rc=${refused})`, whyNotReached(domain, reason));
      return { rc: 1 };
    }
    return { rc: 0, ...this.#afterShutdown(domain, domain.config.onReboot) };
  }

  /** A guest powers itself off. */
  guestPowersOff(name: string): CommandResult {
    return this.#ends(name, config => config.onPoweroff);
  }

  /** A guest reboots itself. */
  guestReboots(name: string): CommandResult {
    return this.#ends(name, config => config.onReboot);
  }

  /**
   * A guest's Linux panics: on Arm it tells Xen nothing of it, so on_crash never comes to pass. The domain
   * stays, holds its channel, and can only be destroyed.
   */
  guestCrashes(name: string): CommandResult {
    const domain = this.#named(name);
    if (domain === undefined) return { rc: 1 };
    domain.state = 'hung';
    return { rc: 0, domid: domain.domid };
  }

  /** `xl list`; of Dom0's line only the name and the id are predicted. */
  list(): Listing {
    const dom0 = { name: 'Domain-0', domid: 0, memory: 512, vcpus: 1, state: 'r-----' };
    const guests = this.domains.map(({ name, domid, config, state }) => {
      const { maxmem: memory, vcpus } = config;
      return { name: name ?? '(null)', domid, memory, vcpus, state: stateColumns[state].text };
    });
    const text = [listHeader, ...[dom0, ...guests].map(row)].join('\n');
    const rows = this.domains.map(({ name, domid, config: { maxmem: memory, vcpus }, state }) => {
      const columns = [escaped(name ?? '(null)'), domid, memory, vcpus, stateColumns[state].pattern];
      return `${columns.join('\\s+')}\\s+\\d+\\.\\d\\s*`;
    });
    const first = 'Name\\s+ID\\s+Mem\\s+VCPUs\\s+State\\s+Time\\(s\\)\\s+';
    const pattern = `${first}Domain-0\\s+0\\s+\\d+\\s+\\d+\\s+${anyState}\\s+\\d+\\.\\d\\s*${rows.join('')}`;
    return { text, pattern };
  }

  /** libxl__domain_pvcontrol: 0 or libxl's error number. */
  #requestControl(domain: LibxlDomain | undefined, reason: Reason): number {
    if (domain?.state === 'running') return 0;
    if (domain?.state !== 'hung') return libxlError.fail;
    this.#libxl.controlTimedOut(whyNotReached(domain, reason));
    return libxlError.timedOut;
  }

  /** The configuration, or the status with which xl exits instead. */
  #read(path: string, text: string): XlDomainConfig | number {
    const { config, errors } = parseXlConfig(text, path);
    if (errors.length > 0) {
      const reason: Reason = {
        rule: 'xl.config.syntax',
        because: 'xl cannot read the configuration',
        place: path,
      };
      for (const error of errors) this.#say(error, reason);
      this.#say('Failed to parse config: Invalid argument', reason);
      return 1;
    }
    const { domain, status, complaints } = readDomainConfig(
      config,
      this.#options.version,
      this.#options.armSci,
    );
    for (const { text: complaint, ...reason } of complaints) this.#say(complaint, reason);
    return domain ?? status;
  }

  #createDomain(config: XlDomainConfig): CommandResult {
    if (!autoballoonOff.test(this.#options.domctl.commandLine) && !this.#libxl.freeMemory(config)) {
      const because = 'memory for the domain is to be taken from Dom0, and that fails';
      const reason: Reason = { rule: 'xl.create.memory', because, place: config.placeOf('memory') };
      this.#say('failed to free memory for the domain', reason);
      return { rc: -libxlError.fail };
    }
    const created = this.#libxl.create(config);
    if ('name' in created) {
      const { domid, tree } = created;
      const { name, maxmem: memory, kernel } = config;
      const started = { domid, name, memory, ...(kernel === undefined ? {} : { kernel }) };
      const outcome = tree === null ? 'panicked' : this.#options.start({ ...started, tree });
      if (outcome === 'panicked') created.state = 'hung';
      return { rc: 0, domid };
    }
    if (created.domid !== undefined) {
      const because = 'xl destroys the domain that could not be built, which libxl has done already';
      this.#libxl.destroy(created.domid, {
        rule: 'xl.create.clean-up',
        because,
        place: config.placeOf('name'),
      });
    }
    return { rc: -created.rc };
  }

  #ends(name: string, actionOf: (config: XlDomainConfig) => ShutdownAction): CommandResult {
    const domain = this.#named(name);
    if (domain === undefined || domain.state !== 'running') return { rc: 1 };
    return { rc: 0, ...this.#afterShutdown(domain, actionOf(domain.config)) };
  }

  /** handle_domain_death of xl's daemon: a destruction that fails is not noticed there. */
  #afterShutdown(domain: LibxlDomain, action: ShutdownAction): { readonly domid?: number } {
    domain.state = 'shut down';
    if (action === 'preserve' || action === 'soft-reset') return { domid: domain.domid };
    return this.#daemon(() => {
      const { config, domid } = domain;
      if (action === 'rename-restart') domain.name = `${config.name}-preserved`;
      else this.#libxl.destroy(domid, { rule: 'xl.on-shutdown', because: `domain ${config.name} has ended` });
      if (!restarts.has(action)) return {};
      const { domid: next } = this.#createDomain(config);
      return next === undefined ? {} : { domid: next };
    });
  }

  #daemon<Result>(work: () => Result): Result {
    this.#inDaemon = true;
    try {
      return work();
    } finally {
      this.#inDaemon = false;
    }
  }

  /** A domain by name or number; a number is taken without asking whether there is such a domain. */
  #find(nameOrId: string): number | undefined {
    if (/^[0-9]+$/.test(nameOrId)) return Number(nameOrId);
    if (nameOrId === 'Domain-0') return 0;
    const domain = this.#named(nameOrId);
    if (domain !== undefined) return domain.domid;
    const reason: Reason = { rule: 'xl.no-such-domain', because: `there is no domain ${nameOrId}` };
    this.#say(`${nameOrId} is an invalid domain identifier (rc=${libxlError.invalid})`, reason);
    return undefined;
  }

  #named(name: string): LibxlDomain | undefined {
    return this.domains.find(each => each.name === name);
  }

  #domain(domid: number): LibxlDomain | undefined {
    return this.domains.find(each => each.domid === domid);
  }

  #say(text: string, reason: Reason, pattern?: string): void {
    this.#print({ source: 'xl', text, reason, ...(pattern === undefined ? {} : { pattern }) });
  }

  #print(line: ConsoleLine): void {
    if (!this.#inDaemon) this.#options.observer.console(line);
  }
}

function whyNotReached(domain: LibxlDomain | undefined, reason: Reason): Reason {
  if (domain?.state !== 'hung') return reason;
  return {
    ...reason,
    because: `nothing in ${domain.config.name} watches the XenStore for such requests, and xl gives up after a minute`,
  };
}

/** auto_autoballoon() of tools/xl/xl.c: xl leaves Dom0 its memory where Xen's command line says how much it is. */
const autoballoonOff =
  /(?:^| )dom0_mem=(?:(?:min:|max:)?(?:-?[0-9]+[bkmgt]?|(?:-?[0-9]+[bkmgt]?\+)?[0-9]{1,2}%),?)+(?:$| )/i;

const restarts: ReadonlySet<ShutdownAction> = new Set(['restart', 'rename-restart', 'coredump-restart']);

const listHeader = 'Name                                        ID   Mem VCPUs\tState\tTime(s)';
const anyState = '[r-][b-][p-][s-][-rscwS?][d-]';

const stateColumns: Readonly<
  Record<LibxlDomain['state'], { readonly text: string; readonly pattern: string }>
> = {
  running: { text: '-b----', pattern: '[r-][b-]----' },
  'shut down': { text: '---s--', pattern: '[r-][b-][p-]s[-r]-' },
  hung: { text: 'r-----', pattern: '[r-][b-]----' },
  undead: { text: '--p---', pattern: '--p---' },
};

interface Row {
  readonly name: string;
  readonly domid: number;
  readonly memory: number;
  readonly vcpus: number;
  readonly state: string;
}

function row({ name, domid, memory, vcpus, state }: Row): string {
  const [id, size, cpus] = [domid, memory, vcpus].map(each => String(each).padStart(5));
  return `${name.padEnd(40)} ${id} ${size} ${cpus}     ${state}  ${'0.0'.padStart(8)}`;
}
