/** Parts of boards that no two boards of one lab can have. */
import { ConfigurationError } from '../config/configuration-error.ts';
import type { LabBoard } from './lab.ts';
import { outletOf } from './lab-power.ts';
import { consoleOf } from './lab-serial.ts';
import { placeOf } from './lab-tftp.ts';

/** Values that must differ between boards: else one would get the other's files, console or supply. */
type Unshared = readonly (readonly [field: string, value: string | undefined])[];

const unshared: Readonly<Record<string, (setup: Partial<LabBoard>) => Unshared>> = {
  address: ({ network }) => [['network.address', network?.address]],
  serialNumber: ({ network }) => [['network.serialNumber', network?.serialNumber]],
  files: ({ tftp, network }) => [['tftp', tftp && placeOf(tftp, network?.serialNumber)]],
  console: ({ serial, uarts = {} }) => [
    ['serial', serial && consoleOf(serial)],
    ...Object.entries(uarts).map(([name, line]) => [`uarts.${name}`, consoleOf(line)] as const),
  ],
  outlet: ({ power }) => [['power', power && outletOf(power)]],
};

/** Values that the boards of a lab file have taken, in the order of the file. */
export class Taken {
  readonly #place: (field: readonly PropertyKey[]) => string;
  readonly #holders = new Map<string, string>();

  /** @param place where a field of the lab file stands */
  constructor(place: (field: readonly PropertyKey[]) => string) {
    this.#place = place;
  }

  /** @returns the mistake if a part of the board is another board's, or its own already */
  clashOf(board: string, setup: Partial<LabBoard>): ConfigurationError | undefined {
    const own = new Set<string>();
    for (const [field, value, key] of valuesOf(setup)) {
      const holder = own.has(key) ? board : this.#holders.get(key);
      own.add(key);
      if (holder === undefined) continue;
      const at = this.#place(['boards', board, ...field.split('.')]);
      return new ConfigurationError(`${at}: boards.${board}.${field}: ${value} is ${holder}'s already`);
    }
    return undefined;
  }

  /** From now on, these are that board's. */
  add(board: string, setup: LabBoard): void {
    for (const [, , key] of valuesOf(setup)) this.#holders.set(key, board);
  }
}

function valuesOf(setup: Partial<LabBoard>): (readonly [field: string, value: string, key: string])[] {
  return Object.entries(unshared).flatMap(([kind, of]) =>
    of(setup).flatMap(([field, value]) =>
      value === undefined ? [] : [[field, value, `${kind} ${value}`] as const],
    ),
  );
}
