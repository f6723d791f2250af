/** Resources of the firmware that agents hold, as a fair firmware would keep account of them. */
import type { Action } from './action.ts';
import { isObeyed } from './answer.ts';
import type { Outcome } from './machine.ts';
import type { Resource } from './resources.ts';
import type { State } from './state.ts';

/** How often each agent took each resource: by resource, then by agent. */
export type Marks = readonly ReadonlyMap<number, number>[];

export function noMarks(resources: readonly Resource[]): Marks {
  return resources.map(() => new Map());
}

/** The marks after an action. What an agent took is gone with its domain. */
export function marksAfter(
  marks: Marks,
  before: State,
  action: Action,
  outcome: Outcome,
  resources: readonly Resource[],
): Marks {
  if (action.do === 'destroy' && outcome.rc === 0) {
    const agent = before.domains.find(({ name }) => name === action.guest)?.agent;
    if (typeof agent !== 'number' || !marks.some(each => each.has(agent))) return marks;
    return marks.map(each => new Map([...each].filter(([id]) => id !== agent)));
  }
  const use = action.do === 'smc' ? action.message?.use : undefined;
  const message = outcome.messages.at(-1);
  if (use === undefined || message === undefined || !isObeyed(message)) return marks;
  const isCounted = resources[use.resource]?.kind === 'powerDomains';
  return marks.with(
    use.resource,
    used(marks[use.resource] ?? new Map(), message.agent, use.takes, isCounted),
  );
}

export function marksKey(marks: Marks): string {
  return marks
    .map(each =>
      [...each]
        .toSorted(([one], [other]) => one - other)
        .map(([agent, count]) => `${agent}x${count}`)
        .join('+'),
    )
    .join();
}

/** A power domain may be taken any number of times; for other resources the last request of any agent counts. */
function used(
  marks: ReadonlyMap<number, number>,
  agent: number,
  takes: boolean,
  isCounted: boolean,
): Map<number, number> {
  if (!isCounted) return takes ? new Map([...marks, [agent, 1]]) : new Map();
  const count = (marks.get(agent) ?? 0) + (takes ? 1 : -1);
  const next = new Map(marks);
  if (count > 0) next.set(agent, count);
  else next.delete(agent);
  return next;
}
