/** A board's switch: it answers; and where it is asked for, it switches. */
import { setTimeout as delay } from 'node:timers/promises';
import { openWires } from '../lab/open.ts';
import type { PowerDriver } from '../lab/drivers/power/power.ts';
import type { Check, Circumstances, PhysicalBoard } from './check.ts';
import { brokenLab, ok, type Said, warning } from './finding.ts';

type State = 'on' | 'off' | 'unknown';

/** Milliseconds for an answer. */
const asking = 10_000;

export interface PowerCheck {
  readonly check: Check;
  /** The state that the switch reports; `unknown` also if it does not answer. */
  readonly state: Promise<State>;
}

export function powerCheck(
  board: PhysicalBoard,
  { isAttended }: Pick<Circumstances, 'isAttended'>,
): PowerCheck {
  const { promise: state, resolve } = Promise.withResolvers<State>();
  const look = async (signal: AbortSignal): Promise<Said[]> => {
    await using wires = await openWires(board);
    const { power } = wires;
    if (board.setup.power.kind === 'ask') return [byHand(isAttended)];
    const answer = await power.state(signal);
    resolve(answer);
    if (answer !== 'unknown') return [ok(`${power.name}: says ${answer}`)];
    return [
      warning(
        `${power.name}: cannot say its state, so that switching is believed`,
        `scmi-hil doctor ${board.name} --switch proves it by the console${stateField[board.setup.power.kind] ?? ''}`,
      ),
    ];
  };
  return {
    check: {
      name: 'power',
      deadline: asking,
      look: signal => look(signal).finally(() => resolve('unknown')),
    },
    state,
  };
}

/** Kinds of switches that can be told how to ask. */
const stateField: Readonly<Record<string, string>> = {
  command: '; power.state is a command that prints on or off',
  http: '; power.state is a request that tells it',
  relay: '; power.state asks relays that answer',
};

function byHand(isAttended: boolean): Said {
  return isAttended
    ? ok('by hand: somebody at this terminal switches')
    : brokenLab(
        'by hand, and nobody is there: this is no terminal, or CI',
        'give the board a switch, or run at a terminal',
      );
}

/** Switches off, on and off; the switch's own word is proof, else the console's. */
export function switchingCheck(board: PhysicalBoard): Check {
  const { powerOff, powerOn, firstOutput } = board.type.deadlines;
  return {
    name: 'power',
    deadline: 2 * powerOff + powerOn + firstOutput + 3 * asking,
    look: async signal => {
      await using wires = await openWires(board);
      const { power, serial } = wires;
      let bytes = 0;
      const spoke = new AbortController();
      const events = {
        data: (piece: Uint8Array) => {
          bytes += piece.length;
          spoke.abort();
        },
        lost: () => undefined,
      };
      await using _ = await serial.open(events, signal);
      await using off = new AsyncDisposableStack();
      off.defer(() => power.off(AbortSignal.timeout(powerOff)));
      const before = await turned(power, 'off', powerOff, signal);
      bytes = 0;
      const during = await turned(power, 'on', powerOn, signal);
      if (bytes === 0) await waitFor(spoke.signal, firstOutput, signal);
      await off.disposeAsync();
      const after = await stateOf(power, signal);
      return [switchedWords(power.name, [before, during, after], bytes > 0)];
    },
  };
}

async function turned(
  power: PowerDriver,
  to: 'on' | 'off',
  within: number,
  signal: AbortSignal,
): Promise<State> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(within)]);
  await (to === 'on' ? power.on(patience) : power.off(patience));
  return stateOf(power, signal);
}

function stateOf(power: PowerDriver, signal: AbortSignal): Promise<State> {
  return power.state(AbortSignal.any([signal, AbortSignal.timeout(asking)]));
}

async function waitFor(spoke: AbortSignal, milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: AbortSignal.any([spoke, signal]) }).catch(() => undefined);
  signal.throwIfAborted();
}

function switchedWords(name: string, said: readonly State[], spoke: boolean): Said {
  const isKnown = said.every(state => state !== 'unknown');
  const isRight = said.join() === 'off,on,off';
  const talk = spoke ? 'the console spoke' : 'the console stayed silent';
  if (isKnown && !isRight) {
    return brokenLab(
      `${name}: switched off, on and off, it says ${said.join(', ')}; ${talk}`,
      'see that it is the right outlet; a switch that answers before it has switched needs time',
    );
  }
  if (isKnown) return ok(`${name}: switches (${said.join()}); ${talk}`);
  if (spoke) return ok(`${name}: switches, by the console: the board spoke when it was on`);
  return brokenLab(
    `${name}: cannot say its state, and the console stayed silent when it was on`,
    "see the outlet and the console: one of them is not this board's",
  );
}
