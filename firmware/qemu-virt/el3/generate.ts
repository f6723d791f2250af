/**
 * Writes the tables of one firmware profile: `node generate.ts PROFILE > FILE`. PROFILE is a name or a file as
 * everywhere else.
 */
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { firmwareTables } from '../../../src/lab/images/firmware-tables.ts';

const [, , name = 'qemu-virt'] = process.argv;
process.stdout.write(firmwareTables(loadFirmwareProfile(name)));
