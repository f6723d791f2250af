/** Walks the states that a machine can get into, breadth first: names transitions, checks invariants. */
import { type Action, actionWords } from './action.ts';
import { brokenBy, type Invariant, type InvariantName, invariants, type Step } from './invariants.ts';
import { explain, type KnownFinding } from './known-findings.ts';
import { ExploredMachine, type Parts } from './machine.ts';
import { type Marks, marksAfter, marksKey, noMarks } from './marks.ts';
import { possibleActions, repertoireOf } from './possible-actions.ts';
import { exploredResources } from './resources.ts';
import { keyOf, type State } from './state.ts';
import { exploredDevices, type Subject } from './subject.ts';
import { transitionName } from './transition.ts';

export interface ExploreBounds {
  /** Most actions from the boot to a state; default 4. */
  readonly depth?: number;
  /** Most guest agents that guests ask for; default 2. */
  readonly agents?: number;
  /** Most guests at a time, dying ones included; default 2. */
  readonly guests?: number;
  /** Most states that are looked at; default 20000. */
  readonly states?: number;
  /** Without calls of domains only what a scenario can do is walked. */
  readonly withCalls?: boolean;
}

export interface Exploration {
  readonly parts: Parts;
  readonly devices: readonly number[];
  /** States that were reached, the one after the boot included. */
  readonly states: number;
  /** Actions that were done. */
  readonly steps: number;
  /** Actions from the boot to the furthest state. */
  readonly depth: number;
  /** The limit that ended the walk; null: there are no more states. */
  readonly stoppedBy: 'depth' | 'states' | null;
  /** In the order in which they were met. */
  readonly transitions: readonly Transition[];
  readonly findings: readonly Finding[];
  /** Every step from a state to the same or another, for cover.ts. */
  readonly edges: readonly Edge[];
}

interface Transition {
  /** `create(an agent that a guest has) -> EEXIST` */
  readonly name: string;
  /** The fewest actions that come to it, it being the last. */
  readonly path: readonly Action[];
}

/** An invariant that is broken somewhere. */
export interface Finding {
  readonly invariant: InvariantName;
  readonly promise: string;
  /** The known cause of the violation; null: none, so it is a bug of Xen, of firmware or of the model. */
  readonly known: Pick<KnownFinding, 'cause' | 'words'> | null;
  /** The violation at the end of the path. */
  readonly words: string;
  /** The fewest actions that lead there. */
  readonly path: readonly Action[];
  /** Steps of the walk that break it. */
  readonly count: number;
}

/** One action in one state. */
export interface Edge {
  readonly transition: string;
  readonly action: Action;
  /** 0, a negative errno, or x0 of an SMC. */
  readonly rc: number;
  readonly from: Node;
  /** Whether it led back to the state that it was done in. */
  readonly isLoop: boolean;
}

/** A state in the tree of shortest paths. */
export interface Node {
  /** Null for the state after the boot. */
  readonly reachedBy: Edge | null;
  readonly depth: number;
}

/**
 * @example
 * const { states, findings } = explore(scenario, { depth: 4 });
 * findings.filter(({ known }) => known === null); // []
 * @throws {NotExplorable} where there is no multi-agent mediator, or Xen panics
 * @throws {RangeError} for a firmware fault or quirk that does not exist
 */
export function explore(subject: Subject, bounds: ExploreBounds = {}): Exploration {
  const walk = new Walk(subject, bounds);
  for (const _ of walk.run());
  return walk.result();
}

/**
 * As `explore`, a state at a time: between two, the caller may see to other things, or end it.
 * @example
 * const states = exploreByState(scenario);
 * for (let next = states.next(); ; next = states.next()) if (next.done) return next.value;
 */
export function* exploreByState(
  subject: Subject,
  bounds: ExploreBounds = {},
): Generator<void, Exploration, void> {
  const walk = new Walk(subject, bounds);
  yield* walk.run();
  return walk.result();
}

/** The actions that lead to an edge, it being the last. */
function pathOf(edge: Edge): Action[] {
  const path: Action[] = [];
  for (let each: Edge | null = edge; each !== null; each = each.from.reachedBy) path.push(each.action);
  return path.toReversed();
}

/** A path in words, for a person to follow. */
export function pathWords(path: readonly Action[]): string[] {
  return ['boot', ...path.map(actionWords)];
}

/** A state that is still to be looked at. */
interface Pending {
  readonly node: Node;
  readonly state: State;
  readonly key: string;
  readonly marks: Marks;
  readonly restore: () => void;
}

