/** Covering runs as scenarios: what stands in their YAML files. */
import type { Action } from './action.ts';
import type { CoveringRun } from './cover.ts';
import { deviceNodes, devicePath, type Subject } from './subject.ts';

/** A scenario's file before it is written: src/scenario/schema.ts has the meaning of the fields. */
export interface ExploredScenario {
  readonly schema: 1;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly boards: readonly [string];
  readonly firmware?: { readonly profile?: string; readonly faults?: readonly string[] };
  readonly host?: { readonly edit: string };
  readonly guests: Readonly<Record<string, ExploredGuest>>;
  readonly steps: readonly Readonly<Record<string, string | Readonly<Record<string, string>>>>[];
}

interface ExploredGuest {
  readonly agent: number | 'none';
  readonly config?: string;
}

export interface ScenarioContext {
  readonly boardType: string;
  /** Profile of the firmware and its faults, where they are not the board type's. */
  readonly firmware?: { readonly profile?: string; readonly faults?: readonly string[] };
  /** Whether the board type names a ramdisk for guests. */
  readonly hasGuestRamdisk: boolean;
}

/** One scenario per run, named `explored-TYPE-N`. */
export function exploredScenarios(
  runs: readonly CoveringRun[],
  subject: Subject,
  context: ScenarioContext,
): ExploredScenario[] {
  return runs.map((run, index) => {
    const devices = run.steps.flatMap(({ action }) => (action.do === 'assign-device' ? [action.device] : []));
    const edit = deviceNodes(
      subject,
      [...new Set(devices)].toSorted((one, other) => one - other),
    );
    const first = run.steps.filter(({ isNew }) => isNew).map(({ transition }) => transition);
    return {
      schema: 1,
      name: `explored-${context.boardType}-${index + 1}`,
      title: `Explored, ${index + 1} of ${runs.length}: ${first.length} transitions`,
      description: `Goes through these for the first time:\n${first.map(name => `- ${name}\n`).join('')}`,
      boards: [context.boardType],
      ...(context.firmware === undefined ? {} : { firmware: context.firmware }),
      ...(edit === undefined ? {} : { host: { edit } }),
      ...guestsAndSteps(run, context),
    };
  });
}

function guestsAndSteps(
  run: CoveringRun,
  context: ScenarioContext,
): Pick<ExploredScenario, 'guests' | 'steps'> {
  const guests: Record<string, ExploredGuest> = {};
  /** Names of the scenario by those of the walk, for guests that there are. */
  const living = new Map<string, string>();
  const steps = run.steps.map(({ action, rc }) => {
    switch (action.do) {
      case 'create': {
        const name = freeName(action, new Set(living.values()));
        guests[name] ??= guestOf(action, context);
        if (rc === 0) living.set(action.guest, name);
        return { create: name };
      }
      case 'destroy': {
        const name = living.get(action.guest) ?? action.guest;
        living.delete(action.guest);
        return { destroy: name };
      }
      case 'assign-device': {
        const guest = living.get(action.guest) ?? action.guest;
        return { 'assign-device': { guest, path: devicePath(action.device) } };
      }
      default:
        throw new RangeError('no step of a scenario rings a doorbell');
    }
  });
  return { guests, steps };
}

/** Two guests that are there at the same time have different names, or xl refuses the second for its name. */
function freeName({ agent, page }: Extract<Action, { do: 'create' }>, taken: ReadonlySet<string>): string {
  const asked = agent === null ? 'plain' : `agent${agent}`;
  const base = page === agent || page === null ? asked : `${asked}-page${page}`;
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function guestOf(
  { agent, page }: Extract<Action, { do: 'create' }>,
  { hasGuestRamdisk }: ScenarioContext,
): ExploredGuest {
  if (agent !== null) return { agent };
  if (page === null) return { agent: 'none' };
  const ramdisk = hasGuestRamdisk ? 'ramdisk = "${guestRamdisk}"\n' : '';
  const config = `name = "\${name}"
memory = 256
vcpus = 1
kernel = "\${guestKernel}"
${ramdisk}extra = "console=hvc0 ignore_loglevel"
on_crash = "preserve"
iomem = [ "\${agent${page}.pageFrame},1@\${guestPageFrame}" ]
`;
  return { agent: 'none', config };
}
