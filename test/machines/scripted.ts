/** Actors that do what a test says, and a clock that stands until it is moved. */
import { type EventObject, fromCallback, fromPromise, SimulatedClock } from 'xstate';
import type { World } from '../../machines/world.ts';
import type { Deadlines } from '../../src/board/board-type.ts';

/** All different, so that a test sees which one expired. */
export const deadlines: Deadlines = {
  powerOff: 1100,
  powerOn: 1200,
  firstOutput: 1300,
  bootLoader: 1400,
  transferStall: 1500,
  deploy: 16_000,
  xenBanner: 1700,
  dom0: 1800,
  domain: 1900,
  command: 2000,
  settle: 1350,
  collect: 2100,
};

export const silentWorld: World = { deadlines, now: () => 0, lastLines: () => [] };

/** The simulated clock, and a world of it that remembers what the console said last. */
export function simulation() {
  const clock = new SimulatedClock();
  const lines: string[] = [];
  const world: World = { deadlines, now: () => clock.now(), lastLines: () => lines };
  return { clock, lines, world };
}

/** An actor that never answers. */
export function never<Output, Input = undefined>() {
  return fromPromise<Output, Input>(() => new Promise(() => undefined));
}

/** A callback actor through which a test tells machines things. */
export function told<Event extends EventObject>() {
  const listeners = new Set<(event: Event) => void>();
  const logic = fromCallback<Event, undefined>(({ sendBack }) => {
    listeners.add(sendBack);
    return () => void listeners.delete(sendBack);
  });
  return {
    logic,
    tell: (event: Event) => {
      // A listener that is added during this event does not get it.
      const present = [...listeners];
      for (const listener of present) listener(event);
    },
    isListening: () => listeners.size > 0,
  };
}

/** Lets promises that are due come to their end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve));
}