class Walk {
  readonly #subject: Subject;
  readonly #bounds: Required<ExploreBounds>;
  readonly #machine: ExploredMachine;
  readonly #devices: readonly number[];
  readonly #repertoire: ReturnType<typeof repertoireOf>;
  readonly #seen = new Set<string>();
  readonly #transitions = new Map<string, Edge>();
  readonly #findings = new Map<string, Finding>();
  readonly #edges: Edge[] = [];
  #depth = 0;
  #stoppedBy: Exploration['stoppedBy'] = null;

  constructor(subject: Subject, bounds: ExploreBounds) {
    this.#subject = subject;
    this.#bounds = { depth: 4, agents: 2, guests: 2, states: 20_000, withCalls: true, ...bounds };
    const profile = subject.deviations?.profile?.(subject.firmware.profile) ?? subject.firmware.profile;
    this.#devices = exploredDevices(profile);
    const resources = exploredResources(profile, this.#devices);
    this.#machine = new ExploredMachine(subject, this.#devices, resources);
    this.#repertoire = repertoireOf(this.#machine, { devices: this.#devices, resources }, this.#bounds);
  }

  *run(): Generator<void, void, void> {
    const marks = noMarks(this.#repertoire.resources);
    const boot = this.#machine.state();
    let level = [this.#pending({ reachedBy: null, depth: 0 }, boot, marks)];
    while (level.length > 0) {
      const next: Pending[] = [];
      for (const pending of level) {
        yield;
        this.#expand(pending, boot, next);
      }
      level = next;
    }
  }

  result(): Exploration {
    return {
      parts: this.#machine.parts,
      devices: this.#devices,
      states: this.#seen.size,
      steps: this.#edges.length,
      depth: this.#depth,
      stoppedBy: this.#stoppedBy,
      transitions: [...this.#transitions].map(([name, edge]) => ({ name, path: pathOf(edge) })),
      findings: [...this.#findings.values()],
      edges: this.#edges,
    };
  }

  #pending(node: Node, state: State, marks: Marks): Pending {
    const key = `${keyOf(state)}|${marksKey(marks)}`;
    this.#seen.add(key);
    this.#depth = Math.max(this.#depth, node.depth);
    return { node, state, key, marks, restore: this.#machine.snapshot() };
  }

  /** Does everything that can be done in a state, each time from that very state. */
  #expand(pending: Pending, boot: State, next: Pending[]): void {
    const { node, state, key, marks, restore } = pending;
    if (node.depth >= this.#bounds.depth) {
      this.#stoppedBy ??= 'depth';
      return;
    }
    restore();
    for (const action of possibleActions(state, this.#repertoire)) {
      const outcome = this.#machine.perform(action);
      const after = this.#machine.state();
      const marked = marksAfter(marks, state, action, outcome, this.#repertoire.resources);
      const newKey = `${keyOf(after)}|${marksKey(marked)}`;
      const transition = transitionName(state, action, outcome, this.#repertoire);
      const edge: Edge = { transition, action, rc: outcome.rc, from: node, isLoop: newKey === key };
      this.#edges.push(edge);
      if (!this.#transitions.has(transition)) this.#transitions.set(transition, edge);
      this.#check(
        {
          boot,
          before: state,
          action,
          outcome,
          after,
          marksBefore: marks,
          marksAfter: marked,
          repertoire: this.#repertoire,
        },
        edge,
      );
      if (edge.isLoop) continue;
      this.#reach(newKey, after, marked, edge, next);
      restore();
    }
  }

  #reach(key: string, state: State, marks: Marks, edge: Edge, next: Pending[]): void {
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= this.#bounds.states) {
      this.#stoppedBy = 'states';
      return;
    }
    next.push(this.#pending({ reachedBy: edge, depth: edge.from.depth + 1 }, state, marks));
  }

  #check(step: Step, edge: Edge): void {
    for (const invariant of invariants) {
      const [words] = brokenBy(invariant, step);
      if (words !== undefined) this.#find(invariant, words, step, edge);
    }
  }

  #find({ name, promise }: Invariant, words: string, step: Step, edge: Edge): void {
    const known = explain(name, this.#subject, step) ?? null;
    const id = `${name}: ${known?.cause}`;
    const found = this.#findings.get(id);
    if (found !== undefined) {
      this.#findings.set(id, { ...found, count: found.count + 1 });
      return;
    }
    const why = known && { cause: known.cause, words: known.words };
    this.#findings.set(id, { invariant: name, promise, known: why, words, path: pathOf(edge), count: 1 });
  }
}
