/** The doctor follows virtual boards that stop on their way to Xen, and says where and why. */
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { faultDeadlines, requiredFault } from '../../src/lab/virtual-faults.ts';
import { followBoot } from '../../src/doctor/boot.ts';
import { openVirtualBoard } from '../../src/lab/virtual/open.ts';
import { stuckWords } from '../../src/verdict/diagnosis/boot-progress.ts';

const pi = 'rpi5';
const v4h = 'rcar-v4h-white-hawk';

for (const [type, fault, step, words] of [
  [pi, 'switch-refuses', 'power', /the power switch failed/],
  [pi, 'no-dhcp-offer', 'offer', /no DHCP server offers an address \(DHCP timeout\).*dhcp-config board/],
  [pi, 'no-link', 'link', /the EEPROM waits for the Ethernet link/],
  [pi, 'dhcp-offer-not-taken', 'address', /got an offer and did not go on.*option 43/],
  [pi, 'file-missing', 'kernel', /0000beef\/xen-missing is asked for and not there/],
  [pi, 'tftp-stalls', 'kernel', /the transfer of xen stopped after 0 bytes.*TFTP_FILE_TIMEOUT/],
  [pi, 'console-silent', 'handover', /fetched its files, and nothing came on the console.*BOOT_UART=1/],
  [pi, 'wrong-baud-rate', 'handover', /no text.*baudRate/],
  [pi, 'hang-after-hand-over', 'xen', /the EL3 firmware runs, and Xen says nothing/],
  [v4h, 'console-silent', 'output', /nothing came on the console/],
  [v4h, 'autoboot-missed', 'prompt', /U-Boot ran its stored boot command/],
  [v4h, 'tftp-stalls', 'files', /the transfer of xen stopped/],
  [v4h, 'hang-after-hand-over', 'xen', /U-Boot handed over, and then nothing came/],
] as const) {
  test(`${type}, ${fault}: the board is stuck before the step ${step}`, async t => {
    const { stuck, faults } = await boot(type, fault);
    t.is(stuck?.name, step);
    t.regex(stuck === null ? '' : stuckWords(stuck), words);
    if (fault !== 'switch-refuses') t.deepEqual(faults, [], 'told twice');
  });
}

// The step depends on how far the console is behind the file server.
for (const [fault, words] of [
  ['warm-boot', /the power switch did not cut the supply \(.*power-on-reset 0\)/],
  ['adapter-gone-in-transfer', /the serial line is gone/],
  ['reset-in-transfer', /the board started again by itself/],
  ['reset-in-boot-loader', /the board started again by itself/],
  ['wrong-board', /another board is behind this port \(.*serial 0c0ffee1/],
] as const) {
  test(`${pi}, ${fault}: the cause is told, wherever the board was`, async t => {
    const { stuck, faults } = await boot(pi, fault);
    t.regex(stuck === null ? '' : stuckWords(stuck), words);
    t.deepEqual(faults, [], 'told twice');
  });
}

async function boot(type: string, fault: string) {
  const impatient = { ...loadBoardType(type), deadlines: faultDeadlines };
  const { faults } = requiredFault(fault);
  await using board = await openVirtualBoard(impatient, { name: 'board', faults });
  const signal = AbortSignal.timeout(50_000);
  return await followBoot(board, { reservation: { command: 'a test' }, signal, told: () => undefined });
}
