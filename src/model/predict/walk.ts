/** The machine of a scenario, and its steps taken through it: a listener makes of each step what it is for. */
import type { CommandResult } from '../xl/xl.ts';
import { configuredName } from '../xl/xl-config.ts';
import { namesBootModules } from '../xen/modules.ts';
import type { ProbeStep, ScmiStep } from '../probe/of-step.ts';
import { Platform, type PlatformOptions } from './platform.ts';
import type { Guest, Scenario, Step } from './scenario.ts';

/** A command of Dom0's toolstack for a guest. */
export interface ToolstackCall {
  /** As it is typed: `xl create /root/guest.cfg`. */
  readonly command: string;
  /** Has the machine do it. */
  readonly run: () => CommandResult;
}

type StepOf<Do extends Step['do']> = Extract<Step, { readonly do: Do }>;
/** A step that Dom0's toolstack does. */
export type ToolstackStep = Extract<Step, { readonly do: 'create' | 'destroy' | 'shutdown' | 'reboot' }>;
/** A step that a guest does itself. */
export type GuestEndStep = Extract<Step, { readonly do: keyof typeof guestEnds }>;

/** Told what each step is; functions that it is given change the machine when they are called. */
export interface StepListener<Result> {
  toolstack(step: ToolstackStep, call: ToolstackCall): Result;
  guestEnds(step: GuestEndStep, end: () => CommandResult): Result;
  assignDevice(step: StepOf<'assign-device'>, assign: () => number): Result;
  look(step: StepOf<'look'>): Result;
  command(step: StepOf<'command'>): Result;
  /** A question to the probe in a domain. */
  probe(step: ProbeStep): Result;
  /** A message by the raw mode of a domain's Linux. */
  raw(step: ScmiStep): Result;
}

export type ScenarioMachineOptions = Pick<
  PlatformOptions,
  'observer' | 'deviations' | 'dom0System' | 'dom0KernelIsAdded'
> & {
  /** Directory in Dom0 that guests' configurations are in. */
  readonly directory: string;
};

export class ScenarioMachine {
  readonly platform: Platform;
  readonly #scenario: Scenario;
  readonly #directory: string;

  /** @throws {RangeError} for a firmware fault or quirk that does not exist */
  constructor(scenario: Scenario, { directory, ...options }: ScenarioMachineOptions) {
    const { xen: build, linux, linuxDrivers, linuxRawMode, firmware, hostTree, dom0less, probe } = scenario;
    this.#scenario = scenario;
    this.#directory = directory;
    this.platform = new Platform({
      ...options,
      build,
      linux,
      linuxDrivers,
      linuxRawMode,
      firmware,
      hostTree,
      partialTrees: dom0less,
      probe,
      dom0KernelIsAdded: options.dom0KernelIsAdded ?? !namesBootModules(hostTree),
    });
  }

  /** The toolstack's name of a domain: the name in a guest's configuration, not the scenario's. */
  nameOf(domain: string): string {
    const guest = this.#scenario.guests.get(domain);
    return guest === undefined ? domain : configuredName(guest.config, domain);
  }

  /** Tells a listener what a step is; undefined if it only waits. */
  take<Result>(step: Step, listener: StepListener<Result>): Result | undefined {
    switch (step.do) {
      case 'create':
      case 'destroy':
      case 'shutdown':
      case 'reboot':
        return listener.toolstack(step, this.#toolstackCall(step));
      case 'guest-powers-off':
      case 'guest-reboots':
      case 'guest-crashes':
        return listener.guestEnds(step, () => this.platform[guestEnds[step.do]](this.nameOf(step.guest)));
      case 'assign-device':
        return listener.assignDevice(step, () =>
          this.platform.assignDevice(this.nameOf(step.guest), step.path),
        );
      case 'look':
        return listener.look(step);
      case 'command':
        return listener.command(step);
      case 'scmi':
        return step.channel === undefined ? listener.raw(step) : listener.probe(step);
      case 'smc':
      case 'memory':
        return listener.probe(step);
      case 'wait':
        return undefined;
      default:
        return step satisfies never;
    }
  }

  #toolstackCall({ do: what, guest: name }: ToolstackStep): ToolstackCall {
    if (what === 'create') {
      // A second configuration of one guest goes to the same file.
      const path = configPath(this.#directory, this.#scenario.guests.get(name)?.name ?? name);
      const create = () => {
        const { config, files } = this.#guest(name);
        return this.platform.xlCreate(path, config, files);
      };
      return { command: xlCommands.create(path), run: create };
    }
    const named = this.nameOf(name);
    return { command: xlCommands[what](named), run: () => this.platform[toolstackCalls[what]](named) };
  }

  #guest(name: string): Guest {
    const guest = this.#scenario.guests.get(name);
    if (guest === undefined) throw new RangeError(`the scenario has no guest ${name}`);
    return guest;
  }
}

/** Where a guest's configuration is put in Dom0. */
export function configPath(directory: string, guest: string): string {
  return `${directory}/${guest}.cfg`;
}

/** xl's commands: of a path for `create`, else of the name in the configuration. */
export const xlCommands = {
  create: (path: string) => `xl create ${path}`,
  destroy: (named: string) => `xl destroy ${named}`,
  shutdown: (named: string) => `xl shutdown -w ${named}`,
  reboot: (named: string) => `xl reboot ${named}`,
} as const;

const toolstackCalls = { destroy: 'xlDestroy', shutdown: 'xlShutdown', reboot: 'xlReboot' } as const;

const guestEnds = {
  'guest-powers-off': 'guestPowersOff',
  'guest-reboots': 'guestReboots',
  'guest-crashes': 'guestCrashes',
} as const;
