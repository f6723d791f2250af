/** The device tree that libxl makes for a guest (tools/libs/light/libxl_arm.c, libxl__prepare_dtb). */
import { DtError } from '../dt/error.ts';
import { parseFlat } from '../dt/flat.ts';
import { parseSource } from '../dt/source.ts';
import { type DeviceTree, DtNode } from '../dt/tree.ts';
import { mostGuestMemory } from '../xen/dom0less-build.ts';
import type { LibxlMessage } from './libxl-messages.ts';
import type { XlDomainConfig } from './xl-domain-config.ts';

/** Why a guest's tree cannot be made: libxl's messages, with what their `%` stand for. */
export interface GuestTreeProblem {
  readonly messages: ReadonlyArray<{ readonly message: LibxlMessage; readonly values?: readonly string[] }>;
  readonly because: string;
}

/**
 * Reads a partial device tree and checks as much of it as libxl does.
 *
 * @param blob the file's content
 * @param path its path in Dom0, for errors
 */
export function readPartialTree(blob: Uint8Array, path: string): DeviceTree | GuestTreeProblem {
  if (!flatMagic.every((byte, index) => blob[index] === byte)) {
    return { messages: [{ message: 'partialTreeNotFlat' }], because: `${path} is no flattened device tree` };
  }
  try {
    return parseFlat(blob, path);
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
    return { messages: [{ message: 'partialTreeBad', values: ['-11'] }], because: error.message };
  }
}

/**
 * The guest's tree: what libxl makes itself, then /passthrough and /aliases of the partial tree. Nothing
 * else of the partial tree is copied, /firmware of its own neither.
 *
 * @param version Xen's, `4.22`: it stands in the model and in the hypervisor node
 */
export function guestTree(
  partial: DeviceTree | undefined,
  config: Pick<XlDomainConfig, 'maxmem' | 'vcpus' | 'commandLine'>,
  version = '4.22',
): DeviceTree | GuestTreeProblem {
  const tree = parseSource(sourceOf(config, version));
  if (partial === undefined) return tree;
  const passthrough = partial.root.child('passthrough');
  if (passthrough === undefined) {
    return {
      messages: [{ message: 'passthroughNodeMissing' }, { message: 'treeCopyFailed' }],
      because: 'the partial device tree has no node /passthrough',
    };
  }
  for (const node of [passthrough, partial.root.child('aliases')]) {
    if (node !== undefined) tree.root.children.push(copyNode(node, tree.root));
  }
  return tree;
}

/** First four bytes of a flattened tree (Devicetree Specification v0.4, section 5.2). */
const flatMagic = [0xd0, 0x0d, 0xfe, 0xed];

function copyNode(node: DtNode, parent: DtNode): DtNode {
  const copy = new DtNode(node.name, parent);
  for (const [name, value] of node.properties) copy.properties.set(name, value);
  for (const child of node.children) copy.children.push(copyNode(child, copy));
  return copy;
}

/** Layout of xen/include/public/arch-arm.h: RAM from 0x40000000, a GICv3, the event channel on PPI 15. */
function sourceOf(
  { maxmem, vcpus, commandLine }: Pick<XlDomainConfig, 'maxmem' | 'vcpus' | 'commandLine'>,
  version: string,
): string {
  const cpus = Array.from({ length: vcpus }, (_, id) => {
    const affinity = ((id >> 4) << 8) | (id & 0xf);
    return `cpu@${affinity.toString(16)} {
      device_type = "cpu"; compatible = "arm,armv8"; enable-method = "psci"; reg = <${affinity}>;
    };`;
  });
  return `/dts-v1/;
/ {
  model = "XENVM-${version}";
  compatible = "xen,xenvm-${version}", "xen,xenvm";
  interrupt-parent = <65000>;
  #address-cells = <2>;
  #size-cells = <2>;
  chosen { bootargs = ${quoted(commandLine)}; };
  cpus { #address-cells = <1>; #size-cells = <0>; ${cpus.join(' ')} };
  psci { compatible = "arm,psci-1.0", "arm,psci-0.2", "arm,psci"; method = "hvc"; cpu_off = <1>; cpu_on = <2>; };
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 ${cells(Math.min(maxmem * 0x10_0000, mostGuestMemory))}>; };
  interrupt-controller@3001000 {
    compatible = "arm,gic-v3"; #interrupt-cells = <3>; #address-cells = <0>; interrupt-controller;
    reg = <0 0x3001000 0 0x10000 0 0x3020000 0 0x1000000>; linux,phandle = <65000>; phandle = <65000>;
  };
  timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08>; };
  hypervisor {
    compatible = "xen,xen-${version}", "xen,xen"; reg = <0 0x38000000 0 0x1000000>; interrupts = <1 15 0xf08>;
  };
};`;
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function cells(bytes: number): string {
  return `${Math.floor(bytes / 0x1_0000_0000)} ${bytes % 0x1_0000_0000}`;
}
