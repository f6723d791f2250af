/** State at the hand-over: the address that a boot loader jumps to and its description of memory. */
import type { MachineMemory } from '../machine-memory.ts';
import type { Mishaps } from '../mishaps.ts';
import type { Uart } from '../uart.ts';

export interface Handover {
  /** Physical address of the image that runs now. */
  readonly image: number;
  /** Physical address of the device tree in x0. */
  readonly tree: number;
}

/** Parts that every boot loader of the virtual board uses. */
export interface BootMachine {
  readonly memory: MachineMemory;
  readonly uart: Uart;
  readonly network: VirtualNetwork;
  readonly mishaps: Mishaps;
  /** The supply had been cut before this start; after a reset of its own it had not. */
  readonly isCold: boolean;
  /** Aborted when the supply goes away. */
  readonly signal: AbortSignal;
}

/** The board starts over: its own doing, not the power switch's. */
export class BoardReset extends Error {}

export interface VirtualNetwork {
  /** The board's address, as a DHCP server on its network would give it. */
  readonly address: string;
  /** The TFTP server's address, and the port at which its port 69 is really found. */
  readonly server: string;
  readonly tftpPort: number;
  /** Fetches a file. @throws where the server refuses it or falls silent */
  fetch(file: string, options: FetchOptions): Promise<Uint8Array>;
  /** Asks for a file and ends the transfer after the first packet, as a look whether it is there. */
  probe(file: string, signal: AbortSignal): Promise<boolean>;
}

export interface FetchOptions {
  readonly server: string;
  readonly port: number;
  readonly blockSize: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}
