/** The few runs that go through every transition that the walk has met: a greedy set cover over shortest paths. */
import type { Action } from './action.ts';
import type { Edge, Exploration, Node } from './explore.ts';

/** One run: actions in order, and the transitions that it is the first to go through. */
export interface CoveringRun {
  readonly steps: readonly CoveringStep[];
}

interface CoveringStep {
  readonly action: Action;
  /** 0 or a negative errno. */
  readonly rc: number;
  readonly transition: string;
  /** Whether no run before goes through the transition. */
  readonly isNew: boolean;
}

/**
 * @param exploration a walk of what a scenario can do: `withCalls: false`
 * @returns runs from the one that covers most to the one that covers least
 */
export function coveringRuns({ edges, transitions }: Exploration): CoveringRun[] {
  const walk = new CoveredWalk(
    edges,
    new Map(transitions.map(({ name }, index) => [name, 1n << BigInt(index)])),
  );
  const runs: CoveringRun[] = [];
  let open = (1n << BigInt(transitions.length)) - 1n;
  while (open !== 0n) {
    const run = walk.run(walk.best(open), open);
    for (const { transition } of run.steps) open &= ~walk.bit(transition);
    runs.push(run);
  }
  return runs;
}

/** Sets of transitions are numbers with one bit each. */
class CoveredWalk {
  readonly #edges: readonly Edge[];
  readonly #bits: ReadonlyMap<string, bigint>;
  /** By state: what can be done there without leaving it. */
  readonly #loops = new Map<Node, Edge[]>();
  /** By state: what the shortest path to it, and every loop on the way, goes through. */
  readonly #covered = new Map<Node, bigint>();

  constructor(edges: readonly Edge[], bits: ReadonlyMap<string, bigint>) {
    this.#edges = edges;
    this.#bits = bits;
    for (const edge of edges) {
      if (!edge.isLoop) continue;
      const loops = this.#loops.get(edge.from) ?? [];
      this.#loops.set(edge.from, [...loops, edge]);
    }
  }

  bit(transition: string): bigint {
    return this.#bits.get(transition) ?? 0n;
  }

  /** The edge at the end of the path that goes through most of what is open; of several the one with fewest steps. */
  best(open: bigint): Edge {
    let best: Edge | undefined;
    let most = 0;
    for (const edge of this.#edges) {
      const count = bitCount((this.#coveredAt(edge.from) | this.bit(edge.transition)) & open);
      const isShorter = best !== undefined && edge.from.depth < best.from.depth;
      if (count < most || count === 0 || (count === most && !isShorter)) continue;
      best = edge;
      most = count;
    }
    if (best === undefined) throw new RangeError('a transition is on no edge of the walk');
    return best;
  }

  /** The path to an edge, with those loops on the way that are open. */
  run(last: Edge, open: bigint): CoveringRun {
    const chain: Edge[] = [];
    for (let each: Edge | null = last; each !== null; each = each.from.reachedBy) chain.unshift(each);
    const steps: CoveringStep[] = [];
    let left = open;
    for (const edge of chain) {
      for (const step of [...(this.#loops.get(edge.from) ?? []), edge]) {
        const bit = this.bit(step.transition);
        const isNew = (left & bit) !== 0n;
        if (!isNew && (step !== edge || edge.isLoop)) continue;
        left &= ~bit;
        steps.push({ action: step.action, rc: step.rc, transition: step.transition, isNew });
      }
    }
    return { steps };
  }

  #coveredAt(node: Node): bigint {
    const known = this.#covered.get(node);
    if (known !== undefined) return known;
    const { reachedBy } = node;
    let covered = reachedBy === null ? 0n : this.#coveredAt(reachedBy.from) | this.bit(reachedBy.transition);
    for (const { transition } of this.#loops.get(node) ?? []) covered |= this.bit(transition);
    this.#covered.set(node, covered);
    return covered;
  }
}

function bitCount(bits: bigint): number {
  let count = 0;
  for (let left = bits; left !== 0n; left &= left - 1n) count++;
  return count;
}
