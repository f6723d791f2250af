/** The command line of an emulated board (QEMU documentation, "Invocation"). */

export interface EmulatedMachine {
  /** `qemu-system-aarch64` */
  readonly program: string;
  /**
   * Arguments for this kind of machine: `-machine`, `-cpu`, `-device loader,...`. `${name}` stands for the path
   * of an image.
   */
  readonly arguments: readonly string[];
}

export interface MachineWires {
  /** Unix socket of the console: the machine's first serial port. Somebody listens on it already. */
  readonly console: string;
  /** Unix sockets of the serial ports after it, in their order, by what they are called. */
  readonly uarts: ReadonlyMap<string, string>;
  /** Unix socket of the QEMU Machine Protocol, on which somebody listens already. */
  readonly monitor: string;
  readonly network: MachineNetwork;
  readonly macAddress: string;
}

/** The other end of the board's network interface. */
export type MachineNetwork =
  /** An interface of this machine. */
  | { readonly kind: 'tap'; readonly tap: string }
  /**
   * QEMU itself (documentation, "Using the user mode network stack"): it serves a directory by TFTP, and a port
   * of this machine leads to the board's SSH server.
   */
  | {
      readonly kind: 'user';
      /** Its own address there, and how many bits of it are the network's. */
      readonly server: string;
      readonly prefixLength: number;
      readonly directory: string;
      readonly forward: {
        /** Of this machine. */
        readonly address: string;
        readonly port: number;
        readonly host: string;
        readonly hostPort: number;
      };
    };

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
    ...serialPort('console', wires.console),
    ...[...wires.uarts].flatMap(([name, socket]) => serialPort(`uart-${name}`, socket)),
    ...option('chardev', `socket,id=monitor,path=${optionValue(wires.monitor)}`),
    ...option('mon', 'chardev=monitor,mode=control'),
    ...option('netdev', netdev(wires.network)),
    ...option('device', `virtio-net-device,netdev=net,mac=${wires.macAddress}`),
  ];
}

function serialPort(id: string, socket: string): string[] {
  return [
    ...option('chardev', `socket,id=${id},path=${optionValue(socket)}`),
    ...option('serial', `chardev:${id}`),
  ];
}

function netdev(network: MachineNetwork): string {
  if (network.kind === 'tap') return `tap,id=net,ifname=${network.tap},script=no,downscript=no`;
  const { server, prefixLength, directory, forward } = network;
  const { address, port, host, hostPort } = forward;
  return [
    `user,id=net,net=${server}/${prefixLength},host=${server}`,
    `tftp=${optionValue(directory)}`,
    `hostfwd=tcp:${address}:${port}-${host}:${hostPort}`,
  ].join(',');
}

const option = (name: string, value: string): string[] => [`-${name}`, value];

/** A comma ends an option's value unless it is doubled. */
const optionValue = (text: string): string => text.replaceAll(',', ',,');
