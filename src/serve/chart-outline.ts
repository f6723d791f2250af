/** The states of a chart, without its transitions: what a page lights up. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import type { State } from './page/types.d.ts';

/** @returns the machine's own states, each with those inside it, in the order of the source */
export function chartOutline(machine: AnyStateMachine): readonly State[] {
  return inside(machine.root);
}

function inside(node: AnyStateNode): State[] {
  return Object.values(node.states).map(state => ({
    name: state.key,
    path: state.path.join('.'),
    states: inside(state),
  }));
}
