/** The schema of lab.yaml: the boards that stand in one lab. */
import { z } from 'zod';
import { deadlines, uartName } from '../board/board-type.ts';
import { power } from './lab-power.ts';
import { serial, uart } from './lab-serial.ts';
import { tftp } from './lab-tftp.ts';

/** Part of the names of files that a run writes. */
export const boardName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'a name of letters, digits, dots, dashes and underscores');

/** The secret itself never stands in a lab file. */
const secretPath = z.string().min(1);

const identity = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), path: secretPath, passphraseFile: secretPath.optional() }),
  z.strictObject({ kind: z.literal('agent') }),
  z.strictObject({ kind: z.literal('password'), file: secretPath }),
]);

/** One of the board type's `boots`; the first unless told. */
const boot = z.string().exactOptional();

/** How U-Boot is told, in place of the board type's. */
const uBoot = z.strictObject({ script: z.boolean() }).exactOptional();

/** A domain's shell. On its console where it has no network, or where nothing else is wanted. */
const domainShell = z.strictObject({
  by: z.enum(['ssh', 'console']).default('ssh'),
  user: z.string().exactOptional(),
  passwordFile: secretPath.exactOptional(),
});

const dom0Shell = domainShell
  .extend({
    /** `zephyr`: Dom0 is no Linux but xen-troops' zephyr-dom0-xt, with a shell on its console and nothing else. */
    shell: z.enum(['sh', 'zephyr']).default('sh'),
  })
  .refine(({ by, shell }) => shell === 'sh' || by === 'console', 'shell: zephyr goes with by: console');

/** The place of a labgrid farm that the board is; with tags: whichever is free of those that have them. */
const labgridPlace = z.union([
  z.strictObject({ place: z.string().min(1), coordinator: z.string().min(1).exactOptional() }),
  z.strictObject({
    tags: z.record(z.string(), z.string()).refine(tags => Object.keys(tags).length > 0, 'a tag at least'),
    coordinator: z.string().min(1).exactOptional(),
  }),
]);

export const physicalBoard = z.strictObject({
  type: z.string(),
  boot,
  uBoot,
  labgrid: labgridPlace.exactOptional(),
  /** Of a board with a labgrid place that place's, unless told; load-lab.ts requires one of the two. */
  serial: serial.default({ kind: 'labgrid' }),
  /** Ports beside the console, by name: one of the board type's `uarts`, or any other. They are recorded too. */
  uarts: z.record(uartName, uart).default({}),
  power: power.default({ kind: 'labgrid' }),
  network: z.strictObject({
    /** The board's own address: how its TFTP requests are told from another board's. */
    address: z.string(),
    /** Address of this machine on the board's network. */
    server: z.string(),
    netmask: z.string().optional(),
    gateway: z.string().optional(),
    /** The board's Ethernet address, for `scmi-hil dhcp-config`. */
    macAddress: z
      .string()
      .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'an Ethernet address such as d8:3a:dd:01:02:03')
      .optional(),
    tftpPort: z.number().int().min(1).max(65535).default(69),
    /** Serial number of a Raspberry Pi (its last 8 digits prefix every request). */
    serialNumber: z.string().optional(),
  }),
  tftp: tftp.default({ kind: 'server' }),
  ssh: z.strictObject({
    /** The domain that answers there; Dom0 unless told. Guests are reached through it. */
    domain: z.string().min(1).exactOptional(),
    host: z.string().optional(),
    port: z.number().int().positive().optional(),
    user: z.string().optional(),
    identity,
    hostKey: z.string().optional(),
    /** Addresses of guests as Dom0 reaches them, by domain name. */
    guests: z.record(z.string(), z.string()).default({}),
  }),
  /** Dom0's console is the board's. */
  dom0: dom0Shell.default({ by: 'ssh', shell: 'sh' }),
  /** By domain name. A guest's console is reached through Dom0, that of a dom0less domain through Xen's. */
  guests: z.record(z.string(), domainShell).default({}),
  /** Files of the deployment: name of the board type's file -> path on this machine. */
  images: z.record(z.string(), z.string()).default({}),
  /** `shipped`: it may boot with the device tree that is shipped, which is cut down, where `images` has no `dtb`. */
  tree: z.literal('shipped').exactOptional(),
  /** Overrides of the board type's deadlines. */
  deadlines: deadlines.partial().default({}),
});

const virtualBoard = z.strictObject({ type: z.string(), boot, uBoot, virtual: z.literal(true) });

/** Made for a run, of images that `scmi-hil images fetch TYPE` has got. */
const emulatedBoard = z.strictObject({
  type: z.string(),
  boot,
  uBoot,
  emulated: z.literal(true),
  /** Its network: in a namespace of its own, or QEMU's; the first where it can be had, unless told. */
  network: z.enum(['namespace', 'user']).exactOptional(),
  /** In place of those that were fetched: name -> path on this machine. */
  images: z.record(z.string(), z.string()).default({}),
});

export const labSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string().default('lab'),
  boards: z.record(boardName, z.union([virtualBoard, emulatedBoard, physicalBoard])),
});

export type LabBoard = z.output<typeof physicalBoard>;
export type LabgridPlace = z.output<typeof labgridPlace>;
export type LabShell = z.output<typeof domainShell>;
export type VirtualBoardEntry = z.output<typeof virtualBoard>;
export type EmulatedBoardEntry = z.output<typeof emulatedBoard>;
