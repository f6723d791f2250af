/** The power switch as the machines turn it: every word to it and from it is recorded. */
import { messageOf } from '../config/text.ts';
import { fromPromise } from 'xstate';
import { power, type PowerState } from '../../machines/power.ts';
import type { RunParts } from './run-parts.ts';

export function providedPower({ options, console, uarts, watched }: RunParts) {
  const { board, recorder } = options;
  const record = (action: 'on' | 'off' | 'confirmed' | 'failed', detail?: string) =>
    recorder.record('power', { kind: 'power', data: { action, ...(detail !== undefined && { detail }) } });
  let told: 'on' | 'off' | undefined;
  return power.provide({
    actors: {
      switchPower: fromPromise<void, { to: 'on' | 'off' }>(({ input, signal }) =>
        watched.work(async () => {
          told = input.to;
          if (input.to === 'on') {
            console.powerOn();
            uarts.powerOn();
          }
          record(input.to, board.power.name);
          try {
            await board.power[input.to](signal);
          } catch (error) {
            record('failed', messageOf(error));
            throw error;
          }
        }),
      ),
      readPower: fromPromise<PowerState, undefined>(({ signal }) =>
        watched.work(async () => {
          const state = await board.power.state(signal);
          if (state === told) record('confirmed', state);
          return state;
        }),
      ),
    },
  });
}
