/** Lines of dnsmasq's configuration for a board (dnsmasq(8)). */
export interface DhcpBoard {
  readonly name: string;
  /** Whether the EEPROM of a Raspberry Pi asks, or U-Boot. */
  readonly asks: 'eeprom' | 'u-boot';
  /** Absent: the lines hold for whichever board asks. */
  readonly macAddress?: string | undefined;
  readonly address: string;
  /** Where the TFTP server is. */
  readonly server: string;
  readonly netmask?: string | undefined;
  readonly gateway?: string | undefined;
}

/** @returns lines of a dnsmasq configuration that answers this board and nobody else */
export function dhcpConfiguration(board: DhcpBoard): string[] {
  const { name, macAddress, address, server, netmask = '255.255.255.0', gateway } = board;
  const tag = `tag:${name}`;
  return [
    `# ${name}: addresses for the board alone; names and files come from elsewhere`,
    'port=0',
    ...(macAddress === undefined
      ? [
          `# No network.macAddress in the lab file: any board gets ${address}.`,
          `dhcp-range=set:${name},${address},${address},${netmask},1h`,
        ]
      : [
          `dhcp-range=${networkOf(address, netmask)},static,${netmask},1h`,
          `dhcp-host=${macAddress.toLowerCase()},set:${name},${address}`,
        ]),
    gateway === undefined ? `dhcp-option=${tag},3` : `dhcp-option=${tag},3,${gateway}`,
    ...bootLines[board.asks](tag, server),
  ];
}

const bootLines: Readonly<Record<DhcpBoard['asks'], (tag: string, server: string) => string[]>> = {
  // The controller gives U-Boot its files by name; only the server is news.
  'u-boot': (tag, server) => [`dhcp-option-force=${tag},66,${server}`],
  // raspberrypi/documentation, network boot: without the menu of option 43, and without a boot file's name, the
  // EEPROM stops after the offer.
  eeprom: (tag, server) => [
    `dhcp-boot=${tag},config.txt,,${server}`,
    `dhcp-option-force=${tag},66,${server}`,
    `dhcp-option-force=${tag},43,${hexadecimal(raspberryPiBoot())}`,
  ],
};

/** Vendor options of PXE (Preboot Execution Environment 2.1, table 2-1). */
export function raspberryPiBoot(): Uint8Array {
  const text = new TextEncoder();
  const menu = text.encode('Raspberry Pi Boot');
  const vendorOptions: readonly (readonly [code: number, value: readonly number[]])[] = [
    // PXE_DISCOVERY_CONTROL: no broadcast, no multicast.
    [6, [3]],
    // PXE_MENU_PROMPT: at once.
    [10, [0, ...text.encode('PXE')]],
    // PXE_BOOT_MENU: type 0, the text that the EEPROM looks for.
    [9, [0, 0, menu.length, ...menu]],
  ];
  const end = 255;
  return Uint8Array.from([...vendorOptions.flatMap(([code, value]) => [code, value.length, ...value]), end]);
}

function hexadecimal(bytes: Uint8Array): string {
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':');
}

function networkOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((octet, index) => Number(octet) & (mask[index] ?? 0))
    .join('.');
}
