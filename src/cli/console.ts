/** `scmi-hil console`: a board's serial line at this terminal. */
import { abilitiesOf } from '../lab/abilities.ts';
import { type WiredBoard, wiredBoardOf } from '../lab/load-lab.ts';
import { openWires, type Wires } from '../lab/open.ts';
import type { SerialConnection, SerialDriver } from '../lab/drivers/serial/serial.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { durationOf } from './duration.ts';
import { watchConsole } from './console-watch.ts';
import { hold } from './hold.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption, warnOfWrong } from './lab-option.ts';
import { within } from './signals.ts';

interface ConsoleOptions extends LabOption {
  readonly powerCycle?: boolean;
  readonly watch?: boolean;
  /** One of the board's UARTs beside the console. */
  readonly uart?: string;
  /** Milliseconds. */
  readonly for?: number;
}

/** Ctrl-], as in telnet. */
const leave = 0x1d;
/** Milliseconds to open the line. */
const openDeadline = 10_000;
/** Milliseconds that the board may still talk after standard input has ended, where that is no terminal. */
const lastWords = 500;

export const addConsole: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('console <board>'))
    .description(
      'Connects this terminal to the serial console of a board. Ctrl-] leaves; Ctrl-C goes to the board.',
    )
    .option('--uart <name>', 'a UART of the board other than its console')
    .option('--watch', 'read along while runs use the board; nothing is sent to it')
    .option('--power-cycle', 'power the board off and on first, to see it boot')
    .option(
      '--for <duration>',
      'leave after this time (60s, 5m), also when standard input has ended',
      durationOf('--for'),
    )
    .action(async (name: string, options: ConsoleOptions) => {
      const lab = labOf(options, process, [name]);
      const entry = wiredBoardOf(lab, name);
      warnOfWrong(lab, name, process);
      if (options.watch === true) await watch(entry, options, process);
      else await connect(entry, options, process);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['console rpi5-01', 'type to the board; Ctrl-] leaves'],
      ['console qemu-virt --uart secure --power-cycle', 'what its firmware says'],
      ['console virtual-v4h', 'a virtual board is powered on for it'],
      ['console rpi5-01 --power-cycle --for 60s </dev/null | tee boot.log', 'only listen'],
      ['console rpi5-01 --watch', 'while a run of anybody goes on'],
    ],
    exits: {
      met: 'left with Ctrl-], or the end of standard input',
      usage: commonExits.usage,
      infrastructure: 'the line is gone, or somebody else holds the board',
      interrupted: commonExits.interrupted,
    },
  });
};

/** @throws UsageError for options that touch the board */
async function watch(entry: WiredBoard, options: ConsoleOptions, process: CliProcess): Promise<void> {
  if (options.powerCycle === true) {
    throw new UsageError('--watch and --power-cycle contradict each other', 'leave one of them out');
  }
  const end = options.for === undefined ? undefined : AbortSignal.timeout(options.for);
  const signals = [process.signal, end].filter(signal => signal !== undefined);
  try {
    await watchConsole(entry, options.uart, process, AbortSignal.any(signals));
  } catch (error) {
    if (end?.aborted !== true || process.signal.aborted) throw error;
  }
}

async function connect(entry: WiredBoard, options: ConsoleOptions, process: CliProcess): Promise<void> {
  const { signal, stderr } = process;
  await using stack = new AsyncDisposableStack();
  stack.use(await hold(entry, `scmi-hil console ${entry.name}`));
  const wires = stack.use(await openWires(entry));
  const session = Promise.withResolvers<void>();
  const serial = lineOf(wires, entry.name, options.uart);
  await using connection = await openLine(serial, process, error => session.reject(error));
  stderr.write(`${serial.name}; Ctrl-] leaves\n`);
  if (options.powerCycle === true || !abilitiesOf(entry).outlivesCommands) {
    await wires.power.off(within(entry.type.deadlines.powerOff, signal));
    await wires.power.on(within(entry.type.deadlines.powerOn, signal));
  }
  const interrupted = () => session.reject(signal.reason);
  const timer = options.for === undefined ? undefined : setTimeout(session.resolve, options.for);
  signal.addEventListener('abort', interrupted, { once: true });
  const restore = forwardInput(process, connection, session, options.for !== undefined);
  try {
    signal.throwIfAborted();
    await session.promise;
  } finally {
    signal.removeEventListener('abort', interrupted);
    clearTimeout(timer);
    restore();
  }
}

/** @throws UsageError that names the UARTs that there are */
function lineOf({ serial, uarts = new Map() }: Wires, board: string, name: string | undefined): SerialDriver {
  if (name === undefined) return serial;
  const uart = uarts.get(name);
  if (uart !== undefined) return uart.serial;
  const names = [...uarts.keys()];
  throw new UsageError(
    `${board} has no UART ${name}`,
    names.length === 0
      ? `name it in boards.${board}.uarts of the lab file`
      : `beside its console it has ${names.join(', ')}`,
  );
}

function openLine(
  serial: SerialDriver,
  { stdout, signal }: CliProcess,
  lost: (error: Error) => void,
): Promise<SerialConnection> {
  const events = { data: (bytes: Uint8Array) => void stdout.write(bytes), lost };
  return serial.open(events, within(openDeadline, signal));
}

/** Sends what is typed. @returns what gives the terminal back as it was */
function forwardInput(
  { stdin }: CliProcess,
  connection: SerialConnection,
  session: PromiseWithResolvers<void>,
  staysAfterEnd: boolean,
): () => void {
  const terminal = asTerminal(stdin);
  let sent = Promise.resolve();
  const send = (bytes: Uint8Array) => {
    sent = sent.then(() => connection.write(bytes));
    sent.catch(session.reject);
  };
  const typed = (chunk: Buffer | string) => {
    const bytes = Buffer.from(chunk);
    const end = bytes.indexOf(leave);
    if (end !== 0) send(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0) sent.then(session.resolve, session.reject);
  };
  const ended = () => {
    if (!staysAfterEnd) setTimeout(() => void sent.then(session.resolve, session.reject), lastWords);
  };
  terminal?.setRawMode(true);
  stdin.on('data', typed);
  stdin.on('end', ended);
  stdin.resume();
  return () => {
    stdin.off('data', typed);
    stdin.off('end', ended);
    stdin.pause();
    terminal?.setRawMode(false);
  };
}

interface RawTerminal {
  setRawMode(raw: boolean): unknown;
}

function asTerminal(stream: NodeJS.ReadableStream): RawTerminal | undefined {
  const isTerminal = 'isTTY' in stream && stream.isTTY === true && 'setRawMode' in stream;
  return isTerminal ? (stream as NodeJS.ReadableStream & RawTerminal) : undefined;
}
