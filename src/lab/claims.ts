/** Parts of a board that no two controllers of one machine can use at a time. */
import { realpath } from 'node:fs/promises';
import { isIP } from 'node:net';
import { findPort } from './drivers/serial/find-port.ts';
import type { LabgridPlace } from './lab.ts';
import { outletOf } from './lab-power.ts';
import { consoleOf, type LabSerial } from './lab-serial.ts';
import { isEmulated, isVirtual, type WiredBoard } from './load-lab.ts';

/** One thing that is really shared, named the same by every command: `serial port /dev/ttyUSB0`. */
export type Claim = string;

/**
 * The claims of a board: its serial ports, its outlet, its address. Its name is none: two lab files may give one board
 * two names, and two boards one.
 * @returns in one order for all, without doubles; none for a virtual or emulated board, which its controller makes for itself
 */
export async function claimsOf({ setup }: Pick<WiredBoard, 'setup'>): Promise<readonly Claim[]> {
  if (isVirtual(setup) || isEmulated(setup)) return [];
  const { labgrid, serial, uarts, power, network } = setup;
  const ports = await Promise.all([serial, ...Object.values(uarts)].map(portsOf));
  const relay = power.kind === 'relay' ? await devicesAt(power.path) : [];
  const outlet = outletOf(power);
  const claims = [
    ...(labgrid === undefined ? [] : [placeClaim(labgrid)]),
    ...ports.flat(),
    ...(outlet === undefined ? [] : [`power switch ${outlet}`]),
    ...(power.kind === 'relay' && outlet !== undefined
      ? relay.map(device => `power switch ${outlet.replace(power.path, device)}`)
      : []),
    ...(network === undefined || isLoopback(network.address) ? [] : [`board address ${network.address}`]),
  ];
  return [...new Set(claims)].toSorted(inOrder);
}

/**
 * The same order for everybody, so that of two boards with common parts one is taken whole. The first claim is the one
 * that a holder is told by: a port says more than the checksum of a command.
 */
function inOrder(one: Claim, other: Claim): number {
  const [first, second] = [one, other].map(claim => (claim.startsWith('serial port') ? 0 : 1));
  return (first ?? 0) - (second ?? 0) || (one < other ? -1 : 1);
}

async function portsOf(line: LabSerial): Promise<Claim[]> {
  const devices = line.kind === 'device' ? await devicesAt(line.path) : [consoleOf(line)];
  return devices.flatMap(device => (device === undefined ? [] : [`serial port ${device}`]));
}

/** The farm has more users than this machine: the coordinator decides among them. */
function placeClaim(labgrid: LabgridPlace): Claim {
  return 'place' in labgrid
    ? `labgrid place ${labgrid.place}`
    : `labgrid places with ${JSON.stringify(labgrid.tags)}`;
}

/** The device by each of its names that are known: one that is away has only the one of the lab file. */
async function devicesAt(path: string): Promise<string[]> {
  const named = await findPort(path).catch(() => path);
  const device = await realpath(named).catch(() => named);
  return [...new Set([path, device])];
}

/** Tells whether an address is of this machine alone, where any number of boards that are programs may be. */
export function isLoopback(address: string): boolean {
  return isIP(address) === 0 ? address === 'localhost' : /^(?:127\.|::1$)/.test(address);
}
