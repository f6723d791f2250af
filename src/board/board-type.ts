/** The schema of boards/*.yaml: one file per kind of board, data only. */
import { messageOf } from '../config/text.ts';
import { z } from 'zod';

const address = z
  .union([z.number().int().nonnegative(), z.string().regex(/^0x[0-9a-f]+$/i)])
  .transform(Number);
/** `90s`, `500ms`, `5m`, `2h` -> milliseconds. */
export const duration = z
  .string('a duration such as 500ms, 30s or 5m')
  .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'a duration such as 500ms, 30s or 5m')
  .transform(text => Number.parseFloat(text) * (milliseconds[text.replace(/^[\d.]+/, '')] ?? 1));

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A regular expression as JavaScript reads it. */
export const pattern = z.string().check(context => {
  try {
    RegExp(context.value);
  } catch (error) {
    const message = messageOf(error);
    context.issues.push({ code: 'custom', input: context.value, message });
  }
});

/** Deadlines of the machines' states, in milliseconds once read. Every state that waits has one. */
export const deadlines = z.strictObject({
  powerOff: duration,
  powerOn: duration,
  /** From power on to the boot loader's first sign of life. */
  firstOutput: duration,
  /** To the boot loader's prompt (U-Boot), or to the first request of the network boot (Pi). */
  bootLoader: duration,
  /** Longest silence within one TFTP transfer. */
  transferStall: duration,
  /** All files. */
  deploy: duration,
  /** From the hand-over to Xen's banner. */
  xenBanner: duration,
  /** From Xen's banner to Dom0's login, or to a panic. */
  dom0: duration,
  /** From creation to a domain that answers SSH. */
  domain: duration,
  /** One command over SSH. */
  command: duration,
  /** Silence until Xen has printed all after a command of the toolstack has returned: it frees a domain later. */
  settle: duration.default(15_000),
  /** Saving logs after the last step, or after a failure. */
  collect: duration,
});

/** The talker of a UART, as the console reader tells talkers apart. */
export const talkers = z.array(z.enum(['eeprom', 'tf-a', 'u-boot', 'xen', 'linux']));

/** Name of a UART beside the console: part of the names of files that a run writes. */
export const uartName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'a name of small letters, digits and dashes')
  .refine(name => name !== 'main', 'another name: main is the console');

/** How a file is announced to Xen under /chosen (xen docs/misc/arm/device-tree/booting.txt). */
const bootModule = z.enum(['multiboot,kernel', 'multiboot,ramdisk']);

/** The Raspberry Pi's EEPROM network boot: the board asks for its files by itself. */
const eeprom = z.strictObject({
  /** The file that it starts; after the whole file has come, it hands over. */
  kernel: z.string(),
  /** Files to serve: name asked for -> file of the deployment. */
  files: z.record(z.string(), z.string()),
  /** Names that the EEPROM probes and that need not exist. */
  probes: z.array(z.string()),
  /** Text of config.txt, which names what is fetched. */
  config: z.string(),
  /**
   * Files that are made of others in a row, each on a 2 MiB boundary from `address` on, where config.txt has the
   * EEPROM place them. What else Xen is to find, a dom0less domain's kernel for instance, follows Dom0's kernel.
   */
  rows: z
    .array(
      z.strictObject({
        file: z.string(),
        address,
        parts: z.array(z.strictObject({ file: z.string(), module: bootModule.exactOptional() })).min(1),
      }),
    )
    .default([]),
});

/** U-Boot interrupted at its prompt; all that it does is typed. */
const uBoot = z.strictObject({
  autoboot: z.string(),
  /** The key that interrupts the countdown. */
  interrupt: z.string(),
  prompt: z.string(),
  environment: z.record(z.string(), z.string()),
  /** Commands before the files are fetched. */
  commands: z.array(z.string()).default([]),
  /**
   * Files in the order in which they are fetched over TFTP, and where to; `module`: what Xen takes it for. What
   * else Xen is to find follows the last of them in memory.
   */
  load: z
    .array(z.strictObject({ file: z.string(), address, module: bootModule.exactOptional() }))
    .default([]),
  /**
   * Where U-Boot is at EL3 and starts TF-A itself: Xen and the device tree come to their places in one image with
   * BL31, which is fetched last, as `fit`.
   */
  fit: z
    .strictObject({ kernel: z.string(), bl31: z.strictObject({ file: z.string(), address }) })
    .exactOptional(),
  /**
   * Command that starts Xen; `${name}` stands for the address of a file, `${name.size}` for its size, `$name` for a
   * variable of U-Boot's own.
   */
  start: z.string(),
  /**
   * Commands in a script that U-Boot fetches first: little is typed then, on lines that lose
   * characters. A lab can say so for a board.
   */
  script: z.boolean().default(false),
});

/** The boot loaders of a board, in the order EEPROM, U-Boot: each starts the next one, the last one Xen. */
const boot = z
  .strictObject({
    /** Texts of the stages before Xen, each a sign of a (re)start. */
    banners: z.array(z.string()).min(1),
    eeprom: eeprom.exactOptional(),
    uBoot: uBoot
      .refine(
        ({ script, load }) => !script || load.length > 0,
        'script: it fetches nothing, a script neither',
      )
      .exactOptional(),
  })
  .refine(
    loaders => loaders.eeprom !== undefined || loaders.uBoot !== undefined,
    'needs eeprom, uBoot or both',
  );

