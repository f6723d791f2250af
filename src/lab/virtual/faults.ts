/** Faults of a virtual board, or of the lab around it, that a controller has to cope with. */

/** How far a board has got: `step` is the first command that a step sends to Dom0. */
export type Milestone = 'boot-loader' | 'transfer' | 'xen' | 'dom0' | 'step';

export interface VirtualFaults {
  /**
   * Damage of the serial line to the board's output: another talker's line breaks in, one character in some
   * hundred is lost or comes twice, all of it is read at another speed, nothing of it arrives.
   */
  readonly output?: 'torn' | 'lossy' | 'doubling' | 'wrong-speed' | 'nothing';
  /** Damage to typed characters: the UART overruns; now and then the first two change places. */
  readonly input?: 'overrun' | 'reordered';
  /** Of U-Boot, at the first power-on: it reads no key in time; it does not show that it counts. */
  readonly countdown?: 'key-lost' | 'not-shown';
  /** Around prompts: now and then a log line has not ended; escape codes of bracketed paste. */
  readonly prompt?: 'in-a-log-line' | 'escape-codes';
  /** A line of init is written over Dom0's prompt. */
  readonly loginOverlaid?: boolean;
  /** Faults of the network in TFTP. `stalls-once`: in the first transfer of Xen alone. */
  readonly tftp?: 'loss' | 'reorder' | 'duplicate' | 'stalls' | 'stalls-once' | 'file-missing';
  /** Where the EEPROM's network boot stops: no link, no DHCP server, an offer without what it needs (option 43). */
  readonly eeprom?: 'no-link' | 'no-offer' | 'offer-not-taken';
  /** Fault of the power switch. */
  readonly switch?: SwitchFault;
  /** The board starts again by itself there, once. */
  readonly resetsAt?: Milestone;
  /** The serial adapter vanishes there, for good or for this time in milliseconds. */
  readonly adapterGone?: { readonly at: Milestone; readonly milliseconds?: number };
  /** How Dom0 answers on the network: not at all, no SSH server, one that hangs, one with another host key. */
  readonly dom0?: 'no-network' | 'ssh-refuses' | 'ssh-hangs' | 'other-host-key';
  /** The SSH servers of the domains have no sftp subsystem. */
  readonly noSftp?: boolean;
  /** Guests take connections and say nothing. */
  readonly guestsHang?: boolean;
  /** Another board is behind the port. */
  readonly otherBoard?: boolean;
  /** The Xen that boots has the driver for a single agent. */
  readonly otherXen?: boolean;
  /** The running program stops there silently, or with a panic that is not predicted. */
  readonly stops?: 'after-hand-over' | 'in-dom0-kernel' | 'panics';
  /** The disk under the recording takes no more than this number of bytes. */
  readonly diskBytes?: number;
}

/**
 * - `says-on`: it claims so, whatever it is told, and does nothing.
 * - `says-off`: it claims so, and from when it was first told to go on the board has power.
 * - `fails-once`: the first command to it is an error.
 * - `refuses`: every command is an error. `silent`: none is answered.
 * - `stays-on`: once on, it refuses to go off.
 * - `only-resets`: the board stands still while it is off, and keeps its supply.
 */
export type SwitchFault =
  | 'says-on'
  | 'says-off'
  | 'fails-once'
  | 'refuses'
  | 'silent'
  | 'stays-on'
  | 'only-resets';
