/** IPv4 addresses of this machine that a board could reach it by. */
import { isIPv4 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

export interface OwnAddress {
  readonly address: string;
  readonly netmask: string;
  readonly interface: string;
}

/** @param interfaces as `os.networkInterfaces` tells them */
export function ownAddresses(
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): OwnAddress[] {
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ address, netmask }) => ({ address, netmask, interface: name })),
  );
}

/** Whether two addresses have the network part of a mask in common. */
export function isInNetwork(address: string, { address: own, netmask }: OwnAddress): boolean {
  const mask = toNumber(netmask);
  return (toNumber(address) & mask) === (toNumber(own) & mask);
}

/** @throws Error where it is none: `isIPv4` has been asked before */
function toNumber(address: string): number {
  if (!isIPv4(address)) throw new Error(`${address} is no IPv4 address`);
  return address.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
}
