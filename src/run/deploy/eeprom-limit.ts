/** Limit of an old EEPROM of a Raspberry Pi for the size of files. */
import type { Boot } from '../../board/board-type.ts';
import { type DeployedFile, sizeOf } from './deployed-file.ts';

/** Block numbers have 16 bits; after the last one it stops (rpi-eeprom issue 720, release notes of 2025-09-23). */
const blocks = 65_535;
/** Block size that it asks for (rpi-eeprom issue 857). */
const blockSize = 1468;
/** The last block is short, so that it ends the file. */
const largest = blocks * blockSize - 1;

/**
 * @param files what is served, by the name that the board asks for
 * @returns a sentence for each that is too large for an EEPROM from before 2025-09-23; none where no EEPROM asks
 * @throws ConfigurationError where a file cannot be read
 */
export async function oldEepromWords(
  { eeprom }: Pick<Boot, 'eeprom'>,
  files: ReadonlyMap<string, DeployedFile>,
): Promise<string[]> {
  const words: string[] = [];
  for (const name of Object.keys(eeprom?.files ?? {})) {
    const { size } = await sizeOf(files.get(name) ?? new Uint8Array());
    if (size > largest) {
      words.push(
        `${name} has ${size} bytes: an EEPROM from before 2025-09-23 stops after ${blocks} blocks of ${blockSize} bytes`,
      );
    }
  }
  return words;
}
