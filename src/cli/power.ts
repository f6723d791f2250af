/** `scmi-hil power`: a board's supply, by hand. */
import { abilitiesOf } from '../lab/abilities.ts';
import { Argument } from 'commander';
import { type WiredBoard, wiredBoardOf } from '../lab/load-lab.ts';
import { openWires } from '../lab/open.ts';
import { DriverError } from '../lab/drivers/driver-error.ts';
import { type AddCommand, type CliProcess, exitCode } from './command.ts';
import { hold } from './hold.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption, warnOfWrong } from './lab-option.ts';
import { pause, within } from './signals.ts';

const actions = ['on', 'off', 'cycle', 'state'] as const;
type Action = (typeof actions)[number];

interface PowerOptions extends LabOption {
  readonly json?: boolean;
}

/** Milliseconds without supply in a cycle: regulators and capacitors of these boards are empty by then. */
const offTime = 2000;
/** Milliseconds between two questions for the state. */
const interval = 250;

export const addPower: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('power'))
    .description('Switches the supply of a board of the lab, or asks for its state.')
    .argument('<board>', 'name of the board')
    .addArgument(new Argument('<action>', 'what to do').choices(actions))
    .option('--json', 'print JSON')
    .action(async (name: string, action: Action, options: PowerOptions) => {
      const lab = labOf(options, process, [name]);
      const entry = wiredBoardOf(lab, name);
      warnOfWrong(lab, name, process);
      const state = await switchPower(entry, action, process);
      process.stdout.write(
        options.json === true ? `${JSON.stringify({ board: name, action, state })}\n` : `${name}: ${state}\n`,
      );
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['power rpi5-01 cycle', 'off, 2 s, on'],
      ['power rpi5-01 state --json', 'for a script'],
    ],
    exits: {
      met: 'switched',
      usage: commonExits.usage,
      infrastructure: 'the switch failed, or somebody else holds the board',
      interrupted: commonExits.interrupted,
    },
  });
};

/** @returns what the switch says afterwards; what it was told to where it cannot tell */
async function switchPower(entry: WiredBoard, action: Action, process: CliProcess): Promise<string> {
  if (!abilitiesOf(entry).outlivesCommands) {
    process.stderr.write(`${entry.name} is virtual: it exists only while this command runs\n`);
  }
  await using stack = new AsyncDisposableStack();
  const wires = stack.use(await openWires(entry));
  const { power } = wires;
  const { powerOn, powerOff, command: asking } = entry.type.deadlines;
  if (action === 'state') return power.state(within(asking, process.signal));
  stack.use(await hold(entry, `scmi-hil power ${entry.name} ${action}`));
  const turn = async (to: 'on' | 'off') => {
    const deadline = to === 'on' ? powerOn : powerOff;
    const signal = within(deadline, process.signal);
    await (to === 'on' ? power.on(signal) : power.off(signal));
    return confirmed(entry.name, {
      to,
      deadline,
      signal,
      ask: () => power.state(within(asking, process.signal)),
    });
  };
  if (action !== 'cycle') return turn(action);
  await turn('off');
  await pause(offTime, process.signal);
  return turn('on');
}

interface Turned {
  readonly to: 'on' | 'off';
  /** Milliseconds, for the error. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** Asks the switch for its state, under a deadline of its own: the last answer is what the error says. */
  readonly ask: () => Promise<string>;
}

/**
 * Waits until the switch says what it was told: the state of many follows a moment later.
 * @throws DriverError where it does not until the deadline
 */
async function confirmed(board: string, { to, deadline, signal, ask }: Turned): Promise<string> {
  for (;;) {
    const state = await ask();
    if (state === to) return state;
    if (state === 'unknown') return `switched ${to}`;
    try {
      await pause(interval, signal);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error;
      throw new DriverError(
        `power ${to} ${board}`,
        `after ${deadline / 1000} s the switch still says that it is ${state}`,
        'see the switch: its relay, its protections, a timer or rule of its own',
        { cause: error },
      );
    }
  }
}
