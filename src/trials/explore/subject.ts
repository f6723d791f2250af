/** Subject of a walk: a host tree, the builds, and the devices that the walk may assign. */
import { editTree } from '../../model/dt/edit.ts';
import type { DeviceTree } from '../../model/dt/tree.ts';
import type { Deviations } from '../../model/predict/deviations.ts';
import type { DeviceProfile, FirmwareProfile } from '../../model/scmi/profile.ts';
import type { XenBuild } from '../../model/xen/build.ts';

/** A scenario is one; its guests and steps are not looked at. */
export interface Subject {
  readonly xen: XenBuild;
  readonly firmware: { readonly profile: FirmwareProfile; readonly faults: readonly string[] };
  readonly hostTree: DeviceTree;
  /** Parts that are wrong on purpose, to see that the walk notices. */
  readonly deviations?: Deviations;
}

/**
 * Source, for `editTree` and for a scenario's `host.edit`, that adds one node per device of the firmware, and one of
 * a device that it does not have. They are `xen,passthrough`, so that Dom0 is not given them at boot.
 * @returns undefined where the tree has no management channel that a device could name
 */
export function deviceNodes({ hostTree, firmware }: Subject, devices: readonly number[]): string | undefined {
  const controller = managementNode(hostTree);
  if (controller === undefined || devices.length === 0) return undefined;
  const nodes = devices.map(id => {
    const what = firmware.profile.devices.find(each => each.id === id)?.name ?? 'not in the firmware';
    return [
      `\t\t/* ${what} */`,
      `\t\tdevice-${id} {`,
      '\t\t\txen,passthrough;',
      `\t\t\taccess-controllers = <&{${controller}} ${id}>;`,
      '\t\t};',
    ].join('\n');
  });
  return `/ {\n\t${DEVICES} {\n${nodes.join('\n')}\n\t};\n};\n`;
}

/** Path of the node that `deviceNodes` adds for a device. */
export function devicePath(id: number): string {
  return `/${DEVICES}/device-${id}`;
}

/** The tree that is explored: with the devices, and with a Xen that prints nothing, which changes nothing else. */
export function exploredTree(subject: Subject, devices: readonly number[]): DeviceTree {
  const bootargs = subject.hostTree.node('/chosen')?.string('xen,xen-bootargs');
  const quiet =
    bootargs === undefined
      ? ''
      : `&{/chosen} { xen,xen-bootargs = "${bootargs.replace(/[\\"]/g, '\\$&')} loglvl=none guest_loglvl=none"; };\n`;
  return editTree(subject.hostTree, quiet + (deviceNodes(subject, devices) ?? ''));
}

/**
 * Devices that stand for all: of those that the firmware treats alike, two that bring something with them.
 * @returns ids, and last one that the firmware does not have
 */
export function exploredDevices({ devices }: FirmwareProfile): number[] {
  const chosen = new Map<string, DeviceProfile[]>();
  for (const device of devices.toSorted((one, other) => resourceCount(other) - resourceCount(one))) {
    const alike = chosen.get(String(device.owner)) ?? [];
    chosen.set(String(device.owner), alike.length < ALIKE ? [...alike, device] : alike);
  }
  const ids = [...chosen.values()].flat().map(({ id }) => id);
  return [...ids.toSorted((one, other) => one - other), Math.max(-1, ...devices.map(({ id }) => id)) + 1];
}

/** Path of Xen's own SCMI node, which devices name in `access-controllers`. */
export function managementNode(tree: DeviceTree): string | undefined {
  const container = [...tree.root.walk()].find(node => node.isCompatible('xen,sci'));
  return container?.children.find(node => node.isCompatible('arm,scmi-smc'))?.path;
}

function resourceCount({ clocks, resets, powerDomains, pins }: DeviceProfile): number {
  return clocks.length + resets.length + powerDomains.length + pins.length;
}

const DEVICES = 'scmi-hil-devices';
const ALIKE = 2;
