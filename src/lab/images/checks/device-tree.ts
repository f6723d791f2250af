/** Device tree blobs, and what Xen needs to find in the host tree. */
import { DtError } from '../../../model/dt/error.ts';
import { parseFlat } from '../../../model/dt/flat.ts';
import type { DeviceTree, DtNode } from '../../../model/dt/tree.ts';
import { foreignFormat } from './file-format.ts';
import type { ImageProblem } from './problem.ts';

/** Whether a blob is one, whole and well-formed. */
export function blobProblems(bytes: Uint8Array): ImageProblem[] {
  try {
    parseFlat(bytes);
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
    const foreign = foreignFormat(bytes);
    const isBlob = foreign === undefined || foreign.what.includes('device tree');
    return [isBlob ? { what: error.message, hint: 'compile it again: dtc -@ -O dtb' } : foreign];
  }
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
  return size === bytes.length
    ? []
    : [{ what: `${bytes.length - size} bytes follow its ${size}`, hint: 'make it again' }];
}

interface Need {
  readonly what: string;
  readonly isMet: (tree: DeviceTree) => boolean;
  /** Where Xen gives up without it. */
  readonly source: string;
}

const needs: readonly Need[] = [
  {
    what: 'processors in /cpus',
    isMet: tree => tree.node('/cpus')?.children.some(({ name }) => name.startsWith('cpu@')) === true,
    source: 'arch/arm/smpboot.c, dt_smp_init_cpus',
  },
  {
    what: 'an interrupt controller (arm,gic-400, arm,gic-v3, ...)',
    isMet: tree => hasCompatible(tree, /^arm,(gic-|cortex-a\d+-gic$)/),
    source: 'arch/arm/gic.c, gic_preinit',
  },
  {
    what: 'the generic timer (arm,armv8-timer)',
    isMet: tree => hasCompatible(tree, /^arm,armv[78]-timer$/),
    source: 'arch/arm/time.c, preinit_dt_xen_time',
  },
  {
    what: 'PSCI (arm,psci-...), by which it starts the other processors and switches off',
    isMet: tree => hasCompatible(tree, /^arm,psci/),
    source: 'arch/arm/psci.c, psci_init',
  },
];

/** Parts that Xen will miss in a host tree as the board gets it. */
export function hostTreeProblems(tree: DeviceTree): ImageProblem[] {
  const missing = needs
    .filter(({ isMet }) => !isMet(tree))
    .map(({ what, source }) => ({ what: `it lacks ${what}; Xen needs it (${source})` }));
  return [...missing, ...consoleProblems(tree)];
}

/** Xen drivers/char/arm-uart.c: `dtuart=` of the command line, else /chosen/stdout-path. */
function consoleProblems(tree: DeviceTree): ImageProblem[] {
  const chosen = tree.node('/chosen');
  const words = (chosen?.strings('xen,xen-bootargs') ?? chosen?.strings('bootargs') ?? [''])[0] ?? '';
  const [, named = chosen?.strings('stdout-path')?.[0]] = /(?:^|\s)dtuart=(\S+)/.exec(words) ?? [];
  if (named === undefined) {
    return [
      {
        what: 'it names no console for Xen: neither dtuart= in xen,xen-bootargs nor stdout-path',
        hint: 'set xen,xen-bootargs in /chosen: "console=dtuart dtuart=serial0 ..."',
      },
    ];
  }
  const [pathOrAlias = ''] = named.split(':');
  const path = pathOrAlias.startsWith('/') ? pathOrAlias : tree.node('/aliases')?.strings(pathOrAlias)?.[0];
  if (path !== undefined && tree.node(path) !== undefined) return [];
  return [
    {
      what: `its console for Xen, ${named}, is no node of it`,
      hint: 'correct dtuart= or stdout-path in /chosen',
    },
  ];
}

function hasCompatible(tree: DeviceTree, pattern: RegExp): boolean {
  const isOne = (node: DtNode): boolean =>
    node.strings('compatible')?.some(name => pattern.test(name)) === true || node.children.some(isOne);
  return isOne(tree.root);
}