export const boardTypeSchema = z.strictObject({
  schema: z.literal(1),
  type: z.string().regex(/^[a-z0-9-]+$/),
  /**
   * A board type that this one differs from only in what the file says: the file is laid over it as a JSON merge
   * patch (RFC 7396: names are merged, lists replaced, `null` removes). Scenarios for the one are for the other.
   */
  extends: z.string().exactOptional(),
  title: z.string(),
  soc: z.string(),
  /** Facts that a person at the board should know: DIP switches, connectors. */
  notes: z.array(z.string()).default([]),
  /** Identity that U-Boot prints: after `CPU:   `, and after `Model: ` if it is one of these. */
  identity: z.strictObject({ cpu: z.string(), models: z.array(z.string()).min(1) }).exactOptional(),
  /** A machine that QEMU is, with a network of its own: how it is started. Absent: a physical board. */
  emulator: z
    .strictObject({
      program: z.string(),
      /** `${name}` stands for the path of an image. */
      arguments: z.array(z.string()).min(1),
      network: z.strictObject({ server: z.ipv4(), address: z.ipv4(), netmask: z.ipv4() }),
    })
    .exactOptional(),
  console: z.strictObject({
    baudRate: z.number().int().positive(),
    linux: z.string(),
    /** Silence after which all has come that a command made the board say; ten times that after a panic. */
    quiet: duration.default(100),
  }),
  /** UARTs that it has beside the console, by name: who writes there, and how fast where not as on the console. */
  uarts: z
    .record(
      uartName,
      z.strictObject({ talkers: talkers.min(1), baudRate: z.number().int().positive().exactOptional() }),
    )
    .default({}),
  /** Ways to boot it, by name. The first is taken unless the lab file says `boot: NAME`. */
  boots: z
    .record(z.string().regex(/^[a-z0-9-]+$/), boot)
    .refine(boots => Object.keys(boots).length > 0, 'needs at least one way to boot'),
  /** RAM that the non-secure world may use; load ranges are checked against it. */
  memory: z.array(z.strictObject({ base: address, size: address })).min(1),
  /** Parts of it that nothing may be loaded into, and whose they are. */
  reserved: z.array(z.strictObject({ what: z.string(), base: address, size: address })).default([]),
  /** SCMI firmware profile (boards/firmware/NAME.yaml). */
  firmware: z.string(),
  /** Which agent is whose in the trees of firmware/<type>/. */
  agents: z.strictObject({
    xen: z.number().int().nonnegative(),
    dom0: z.number().int().nonnegative(),
    guests: z.array(z.number().int().nonnegative()).min(1),
  }),
  /**
   * Host device tree, source or blob, relative to the project, and what is laid over it: the `xen,sci`
   * container with the agents above. A lab's own tree (`images.dtb`) takes the place of the first.
   */
  hostTree: z.string(),
  hostOverlays: z.array(z.string()).default([]),
  /** Guest's partial device tree; `${functionId}` stands for its agent's. */
  partialTree: z.string(),
  /** Guest physical address at which the partial tree expects the agent's page. */
  guestShmem: address,
  linux: z.enum(['6.1', '6.12', '7.2']),
  /** SCMI drivers of its kernel beside those that come with the protocol by default (clock, reset, power). */
  linuxDrivers: z.array(z.enum(['pinctrl'])).default([]),
  /**
   * CONFIG_ARM_SCMI_RAW_MODE_SUPPORT of its kernel: `exclusive` without, `coexisting` with _COEX. What a step finds is
   * asked of the domain in any case.
   */
  linuxRawMode: z.enum(['none', 'exclusive', 'coexisting']).default('none'),
  xen: z.strictObject({
    mediator: z.enum(['multi-agent', 'single-agent', 'none']),
    debug: z.boolean(),
    version: z.string().exactOptional(),
  }),
  dom0: z.strictObject({
    /** Pattern of the line or prompt after which Dom0 can be logged in to. */
    login: pattern,
    user: z.string(),
    sshPort: z.number().int().positive(),
    /** Directory in Dom0 for guest configurations and partial trees. */
    directory: z.string(),
    /** Kernel and ramdisk of guests, as paths in Dom0. */
    guestKernel: z.string(),
    guestRamdisk: z.string().optional(),
    /** The bare-metal probe (firmware/probe), as a path in Dom0; absent: no guest can run it. */
    probe: z.string().exactOptional(),
  }),
  deadlines,
});

/** A file of boards/, with what it extends. */
export type WrittenBoardType = z.output<typeof boardTypeSchema>;

/** A board type as read, with one way to boot: addresses are numbers, durations milliseconds. */
export interface BoardType extends Omit<WrittenBoardType, 'boots' | 'extends'> {
  readonly boot: Boot;
  /** Names of all its ways to boot. */
  readonly boots: readonly string[];
  /** Itself, and the types that it extends. */
  readonly lineage: readonly string[];
}

export interface Boot extends z.output<typeof boot> {
  readonly name: string;
}
export type Eeprom = NonNullable<Boot['eeprom']>;
export type UBoot = NonNullable<Boot['uBoot']>;
export type Deadlines = BoardType['deadlines'];
