/**
 * A board in this process: its firmware, boot loader, Xen and domains come to life when the switch is turned
 * and end when it is turned off. What they do follows from what was fetched and typed, and from the model.
 */
import { BoardReset, type Handover, type BootMachine } from './boot/handover.ts';
import { BoardHalted, runEeprom } from './boot/rpi-eeprom.ts';
import { runUBoot } from './boot/u-boot.ts';
import { raspberryPi, rcarV4h, secondaryLoader } from './boot/u-boot-builds.ts';
import { MachineMemory } from './machine-memory.ts';
import type { Supplied } from './power-switch.ts';
import { standInOf } from './stand-in.ts';
import { untilAborted, wait } from './time.ts';
import type { VirtualBoardParts } from './board-parts.ts';
import { runXen } from './xen.ts';

/** How long a board needs from one end to the next start of its firmware, in milliseconds. */
const resetDelay = 50;

export class VirtualBoard implements Supplied {
  readonly #parts: VirtualBoardParts;
  #supply: AbortController | undefined;
  #life: Promise<void> = Promise.resolve();

  constructor(parts: VirtualBoardParts) {
    this.#parts = parts;
  }

  powerOn(): void {
    this.#parts.mishaps.poweredOn();
    const supply = new AbortController();
    this.#supply = supply;
    this.#life = this.#live(supply.signal);
  }

  async powerOff(): Promise<void> {
    this.#supply?.abort(new PowerLost());
    await this.#life;
  }

  /** From power to the loss of it: boots, and boots again after each reset. */
  async #live(signal: AbortSignal): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        await this.#boot(signal, isFirst && this.#parts.mishaps.faults.switch !== 'only-resets');
        return;
      } catch (error) {
        this.#parts.ssh.connect(undefined);
        if (signal.aborted) return;
        if (error instanceof BoardHalted) return await silence(signal);
        if (!(error instanceof BoardReset)) {
          this.#parts.uart.line(`virtual board: ${error instanceof Error ? error.stack : String(error)}`);
          return await silence(signal);
        }
        await wait(resetDelay, signal).catch(() => {});
      }
    }
  }

  async #boot(signal: AbortSignal, isCold: boolean): Promise<void> {
    const { type, uart, network, mishaps } = this.#parts;
    uart.flush();
    const machine: BootMachine = { memory: new MachineMemory(), uart, network, mishaps, isCold, signal };
    let handover = await this.#beforeUBoot(machine);
    const { uBoot } = type.boot;
    const isUBoot =
      handover === undefined || standInOf(machine.memory.read(handover.image, 128)) === 'u-boot';
    if (uBoot !== undefined && isUBoot) {
      const build =
        handover === undefined ? rcarV4h(type) : raspberryPi(uBoot.load.length > 0, handover.tree);
      const bl31 = uBoot.fit === undefined ? undefined : firmwareBanner.flash;
      handover = await runUBoot(machine, bl31 === undefined ? build : { ...build, bl31 });
    }
    if (handover === undefined) throw new BoardHalted('nothing is in the flash of this board');
    await runXen({ ...this.#parts, memory: machine.memory, handover, signal });
  }

  /** The EEPROM, where there is one, and TF-A: it is what the EEPROM starts first, and in flash elsewhere. */
  async #beforeUBoot(machine: BootMachine): Promise<Handover | undefined> {
    const { type, uart, serial, firmwareUart = uart } = this.#parts;
    const hasEeprom = type.boot.eeprom !== undefined;
    const handover = hasEeprom ? await runEeprom(machine, { serial }) : undefined;
    for (const line of secondaryLoader(type)) uart.line(line);
    // Where U-Boot is at EL3, BL31 comes after it.
    if (type.boot.uBoot?.fit !== undefined) return handover;
    for (const line of firmwareBanner[hasEeprom ? 'armstub' : 'flash']) firmwareUart.line(line);
    return handover;
  }
}

/** The supply went away under whatever was running. */
class PowerLost extends Error {
  constructor() {
    super('the supply was switched off');
  }
}

/** TF-A's lines: BL31 runs before U-Boot on the White Hawk, after the EEPROM on the Pi. */
const firmwareBanner = {
  flash: [
    'NOTICE:  BL3-1 : Rev.0.10.0',
    'NOTICE:  BL31: v2.7(release):v2.7-virtual',
    'NOTICE:  BL31: Built : 10:00:00, Oct 16 2024',
  ],
  armstub: [
    '',
    'NOTICE:  BL31: v2.10.0(release):v2.10.0-virtual',
    'NOTICE:  BL31: Built : 10:00:00, Aug 29 2024',
  ],
} as const;

/** A board that does nothing more until its supply goes. */
async function silence(signal: AbortSignal): Promise<void> {
  await untilAborted(signal).catch(() => {});
}
