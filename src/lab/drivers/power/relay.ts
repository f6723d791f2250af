import { DriverError } from '../driver-error.ts';
import type { SerialConnection, SerialDriver } from '../serial/serial.ts';
import { abortable, cutShort } from '../abortable.ts';
import type { PowerDriver } from './power.ts';

export interface SerialRelay {
  /** Bytes that switch on, such as A0 01 01 A2 of an LCUS-1. */
  readonly on: Uint8Array;
  readonly off: Uint8Array;
  /** Bytes that ask (FF), and text that only the answer of each state contains. */
  readonly state?: { readonly ask: Uint8Array; readonly on: string; readonly off: string };
}

/** Characters of an answer that are looked at. */
const longest = 1000;

/** A relay on a serial port. The port is open only while it is used: boards may share a relay of several channels. */
export function powerRelay(port: SerialDriver, { on, off, state }: SerialRelay): PowerDriver {
  const name = `relay ${port.name}`;
  return {
    name,
    on: signal => write(port, on, signal),
    off: signal => write(port, off, signal),
    state: async signal => {
      if (state === undefined) {
        return 'unknown';
      }

      let said = '';
      let look: (() => void) | undefined;
      let lose: ((error: Error) => void) | undefined;
      await using line = await port.open(
        {
          data: bytes => {
            said = (said + Buffer.from(bytes).toString('latin1')).slice(-longest);
            look?.();
          },
          lost: error => lose?.(error),
        },
        signal,
      );
      const hint = 'see the relay; leave power.state out of the lab file where it has no answer';
      const answer = abortable<'on' | 'off'>(
        signal,
        () => cutShort(`ask for the power by ${name}`, `its answer, after "${said.trim()}"`, hint, signal),
        (resolve, reject) => {
          lose = reject;
          look = () => {
            const [isOn, isOff] = [said.includes(state.on), said.includes(state.off)];
            if (isOn !== isOff) {
              resolve(isOn ? 'on' : 'off');
            }
          };
          return () => {
            look = undefined;
          };
        },
      );
      const asked = line.write(state.ask);
      await Promise.all([answer, asked]);
      return answer;
    },
  };
}

async function write(port: SerialDriver, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  let lost: Error | undefined;
  await using line: SerialConnection = await port.open(
    {
      data: () => {},
      lost: error => {
        lost = error;
      },
    },
    signal,
  );
  await line.write(bytes);
  if (lost !== undefined) {
    throw new DriverError(`switch the relay at ${port.name}`, lost.message, 'see its cable', { cause: lost });
  }
}
