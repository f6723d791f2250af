/** Whether the board behind the console is the one that the lab means. */
import test from 'ava';
import { loadBoardType } from '../../src/board/board-types.ts';
import { ConsoleReader } from '../../src/verdict/console/reader.ts';
import { otherBoardSigns } from '../../src/run/board-identity.ts';
import { openVirtualBoard } from '../../src/lab/virtual/open.ts';

const network = { server: '192.0.2.1', prefixes: ['bd989ae1/'] };
const uBoot = 'U-Boot 2023.04 (x)';
const eeprom = '  0.87 RPi: BOOTSYS release VERSION:69471177';
const bootMode = (serial: string) =>
  `  0.88 BOOTMODE: 0x06 partition 0 build-ts BUILD_TIMESTAMP=1746713597 serial ${serial} boardrev d04170 stc 880031`;

for (const [title, type, lines, isOther] of [
  [
    'own model',
    'rcar-v4h-white-hawk',
    [uBoot, 'Model: Renesas White Hawk CPU and Breakout boards based on r8a779g0'],
    false,
  ],
  [
    'model of another type',
    'rcar-v4h-white-hawk',
    [uBoot, 'Model: Retronix Sparrow Hawk board based on r8a779g3'],
    true,
  ],
  [
    'one of two own models',
    'rcar-v4h-white-hawk-single',
    [uBoot, 'Model: Renesas White Hawk Single board based on r8a779g3'],
    false,
  ],
  [
    'model of the type that this one extends',
    'rcar-v4h-white-hawk-single',
    [uBoot, 'Model: Renesas White Hawk CPU and Breakout boards based on r8a779g0'],
    true,
  ],
  [
    'model that has no type here',
    'rcar-v4h-white-hawk',
    [uBoot, 'Model: Renesas Gray Hawk Single board based on r8a779h0'],
    true,
  ],
  ['unknown model', 'rcar-v4h-white-hawk', [uBoot, 'Model: Renesas White Hawk (our build)'], false],
  [
    'garbled model',
    'rcar-v4h-white-hawk',
    [uBoot, 'Model: Retronix Sparrow Hwk board based on r8a779g3'],
    false,
  ],
  ['own serial number', 'rpi5', [eeprom, bootMode('bd989ae1')], false],
  ['serial number of another', 'rpi5', [eeprom, bootMode('0c0ffee1')], true],
  ['serial number with a letter lost', 'rpi5', [eeprom, bootMode('bd989a1')], false],
  ['serial number with a letter doubled', 'rpi5', [eeprom, bootMode('bd9899ae1')], false],
] as const) {
  test(`the ${title} is ${isOther ? '' : 'not '}taken for another board`, t => {
    const names: string[] = [];
    const reader = new ConsoleReader(
      { sign: ({ name }) => names.push(name) },
      { signs: otherBoardSigns({ type: loadBoardType(type), network }) },
    );
    reader.feed(Buffer.from(lines.map(line => `${line}\r\n`).join('')), 0);
    t.is(names.includes('other-board'), isOther, names.join());
  });
}

test('a lab without a serial number takes any Raspberry Pi', t => {
  t.deepEqual(otherBoardSigns({ type: loadBoardType('rpi5'), network: { ...network, prefixes: [] } }), []);
});

for (const [name, ...lines] of [
  [
    'rcar-v4h-white-hawk',
    'NOTICE:  BL31: v2',
    'U-Boot 2025',
    'White Hawk CPU and Breakout boards based on r8a779g0',
  ],
  [
    'rcar-v4h-white-hawk-single',
    'NOTICE:  BL31: v2',
    'U-Boot 2025',
    'Model: Renesas White Hawk Single board based on r8a779g2',
  ],
  [
    'rcar-v4h-sparrow-hawk',
    'U-Boot SPL',
    'U-Boot 2025',
    'rev 3.0',
    'Model: Retronix Sparrow Hawk board based on r8a779g3',
  ],
] as const) {
  test(`${name}: its twin says that it is one`, async t => {
    const signal = AbortSignal.timeout(10_000);
    await using board = await openVirtualBoard(loadBoardType(name), { name: 'twin' });
    const { promise, resolve } = Promise.withResolvers<void>();
    let text = '';
    await using _ = await board.serial.open(
      {
        data: bytes => {
          text += Buffer.from(bytes).toString();
          if (text.includes('autoboot')) resolve();
        },
        lost: () => undefined,
      },
      signal,
    );
    await board.power.on(signal);
    await promise;
    await board.power.off(signal);
    let at = 0;
    for (const line of lines) {
      const found = text.indexOf(line, at);
      t.true(found >= at, `${line} is not in ${text}`);
      at = found;
    }
  });
}
