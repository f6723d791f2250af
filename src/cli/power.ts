/** `scmi-hil power`: a board's supply, by hand. */
import { Argument } from 'commander';
import { type BoardEntry, boardOf, isVirtual } from '../lab/load-lab.ts';
import { openWires } from '../lab/open.ts';
import type { PowerDriver } from '../lab/drivers/power/power.ts';
import { type AddCommand, type CliProcess, exitCode } from './command.ts';
import { hold } from './hold.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';
import { pause, within } from './signals.ts';

const actions = ['on', 'off', 'cycle', 'state'] as const;
type Action = (typeof actions)[number];

interface PowerOptions extends LabOption {
  readonly json?: boolean;
}

/** Milliseconds without supply in a cycle: regulators and capacitors of these boards are empty by then. */
const offTime = 2000;

export const addPower: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('power'))
    .description('Switches the supply of a board of the lab, or asks for its state.')
    .argument('<board>', 'name of the board')
    .addArgument(new Argument('<action>', 'what to do').choices(actions))
    .option('--json', 'print JSON')
    .action(async (name: string, action: Action, options: PowerOptions) => {
      const entry = boardOf(labOf(options, process), name);
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
async function switchPower(entry: BoardEntry, action: Action, process: CliProcess): Promise<string> {
  if (isVirtual(entry.setup)) {
    process.stderr.write(`${entry.name} is virtual: it exists only while this command runs\n`);
  }
  await using stack = new AsyncDisposableStack();
  const wires = stack.use(await openWires(entry));
  const { power } = wires;
  const { powerOn, powerOff, command: asking } = entry.type.deadlines;
  const ask = () => power.state(within(asking, process.signal));
  if (action === 'state') return ask();
  stack.use(await hold(entry.name, `scmi-hil power ${entry.name} ${action}`, process));
  const turn = (to: 'on' | 'off') =>
    turnPower(power, to, within(to === 'on' ? powerOn : powerOff, process.signal));
  if (action === 'cycle') {
    await turn('off');
    await pause(offTime, process.signal);
  }
  await turn(action === 'cycle' ? 'on' : action);
  const state = await ask();
  return state === 'unknown' ? `switched ${action === 'cycle' ? 'on' : action}` : state;
}

function turnPower(power: PowerDriver, to: 'on' | 'off', signal: AbortSignal): Promise<void> {
  return to === 'on' ? power.on(signal) : power.off(signal);
}
