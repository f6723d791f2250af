/**
 * The console of a guest, by Dom0's xenconsole: what it says goes to a file there, what is typed comes out of a named
 * pipe. So it needs no more of Dom0 than commands, however those get there, and nothing of it is seen on the board's
 * own console, where it would be taken for Dom0's. (`xl console` runs the same program, which then reads nothing that
 * does not come from a terminal: tools/console/client/main.c.)
 */
import { randomBytes } from 'node:crypto';
import type { ConsoleMark } from '../../verdict/console/expect.ts';
import { ConsoleReader } from '../../verdict/console/reader.ts';
import { DriverError } from '../../lab/drivers/driver-error.ts';
import { pause, type RunClock } from '../clock.ts';
import { xlDomid } from '../domain-commands.ts';
import { type DomainShell, printfPieces } from './framed-shell.ts';
import { spokenSince, type Terminal } from './terminal.ts';

export class GuestTerminal implements Terminal {
  readonly name: string;
  /** The ring of a console holds 1024 (xen/include/public/io/console.h). */
  readonly piece = 512;
  /** Each look at it is a command in Dom0. */
  readonly patience = 3;
  readonly #dom0: DomainShell;
  readonly #directory: string;
  readonly #clock: RunClock;
  readonly #reader = new ConsoleReader({
    sign: ({ name, text }) => {
      if (name === 'kernel-panic') this.#panic = text;
    },
  });
  /** The line in which its kernel gave up. */
  #panic: string | undefined;
  /** Bytes of its output that have been read. */
  #read = 0;
  #ended = false;

  /**
   * @param guest as the toolstack calls it
   * @throws DriverError where there is no such guest, or Dom0 has no place for its files
   */
  static async open(
    guest: string,
    dom0: DomainShell,
    clock: RunClock,
    signal: AbortSignal,
  ): Promise<GuestTerminal> {
    const client = await clientOf(guest, dom0, signal);
    const name = `.scmi-hil-${randomBytes(3).toString('hex')}`;
    for (const parent of ['/tmp', '/run', '/root']) {
      const directory = `${parent}/${name}`;
      const made = await dom0.exec(start(directory, client), { signal });
      if (made.status === 0) return new GuestTerminal(guest, dom0, directory, clock);
    }
    throw new DriverError(
      `open the console of ${guest}`,
      `no named pipe can be made in Dom0 (${dom0.name}; /tmp, /run, /root)`,
      'mount a tmpfs on /tmp in its image, and see that it has mkfifo',
    );
  }

  private constructor(guest: string, dom0: DomainShell, directory: string, clock: RunClock) {
    this.name = `the console of ${guest}`;
    this.#dom0 = dom0;
    this.#directory = directory;
    this.#clock = clock;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async write(text: string): Promise<void> {
    this.#requireOpen();
    for (const piece of printfPieces(new TextEncoder().encode(text), longestFormat)) {
      // Opened for both, a pipe that nobody reads any more does not hold the command up.
      await this.#inDom0(`printf '${piece.text}' 1<>${this.#directory}/in`);
    }
  }

  mark(): ConsoleMark {
    return this.#reader.mark();
  }

  since(mark: ConsoleMark): readonly string[] {
    return spokenSince(this.#reader, mark, 0);
  }

  async until<T>(seen: () => T | undefined, signal: AbortSignal): Promise<T> {
    for (;;) {
      const found = seen();
      if (found !== undefined) return found;
      signal.throwIfAborted();
      this.#requireOpen();
      if (!(await this.#look(signal))) await pause(this.#clock, betweenLooks, signal);
    }
  }

  /** xenconsole ends, and its files in Dom0 are taken away; best effort, where Dom0 is gone. */
  async close(): Promise<void> {
    const leave = this.#ended ? '' : `printf '\\035' 1<>${this.#directory}/in;`;
    await this.#inDom0(`${leave}rm -rf ${this.#directory}`).catch(() => undefined);
  }

  /** @returns whether something new was there */
  async #look(signal: AbortSignal): Promise<boolean> {
    const { status, stdout } = await this.#dom0.exec(
      `tail -c +${this.#read + 1} ${this.#directory}/out | head -c ${mostAtOnce};test -e ${this.#directory}/status`,
      { signal },
    );
    // A character may be there by half.
    const bytes = Buffer.from(stdout.replace(/\uFFFD+$/, ''));
    this.#read += bytes.length;
    this.#reader.feed(bytes, this.#clock.now());
    if (bytes.length === 0) this.#ended = status === 0;
    return bytes.length > 0;
  }

  async #inDom0(command: string): Promise<void> {
    await this.#dom0.exec(command, { signal: AbortSignal.timeout(oneCommand) });
  }

  #requireOpen(): void {
    if (this.#panic !== undefined) throw new GuestPanicked(this.name, this.#panic);
    if (!this.#ended) return;
    throw new DriverError(
      `type on ${this.name}`,
      `it has ended: ${this.#reader.lastLines(1)[0]?.text ?? 'xenconsole said nothing'}`,
      'see `xl list` in Dom0, and the log of the guest',
    );
  }
}

/** Its kernel does nothing more, so another login is not tried. */
export class GuestPanicked extends DriverError {
  constructor(console: string, line: string) {
    super(
      `talk to ${console}`,
      `"${line}"`,
      'see what its kernel says before: the log in `collected/` of the run',
    );
  }
}

/** The command that attaches to a guest's console. @throws DriverError where there is no such guest, or program */
async function clientOf(guest: string, dom0: DomainShell, signal: AbortSignal): Promise<string> {
  const { stdout, stderr } = await dom0.exec(
    `command -v xenconsole 2>/dev/null;ls ${places.join(' ')} 2>/dev/null;${xlDomid(guest)}`,
    { signal },
  );
  const said = stdout.split('\n');
  const program = said.find(line => line.startsWith('/'));
  const domid = said.find(line => /^\d+$/.test(line));
  if (program !== undefined && domid !== undefined) return `${program} --interactive ${domid}`;
  const attempt = `open the console of ${guest}`;
  if (domid !== undefined) {
    const why = `Dom0 has no xenconsole in its PATH, nor in ${places.join(', ')}`;
    throw new DriverError(
      attempt,
      why,
      'install the tools of Xen there (xen-utils), with their private programs',
    );
  }
  throw new DriverError(attempt, stderr.trim() || 'xl does not know it', 'see `xl list` in Dom0');
}

/** Where distributions and Xen's own Makefiles put the programs that xl runs. */
const places = ['/usr/lib*/xen*/bin', '/usr/libexec/xen*/bin', '/usr/local/lib*/xen*/bin'].map(
  directory => `${directory}/xenconsole`,
);

/** Goes on in the background: it is no child of the shell that a command runs in. */
function start(directory: string, client: string): string {
  const [input, output, status] = ['in', 'out', 'status'].map(file => `${directory}/${file}`);
  const console = `${client} <>${input} >${output} 2>&1;echo $? >${status}`;
  return `mkdir -p ${directory}&&mkfifo ${input}&&: >${output}||exit 1;sh -c '${console}' </dev/null >/dev/null 2>&1 &`;
}

const longestFormat = 1500;
const mostAtOnce = 8192;
const betweenLooks = 50;
const oneCommand = 20_000;
