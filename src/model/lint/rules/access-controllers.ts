/** Devices under SCMI management: `access-controllers`. */
import type { DeviceProfile } from '../../scmi/profile.ts';
import type { Configuration } from '../configuration.ts';
import type { ControlledDevice } from '../controlled-devices.ts';
import type { Domain } from '../domains.ts';
import { baseMessage } from '../firmware-facts.ts';
import type { Place } from '../finding.ts';
import { document, type Rule } from '../rule.ts';

/** Rules of the lines that a refused assignment prints, for every domain. */
const assignmentFails = [
  'smc-multiagent.assign-failed',
  'dom0.set-up-failed',
  'dom0less.set-up-failed',
  'libxl.assign.refused',
];

export const accessControllerRules: readonly Rule[] = [
  {
    id: 'sci-access-controllers-target',
    severity: 'warning',
    title: "`access-controllers` names another SCMI node than Xen's",
    consequence:
      'The driver compares the provider with the node that it bound to: no message is sent, and no permission is ever set.',
    hint: "Refer to Xen's node in the container (`<&scmi_xen N>`), not to /firmware/scmi as the documentation's example does.",
    documented: ['D17', 'v9-3', document.scmi],
    shows: ['sci.assign-device'],
    *check({ isMultiAgent, management, devices }) {
      if (!isMultiAgent || management === undefined) return;
      for (const { node, controllers } of devices) {
        for (const { provider, isManagement } of controllers) {
          if (isManagement || !provider.isCompatible('arm,scmi-smc')) continue;
          yield { place: place(node), message: `it names ${provider.path}, not ${management.node.path}` };
        }
      }
    },
  },
  {
    id: 'sci-access-controllers-unreadable',
    severity: 'warning',
    title: '`access-controllers` cannot be read',
    consequence: 'Xen stops at the entry without an error: no permission is set from there on.',
    hint: 'Give Xen’s node `#access-controller-cells = <1>`, and each entry a phandle and as many arguments as its provider asks for.',
    documented: ['D17', document.sci],
    shows: ['device-tree.no-phandle', 'device-tree.no-cells', 'device-tree.arguments'],
    *check({ isMultiAgent, management, devices }) {
      if (!isMultiAgent || management === undefined) return;
      for (const { node, unreadable } of devices) {
        if (unreadable !== undefined) yield { place: place(node), message: unreadable };
      }
    },
  },
  {
    id: 'sci-access-controller-cells-zero',
    severity: 'error',
    title: "`#access-controller-cells` of Xen's node is 0",
    consequence:
      'The driver sends a device id that nothing has set; firmware refuses it, and the domain that gets the device is not built. For Dom0 that is a panic.',
    hint: 'Set it to 1, and give each `access-controllers` the device id.',
    documented: ['D17', document.driver],
    shows: ['smc-multiagent.assign-failed', 'dom0.set-up-failed'],
    *check({ isMultiAgent, management, devices }) {
      if (!isMultiAgent || management?.node.u32('#access-controller-cells') !== 0) return;
      if (!devices.some(isManaged)) return;
      yield {
        place: { node: management.node.path, property: '#access-controller-cells' },
        message: 'it is 0, and devices refer to the node',
      };
    },
  },
  {
    id: 'sci-access-controller-cells-many',
    severity: 'warning',
    title: "`#access-controller-cells` of Xen's node is above 1",
    consequence: 'The first cell is taken for the device id, the others are ignored.',
    hint: 'Set it to 1.',
    documented: ['D17', document.driver],
    *check({ isMultiAgent, management }) {
      const cells = management?.node.u32('#access-controller-cells') ?? 1;
      if (!isMultiAgent || management === undefined || cells <= 1) return;
      yield {
        place: { node: management.node.path, property: '#access-controller-cells' },
        message: `it is ${cells}`,
      };
    },
  },
  {
    id: 'sci-device-disabled',
    severity: 'note',
    title: 'A disabled device has `access-controllers`',
    consequence:
      'It is assigned to Dom0 like any other: `status` is not looked at, and a refusal is as fatal.',
    hint: 'Remove `access-controllers` from it if Dom0 is not to have its permission.',
    documented: ['D18', document.sci],
    shows: ['sci.assign-device'],
    *check(configuration) {
      for (const { device } of assignments(configuration, 'Dom0')) {
        if (device.isAvailable) continue;
        yield { place: place(device.node), message: `${device.node.path} is disabled` };
      }
    },
  },
  {
    id: 'sci-device-not-in-firmware',
    severity: 'error',
    title: 'A device id that the firmware does not know',
    consequence:
      'SET_DEVICE_PERMISSIONS is refused and the domain that gets the device is not built. For Dom0 that is a panic.',
    hint: 'Use an id of the firmware’s device table; with a firmware that has none, remove `access-controllers`.',
    documented: ['D16', 'D17', 'v5-1', document.driver],
    shows: assignmentFails,
    *check(configuration) {
      const { firmware } = configuration;
      if (!mayAssign(configuration) || firmware === null) return;
      for (const { device, id, who } of assignments(configuration)) {
        if (firmware.device(id) !== undefined) continue;
        const known =
          firmware.profile.devicePolicy === 'none'
            ? 'no device at all'
            : `${firmware.profile.devices.length} devices`;
        yield {
          place: place(device.node),
          message: `device ${id}, which goes to ${who}: ${firmware.profile.name} knows ${known}`,
        };
      }
    },
  },
  {
    id: 'sci-device-denied',
    severity: 'error',
    title: 'A device that the firmware does not give away',
    consequence:
      'SET_DEVICE_PERMISSIONS is DENIED and the domain that gets the device is not built. For Dom0 that is a panic.',
    hint: 'Remove `access-controllers` from the node, or change the owner in firmware.',
    documented: ['D17', document.driver],
    shows: assignmentFails,
    *check(configuration) {
      const { firmware } = configuration;
      if (!mayAssign(configuration) || firmware === null) return;
      for (const { device, id, agentId, who } of assignments(configuration)) {
        const profile = firmware.device(id);
        const owner = profile && whoKeeps(profile, agentId);
        if (owner === undefined) continue;
        yield { place: place(device.node), message: `device ${id}, which goes to ${who}, is ${owner}` };
      }
    },
  },
  {
    id: 'sci-device-taken',
    severity: 'error',
    title: 'A device of a guest is Dom0’s already',
    consequence:
      'Dom0 got the permission at boot. Firmware with one owner a device then refuses the guest, and xl does not create it.',
    hint: 'Mark the node `xen,passthrough` in the host tree, so that Dom0 does not take it.',
    documented: ['D18', document.sci],
    shows: ['smc-multiagent.assign-failed', 'libxl.assign.refused', 'dom0less.set-up-failed'],
    *check(configuration) {
      const { firmware, dom0 } = configuration;
      if (!mayAssign(configuration) || dom0.agentId === undefined) return;
      const toGuests = assignments(configuration).filter(({ domain }) => domain !== undefined);
      for (const { device, id, who } of toGuests) {
        const profile = firmware?.device(id);
        if (!device.isDom0s || profile === undefined || profile.owner === 'shared') continue;
        if (whoKeeps(profile, dom0.agentId) !== undefined) continue;
        yield { place: place(device.node), message: `device ${id} goes to ${who}, and to Dom0 before that` };
      }
    },
  },
  {
    id: 'sci-no-set-device-permissions',
    severity: 'error',
    title: 'Devices are under SCMI management, and firmware has no SET_DEVICE_PERMISSIONS',
    consequence:
      'The message is called optional, yet its -EOPNOTSUPP is not ignored: the domain that gets the device is not built. For Dom0 that is a panic.',
    hint: 'Remove `access-controllers`, or use a firmware with message 0x9 of the Base protocol.',
    documented: ['D16', 'v5-1', document.driver],
    shows: assignmentFails,
    *check(configuration) {
      const { firmware } = configuration;
      if (firmware === null || firmware.hasBaseMessage(baseMessage.setDevicePermissions)) return;
      for (const { device, id, who } of assignments(configuration)) {
        yield { place: place(device.node), message: `device ${id} goes to ${who}` };
      }
    },
  },
];

