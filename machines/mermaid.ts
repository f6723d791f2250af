/** Draws a chart as Mermaid (`stateDiagram-v2`) from the machine itself, so that documentation cannot drift. */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/**
 * @param machine any machine; actors it invokes are named in its notes
 * @returns Mermaid source, ending in a newline; deadlines appear as `after NAME`
 */
export function toMermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2'];
  drawInside(machine.root, lines, '  ');
  for (const node of allNodes(machine.root)) lines.push(...transitions(node, machine.root));
  return `${lines.join('\n')}\n`;
}

function drawInside(parent: AnyStateNode, lines: string[], indent: string): void {
  for (const node of Object.values(parent.states)) {
    const children = Object.keys(node.states).length > 0;
    lines.push(`${indent}state "${label(node)}" as ${id(node)}${children ? ' {' : ''}`);
    if (!children) continue;
    drawInside(node, lines, `${indent}  `);
    lines.push(`${indent}}`);
  }
  for (const target of parent.initial.target) lines.push(`${indent}[*] --> ${id(target)}`);
  for (const node of Object.values(parent.states)) {
    if (node.type === 'final') lines.push(`${indent}${id(node)} --> [*]`);
  }
}

function label(node: AnyStateNode): string {
  const does = node.invoke.map(({ src }) => (typeof src === 'string' ? src : '?'));
  const parts = [node.key, node.description, does.length > 0 ? `does: ${does.join(', ')}` : undefined];
  return parts
    .filter(part => part !== undefined)
    .join('<br/>')
    .replaceAll('"', "'");
}

function transitions(node: AnyStateNode, root: AnyStateNode): string[] {
  const all = [...node.transitions.values()].flat();
  return [...all, ...(node.always ?? [])].flatMap(transition =>
    (transition.target ?? []).map(target => {
      // Events that the machine itself reacts to start at the machine, which Mermaid has no state for.
      const source = node === root ? '[*]' : id(node);
      return `  ${source} --> ${id(target)}: ${eventName(transition.eventType)}${guardName(transition.guard)}`;
    }),
  );
}

function* allNodes(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const child of Object.values(node.states)) yield* allNodes(child);
}

function id(node: AnyStateNode): string {
  return node.path.join('_').replaceAll('-', '_') || node.key.replaceAll('-', '_');
}

/** `xstate.after.firstOutput.boot.x` -> `after firstOutput`, `xstate.done.actor.0.boot.x` -> `done`. */
function eventName(type: string): string {
  if (type === '') return 'at once';
  const after = /^xstate\.after\.([^.]+)\./.exec(type)?.[1];
  if (after !== undefined) return `after ${after}`;
  if (type.startsWith('xstate.done.')) return 'done';
  if (type.startsWith('xstate.error.')) return 'failed';
  return type;
}

function guardName(guard: unknown): string {
  if (typeof guard === 'string') return ` [${guard}]`;
  if (typeof guard === 'object' && guard !== null && 'type' in guard && typeof guard.type === 'string') {
    return ` [${guard.type}]`;
  }
  return guard === undefined ? '' : ' [condition]';
}
