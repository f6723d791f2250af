/** The states of a chart, without its transitions: what a page lights up. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

export interface StateOutline {
  readonly name: string;
  /** As recordings have it: `attended.working.booting`. */
  readonly path: string;
  readonly states: readonly StateOutline[];
}

/** @returns the machine's own states, each with those inside it, in the order of the source */
export function chartOutline(machine: AnyStateMachine): readonly StateOutline[] {
  return inside(machine.root);
}

function inside(node: AnyStateNode): StateOutline[] {
  return Object.values(node.states).map(state => ({
    name: state.key,
    path: state.path.join('.'),
    states: inside(state),
  }));
}