interface Assignment {
  readonly device: ControlledDevice;
  readonly id: number;
  readonly agentId: number;
  readonly who: string;
  /** Undefined: Dom0. */
  readonly domain: Domain | undefined;
}

/** Every SET_DEVICE_PERMISSIONS that Xen sends: of Dom0's devices at boot, of those that guests are given. */
function assignments(configuration: Configuration, only?: 'Dom0'): Assignment[] {
  const { isMultiAgent, dom0, devices, domains, management } = configuration;
  if (!isMultiAgent || management === undefined) return [];
  if (management.node.u32('#access-controller-cells') === 0) return [];
  return devices.flatMap(device => {
    const receivers = [
      ...(device.isDom0s && dom0.exists ? [{ who: 'Dom0', agentId: dom0.agentId, domain: undefined }] : []),
      ...domains
        .filter(domain => only === undefined && receives(domain, device))
        .map(domain => ({ who: domain.name, agentId: domain.agentId, domain })),
    ];
    return receivers.flatMap(({ agentId, ...receiver }) =>
      agentId === undefined || configuration.entryOf(agentId) === undefined
        ? []
        : device.controllers
            .filter(({ isManagement }) => isManagement)
            .map(({ args }) => ({ device, id: args[0] ?? 0, agentId, ...receiver })),
    );
  });
}

/** Whether a domain is assigned the device, so that its permission is set. */
export function receives(domain: Domain, { node }: ControlledDevice): boolean {
  return domain.kind === 'xl'
    ? (domain.settings?.dtdev.includes(node.path) ?? false)
    : (domain.partial?.nodes.some(each => each.string('xen,path') === node.path) ?? false);
}

export function isManaged({ controllers }: ControlledDevice): boolean {
  return controllers.some(({ isManagement }) => isManagement);
}

/** Whether firmware would look at an assignment; where it would not, another rule says so. */
function mayAssign({ firmware, management }: Configuration): boolean {
  if (firmware === null || !firmware.hasBaseMessage(baseMessage.setDevicePermissions)) return false;
  return firmware.privilegedAgent === management?.agentId;
}

/** The reason for which an agent cannot get a device; undefined: it can have it. */
function whoKeeps({ owner }: DeviceProfile, agentId: number): string | undefined {
  if (owner === 'firmware') return 'never given away';
  if (typeof owner === 'number' && owner !== agentId) return `owned by agent ${owner}`;
  return undefined;
}

function place({ path }: { readonly path: string }): Place {
  return { node: path, property: 'access-controllers' };
}
