/** The command line of an emulated board (QEMU documentation, "Invocation"). */

export interface EmulatedMachine {
  /** `qemu-system-aarch64` */
  readonly program: string;
  /**
   * What makes it this kind of machine: `-machine`, `-cpu`, `-device loader,...`. `${name}` stands for the path
   * of an image.
   */
  readonly arguments: readonly string[];
}

export interface MachineWires {
  /** Unix socket of the console: the machine's first serial port. Somebody listens on it already. */
  readonly console: string;
  /** File for what the firmware writes to the second serial port. */
  readonly firmwareLog: string;
  /** Unix socket of the QEMU Machine Protocol, on which somebody listens already. */
  readonly monitor: string;
  /** Network interface of this machine that is the other end of the board's. */
  readonly tap: string;
  readonly macAddress: string;
}

/**
 * @param images paths by name
 * @returns program and arguments; no shell reads them
 * @throws Error that names an image for which there is no path
 */
export function qemuCommandLine(
  machine: EmulatedMachine,
  images: ReadonlyMap<string, string>,
  wires: MachineWires,
): [program: string, ...rest: string[]] {
  const own = machine.arguments.map(argument =>
    argument.replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
      const image = images.get(name);
      if (image === undefined) throw new Error(`the machine's command line names ${name}, which has no path`);
      return optionValue(image);
    }),
  );
  return [
    machine.program,
    ...own,
    '-nodefaults',
    ...option('display', 'none'),
    ...option('chardev', `socket,id=console,path=${optionValue(wires.console)}`),
    ...option('serial', 'chardev:console'),
    ...option('chardev', `file,id=firmware,path=${optionValue(wires.firmwareLog)}`),
    ...option('serial', 'chardev:firmware'),
    ...option('chardev', `socket,id=monitor,path=${optionValue(wires.monitor)}`),
    ...option('mon', 'chardev=monitor,mode=control'),
    ...option('netdev', `tap,id=net,ifname=${wires.tap},script=no,downscript=no`),
    ...option('device', `virtio-net-device,netdev=net,mac=${wires.macAddress}`),
  ];
}

const option = (name: string, value: string): string[] => [`-${name}`, value];

/** A comma ends an option's value unless it is doubled. */
const optionValue = (text: string): string => text.replaceAll(',', ',,');
