import type { DeviceTree } from '../dt/tree.ts';
import { MemoryAbort } from '../scmi/memory.ts';
import type { Context } from './context.ts';
import type { Domain } from './domain.ts';
import { GuestAbort, type GuestMachine } from './guest.ts';
import type { Sci } from './sci.ts';
import { handleSmc } from './vsmc.ts';

/** A domain's machine as Xen makes it: memory through its p2m, SMCs through the vSMC layer. */
export class XenGuestMachine implements GuestMachine {
  readonly domid: number;
  readonly tree: DeviceTree;
  readonly #context: Context;
  readonly #sci: Sci;
  readonly #domain: Domain;

  constructor(context: Context, sci: Sci, domain: Domain, tree: DeviceTree) {
    this.#context = context;
    this.#sci = sci;
    this.#domain = domain;
    this.domid = domain.domid;
    this.tree = tree;
  }

  smc(functionId: number): number {
    return handleSmc(this.#context, this.#sci, this.#domain, functionId);
  }

  readU32(address: number): number {
    const machine = this.#domain.translate(address);
    if (machine === undefined) throw this.#stage2Fault(address, 'read');
    try {
      return this.#context.machine.memory.readU32(machine);
    } catch (error) {
      throw guestAbort(address, error);
    }
  }

  writeU32(address: number, value: number): void {
    const machine = this.#domain.translate(address);
    if (machine === undefined) throw this.#stage2Fault(address, 'write');
    try {
      this.#context.machine.memory.writeU32(machine, value);
    } catch (error) {
      throw guestAbort(address, error);
    }
  }

  /** do_trap_stage2_abort_guest(): in a debug build Xen says where, then the guest gets a data abort. */
  #stage2Fault(address: number, kind: 'read' | 'write'): GuestAbort {
    const hsr = kind === 'read' ? DATA_ABORT : DATA_ABORT + WRITE;
    const gva = `ffff800082515${(address % 0x1000).toString(16).padStart(3, '0')}`;
    const because = `${this.#domain.name} ${kind}s guest address 0x${address.toString(16)}, where nothing is mapped`;
    this.#context.console.printk(
      'traps.guest-abort',
      [this.domid, hsr, 'ffff800080c027c4', gva, address],
      { because, domid: this.domid },
      this.domid,
    );
    return new GuestAbort(address, because);
  }
}

function guestAbort(address: number, error: unknown): unknown {
  return error instanceof MemoryAbort
    ? new GuestAbort(address, `synchronous external abort: ${error.message}`)
    : error;
}

/** HSR of a Linux 6.12 that reads a word of a device: only an example, the pattern takes any. */
const DATA_ABORT = 0x9381_4006;
const WRITE = 0x40;
