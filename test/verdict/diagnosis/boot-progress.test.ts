/** Each step of a boot in which a board can be stuck, told from what was seen. */
import test from 'ava';
import type { RecordedData, RecordedEvent } from '../../../src/verdict/recording/event.ts';
import {
  BootProgress,
  type BootSubject,
  diagnoseBoot,
  stuckWords,
} from '../../../src/verdict/diagnosis/boot-progress.ts';

const network = { address: '192.168.1.2', server: '192.168.1.1', port: 69 };
const rpi: BootSubject = {
  board: 'rpi5-01',
  eeprom: {
    files: ['config.txt', 'bcm2712-rpi-5-b.dtb', 'armstub8-2712.bin', 'xen', 'dom0.img'],
    kernel: 'xen',
    probes: ['pieeprom.sig'],
  },
  network: { ...network, prefixes: ['bd989ae1/'] },
};
const uBoot = { autoboot: 'Hit any key to stop autoboot:', prompt: '=> ', files: ['dtb', 'xen'] };
const v4h: BootSubject = { board: 'v4h-01', uBoot, network: { ...network, prefixes: [] } };
const both: BootSubject = {
  ...rpi,
  eeprom: { files: ['config.txt', 'u-boot.bin'], kernel: 'u-boot.bin', probes: [] },
  uBoot: { ...uBoot, prompt: 'U-Boot> ' },
};

const on: RecordedData = { kind: 'power', data: { action: 'on', detail: 'pdu' } };
const confirmed: RecordedData = { kind: 'power', data: { action: 'confirmed', detail: 'on' } };
const prints = (...lines: string[]): RecordedData => raw(lines.map(line => `${line}\r\n`).join(''));
const raw = (text: string): RecordedData => ({ kind: 'received', data: { console: 'main', text } });
const tftp = (event: string, data: object): RecordedData => ({ kind: 'tftp', data: { event, ...data } });
const fault = (what: string): RecordedData => ({ kind: 'fault', data: { class: 'infrastructure', what } });
const line = (state: 'away' | 'back', detail: string): RecordedData => ({
  kind: 'line',
  data: { console: 'main', state, detail },
});
let transfers = 0;
const asks = (file: string): RecordedData =>
  tftp('request', { transfer: (transfers += 1), client: network.address, file, options: {} });
const sent = (file: string, bytes = 1000): RecordedData[] => [
  asks(file),
  tftp('done', { transfer: transfers, file, bytes, blocks: 1, resent: 0, milliseconds: 5 }),
];
const refused = (file: string, client = network.address): RecordedData =>
  tftp('refused', { client, file, code: 1, why: 'not among the files' });
const stranger = (file: string): RecordedData =>
  tftp('stranger', { client: '192.168.1.77', file, code: 2, why: 'no board has this address' });

const banner = 'RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17';
const waitsForLink = [
  banner,
  '  7.52 Boot mode: NETWORK (02) order f',
  '7.14 NETWORK: d8:3a:dd:e4:c9:f0 wait for link TFTP: 0.0.0.0',
];
const linkUp = [...waitsForLink, ' 10.39 LINK STATUS: speed: 1000 full duplex', ' 10.40 Link ready'];
const offered = [
  ...linkUp,
  ' 18.54 DHCP src: 08:00:27:00:d4:68 192.168.1.1',
  ' 19.55 YI_ADDR 192.168.1.2',
  '        op: 53 len:   1 DHCP recv OFFER (2) expect OFFER',
];
const addressed = [
  ...offered,
  ' 19.16 YI_ADDR 192.168.1.2',
  ' 19.20 SI_ADDR 192.168.1.1',
  '        op: 53 len:   1 DHCP recv ACK (5) expect ACK 19.27',
];
const configured = [on, prints(...addressed), ...sent('config.txt')];
const fetched = [...configured, ...sent('xen'), ...sent('dom0.img')];

/** The evidence, the step in which the board is stuck, and the diagnosis. */
const stuck: readonly (readonly [
  title: string,
  subject: BootSubject,
  seen: readonly RecordedData[],
  step: string,
  words: RegExp,
])[] = [
  ['no power', rpi, [], 'power', /the power was never switched on/],
  [
    'a switch that fails',
    rpi,
    [on, { kind: 'power', data: { action: 'failed', detail: 'no route' } }],
    'eeprom',
    /^the power switch failed \(no route\)/,
  ],
  [
    'no console output',
    rpi,
    [on],
    'eeprom',
    /^nothing came on the console, and no request.*: see the supply .*BOOT_UART=1/,
  ],
  [
    'no output though the power is on',
    rpi,
    [on, confirmed],
    'eeprom',
    /though the switch says that the power is on/,
  ],
  [
    'a console that is exchanged with another UART',
    rpi,
    [on, { kind: 'received', data: { console: 'secure', text: 'RPi: BOOTSYS\r\nand m' } }],
    'eeprom',
    /another UART speaks \(secure: RPi: BOOTSYS\): .*boards\.rpi5-01\.serial and that port are exchanged/,
  ],
  [
    'a console at another speed',
    rpi,
    [on, { kind: 'received', data: { console: 'main', base64: Buffer.alloc(40, 0xf8).toString('base64') } }],
    'eeprom',
    /no text.*: the speed is wrong: see boards\.rpi5-01\.serial\.baudRate/,
  ],
  [
    'a console without its EEPROM',
    rpi,
    [on, prints('Linux raspberrypi')],
    'eeprom',
    /not the EEPROM \(Linux raspberrypi\): set BOOT_UART=1/,
  ],
  [
    'another boot order',
    rpi,
    [on, prints(banner, 'Boot mode: SD (01) order 4')],
    'network',
    /boots from SD \(Boot mode: SD.*: set BOOT_ORDER=0xf12/,
  ],
  [
    'an EEPROM that stops early',
    rpi,
    [on, prints(banner)],
    'network',
    /does not come to the network \(RPi: BOOTSYS/,
  ],
  ['no link', rpi, [on, prints(...waitsForLink)], 'link', /waits for the Ethernet link \(NETWORK: .*cable/],
  [
    'no DHCP offer',
    rpi,
    [on, prints(...linkUp)],
    'offer',
    /no DHCP server.*Link ready.*scmi-hil dhcp-config rpi5-01/,
  ],
  [
    'an offer without option 43',
    rpi,
    [on, prints(...offered)],
    'address',
    /got an offer and did not go on \(.*recv OFFER.*option 43.*boot file name/,
  ],
  [
    'an address and no request',
    rpi,
    [on, prints(...addressed)],
    'request',
    /asks for no file \(.*SI_ADDR.*must be 192\.168\.1\.1/,
  ],
  [
    'another server in the offer',
    rpi,
    [on, prints(...offered, 'SI_ADDR 192.168.1.250', 'DHCP recv ACK (5) expect ACK')],
    'request',
    /takes 192\.168\.1\.250 for its TFTP server, and files are served at 192\.168\.1\.1/,
  ],
  [
    'a TFTP_IP of its own',
    rpi,
    [on, prints(...addressed, 'TFTP_GET: 08:00:27:00:d4:68 10.0.0.9 bd989ae1//config.txt')],
    'request',
    /takes 10\.0\.0\.9 .*TFTP_IP/,
  ],
  [
    'requests that do not arrive',
    rpi,
    [on, prints(...addressed, 'TFTP_GET: 08:00:27:00:d4:68 192.168.1.1 bd989ae1//config.txt')],
    'request',
    /do not arrive here .*firewall/,
  ],
  [
    'a server at another port',
    { ...rpi, network: { ...network, port: 6969, prefixes: [] } },
    [on, prints(...addressed, 'TFTP_GET: 08:00:27:00:d4:68 192.168.1.1 x')],
    'request',
    /served at 6969.*tftpPort: 69/,
  ],
  [
    'another address than the lab names',
    rpi,
    [on, prints(...addressed), stranger('bd989ae1/config.txt')],
    'request',
    /from 192\.168\.1\.77, and the lab says 192\.168\.1\.2.*network\.address: 192\.168\.1\.77/,
  ],
  [
    'another serial number',
    rpi,
    [on, prints(...addressed), refused('fdb367bd//config.txt')],
    'config',
    /below fdb367bd\/, and the lab says bd989ae1 .*serialNumber: "fdb367bd"/,
  ],
  [
    'a serial number that the lab does not name',
    { ...rpi, network: { ...network, prefixes: [] } },
    [on, refused('fdb367bd/config.txt')],
    'config',
    /the lab names none .*serialNumber: "fdb367bd"/,
  ],
  ['another kind of prefix', rpi, [on, refused('d8-3a-dd-e4-c9-f0/config.txt')], 'config', /TFTP_PREFIX=0/],
  [
    'no config.txt',
    rpi,
    [on, prints(...addressed), refused('bd989ae1/config.txt')],
    'config',
    /config\.txt is asked for and not there/,
  ],
  [
    'requests for other files alone',
    rpi,
    [on, asks('start4.elf'), refused('start4.elf')],
    'config',
    /stopped after 0 bytes|config\.txt is not/,
  ],
  [
    'a kernel that is not there',
    rpi,
    [...configured, refused('bd989ae1/pieeprom.sig'), refused('bd989ae1/kernel_2712.img')],
    'kernel',
    /kernel_2712\.img is asked for and not there/,
  ],
  [
    'a transfer that stalls',
    rpi,
    [
      ...configured,
      asks('xen'),
      tftp('progress', { transfer: transfers, file: 'xen', bytes: 262_144, size: 1 }),
    ],
    'kernel',
    /xen stopped after 262144 bytes.*TFTP_FILE_TIMEOUT.*not try again/,
  ],
  [
    'a transfer that the server gave up',
    rpi,
    [
      ...configured,
      asks('xen'),
      tftp('ended', {
        transfer: transfers,
        file: 'xen',
        bytes: 96_000_000,
        why: 'timeout',
        detail: 'silent',
      }),
    ],
    'kernel',
    /stopped after 96000000 bytes.*65536 blocks/,
  ],
  [
    'the SD card after the network',
    rpi,
    [...configured, prints('Boot mode: SD (01) order 4f')],
    'kernel',
    /gave the network up and boots from SD/,
  ],
  [
    'an EEPROM that gives up',
    rpi,
    [...configured, prints('Boot mode: RESTART (0f) order 0')],
    'kernel',
    /gave the network boot up \(Boot mode: RESTART/,
  ],
  ['files without a kernel', rpi, configured, 'kernel', /config\.txt was fetched, but not xen/],
  [
    'every file and then silence',
    rpi,
    fetched,
    'handover',
    /every file was fetched, and then nothing came.*armstub/,
  ],
  [
    'a hand-over and then silence',
    rpi,
    [...fetched, prints('5.79 MESS:00:00:05.794805:0: Starting OS 5794 ms')],
    'xen',
    /handed over, and then nothing came \(.*Starting OS.*armstub/,
  ],
  [
    'an EL3 firmware that stops',
    rpi,
    [...fetched, prints('Starting OS 5794 ms', 'NOTICE:  BL31: v2.10.0(release):x', 'PANIC in EL3.')],
    'xen',
    /the EL3 firmware stopped \(PANIC in EL3/,
  ],
  [
    'a Xen that is silent',
    rpi,
    [...fetched, prints('Starting OS 5794 ms', 'NOTICE:  BL31: v2.10.0(release):x')],
    'xen',
    /the EL3 firmware runs, and Xen says nothing.*dtuart/,
  ],

  ['no output', v4h, [on], 'output', /nothing came on the console.*boards\.v4h-01\.serial/],
  [
    'a firmware without U-Boot',
    v4h,
    [on, prints('NOTICE:  BL31: v2.7(release):x')],
    'u-boot',
    /firmware before U-Boot speaks.*BL31/,
  ],
  [
    'an SPL without U-Boot',
    v4h,
    [on, prints('U-Boot SPL 2025.07 (x)', 'Trying to boot from SPI')],
    'u-boot',
    /secondary program loader runs.*Trying to boot from SPI/,
  ],
  ['another board behind the port', v4h, [on, prints('login: something')], 'u-boot', /something speaks/],
  [
    'no countdown',
    v4h,
    [on, prints('U-Boot 2023.04 (x)', 'In:    serial')],
    'countdown',
    /shows no countdown \(In: .*bootdelay/,
  ],
  [
    'a PHY that is waited for',
    v4h,
    [on, prints('U-Boot 2023.04 (x)'), raw('Waiting for PHY auto negotiation to complete....')],
    'countdown',
    /link does not come up \(Waiting for PHY/,
  ],
  [
    'a countdown that runs out',
    v4h,
    [on, prints('U-Boot 2023.04 (x)', 'Hit any key to stop autoboot:  0', 'Starting kernel ...')],
    'prompt',
    /ran its stored boot command.*receive wire/,
  ],
  [
    'no prompt',
    v4h,
    [on, prints('U-Boot 2023.04 (x)'), raw('Hit any key to stop autoboot:  2')],
    'prompt',
    /but not the prompt "=> "/,
  ],
  [
    'an unset address',
    v4h,
    [...atPrompt(), raw("tftp 0x48000000 dtb\r\n*** ERROR: `ipaddr' not set\r\n=> ")],
    'u-boot-network',
    /no address/,
  ],
  [
    'no Ethernet device',
    v4h,
    [...atPrompt('No ethernet found.')],
    'u-boot-network',
    /knows no Ethernet device \(No ethernet found/,
  ],
  [
    'a PHY without a link',
    v4h,
    [...atPrompt(), raw('Waiting for PHY auto negotiation to complete......... TIMEOUT !\r\n')],
    'u-boot-network',
    /link does not come up/,
  ],
  [
    'a server that ARP does not find',
    v4h,
    [...loading(), prints('ARP Retry count exceeded; starting again')],
    'u-boot-request',
    /nobody on the board's network has the server's address \(ARP Retry/,
  ],
  [
    'another server',
    v4h,
    [
      ...atPrompt(),
      prints('Using ethernet@e6800000 device', 'TFTP from server 10.1.1.1; our IP address is 192.168.1.2'),
    ],
    'u-boot-request',
    /asks 10\.1\.1\.1, and files are served at 192\.168\.1\.1/,
  ],
  [
    'a firewall',
    v4h,
    [...loading(), prints('T T T T ', 'Retry count exceeded; starting again')],
    'u-boot-request',
    /do not arrive here.*firewall/,
  ],
  ['a stranger', v4h, [...loading(), stranger('dtb')], 'u-boot-request', /from 192\.168\.1\.77/],
  [
    'a file that is not there',
    v4h,
    [...loading(), refused('dtb'), prints("TFTP error: 'File not found' (1)")],
    'files',
    /asked for that is not there .*boards\.v4h-01\.images/,
  ],
  [
    'a server that died',
    v4h,
    [...loading(), ...sent('dtb'), prints('TFTP server died; starting again')],
    'files',
    /lost the TFTP server/,
  ],
  [
    'a wrong size',
    v4h,
    [...loading(), ...sent('dtb'), prints('Bytes transferred = 999 (3e7 hex)')],
    'files',
    /counts 999 bytes, and 1000 were sent of dtb/,
  ],
  ['a file that stalls', v4h, [...loading(), asks('xen')], 'files', /xen stopped after 0 bytes/],
  [
    'one file only',
    v4h,
    [...loading(), ...sent('dtb'), prints('Bytes transferred = 1000 (3e8 hex)')],
    'files',
    /not fetched: xen/,
  ],
  [
    'an image that is none',
    v4h,
    [...loading(), ...sent('dtb'), ...sent('xen'), prints('Bad Linux ARM64 Image magic!')],
    'start',
    /no arm64 Image .*not a uImage/,
  ],
  [
    'a tree that is none',
    v4h,
    [
      ...loading(),
      ...sent('dtb'),
      ...sent('xen'),
      prints('ERROR: Did not find a cmdline Flattened Device Tree'),
    ],
    'start',
    /does not take the device tree/,
  ],
  ['no start', v4h, [...loading(), ...sent('dtb'), ...sent('xen')], 'start', /Xen was not started/],
  [
    'a hand-over into silence',
    v4h,
    handedOver(),
    'xen',
    /handed over, and then nothing came \(Starting kernel/,
  ],
  [
    'a board that started again',
    v4h,
    [...loading(), prints('U-Boot 2023.04 (x)')],
    'u-boot-request',
    /started again by itself \(U-Boot 2023\.04 \(x\)\)/,
  ],
  [
    'an EEPROM that started again',
    rpi,
    [...configured, prints(banner, '  0.89 POWER_OFF_ON_HALT: 0 power-on-reset 0')],
    'kernel',
    /started again by itself/,
  ],
  [
    'a supply that was not cut',
    rpi,
    [on, prints(banner, '  0.89 POWER_OFF_ON_HALT: 0 power-on-reset 0')],
    'network',
    /switch did not cut the supply/,
  ],
  [
    'a line that is gone',
    rpi,
    [...configured, fault('read the console: use /dev/ttyUSB0: the line is gone')],
    'kernel',
    /serial line is gone .*boards\.rpi5-01\.serial/,
  ],
  [
    'an adapter that did not come back',
    rpi,
    [...configured, line('away', 'use /dev/ttyUSB0: the line is gone')],
    'kernel',
    /serial line is gone \(use \/dev\/ttyUSB0/,
  ],
  [
    'no kernel, with an adapter that came back',
    rpi,
    [...configured, line('away', 'the line is gone'), line('back', 'it is back')],
    'kernel',
    /config\.txt was fetched, but not xen/,
  ],
  [
    'another board',
    rpi,
    [...configured, fault('the board behind this port is another: BOOTMODE: serial 0c0ffee1')],
    'kernel',
    /another board is behind this port .*0c0ffee1/,
  ],
  [
    'a console that stayed silent while all was fetched',
    rpi,
    [on, ...sent('config.txt'), ...sent('xen')],
    'handover',
    /fetched its files, and nothing came on the console .*BOOT_UART=1/,
  ],
  [
    'a console at another speed while all was fetched',
    rpi,
    [on, raw('\x80\x90'.repeat(20)), ...sent('config.txt'), ...sent('xen')],
    'handover',
    /no text.*baudRate/,
  ],
  [
    'a crash',
    v4h,
    [...handedOver(), prints('"Synchronous Abort" handler, esr 0x96000010, far 0x0')],
    'xen',
    /crashed \("Synchronous Abort"/,
  ],
];

function atPrompt(...lines: string[]): RecordedData[] {
  return [
    on,
    prints('U-Boot 2023.04 (x)', ...lines),
    raw('Hit any key to stop autoboot:  2\b\b\b 0 \r\n=> '),
  ];
}

function loading(): RecordedData[] {
  return [
    ...atPrompt(),
    prints(
      'Using ethernet@e6800000 device',
      'TFTP from server 192.168.1.1; our IP address is 192.168.1.2',
      'Loading: *',
    ),
  ];
}

function handedOver(): RecordedData[] {
  return [
    ...loading(),
    ...sent('dtb'),
    ...sent('xen'),
    prints('Bytes transferred = 1000 (3e8 hex)', 'Starting kernel ...'),
  ];
}

for (const [title, subject, seen, step, words] of stuck) {
  test(`${subject.board}: ${title} is told`, t => {
    const { stuck: found } = diagnoseBoot(subject, eventsOf(seen), index => index + 1);
    t.is(found?.name, step);
    t.regex(found === null ? '' : stuckWords(found), words);
  });
}

test('a boot that reaches Xen is not stuck, and each step has its place', t => {
  const told: string[] = [];
  const boot = new BootProgress(rpi, ({ name }) => told.push(name));
  const events = eventsOf([...fetched, prints('Starting OS 5794 ms', '(XEN) Xen version 4.20 (x)')]);
  events.forEach((event, index) => boot.take(event, index + 1));
  const { stuck: found, reached, attempts } = boot.diagnosis();
  t.is(found, null);
  t.is(attempts, 1);
  t.deepEqual(
    told,
    reached.map(({ name }) => name),
  );
  t.like(
    reached.find(({ name }) => name === 'link'),
    { title: 'the link is up', place: 2, t: 20 },
  );
});

test('an EEPROM that starts U-Boot is followed through both, with the requests of each', t => {
  const started = [
    on,
    prints(...addressed),
    ...sent('config.txt'),
    ...sent('u-boot.bin'),
    prints('Starting OS 5794 ms'),
  ];
  const silent = diagnoseBoot(both, eventsOf(started), index => index).stuck;
  t.is(silent?.name, 'u-boot');
  const prompt = [
    ...started,
    prints('U-Boot 2024.04 (x)'),
    raw('Hit any key to stop autoboot:  2\r\nU-Boot> '),
  ];
  const idle = diagnoseBoot(both, eventsOf([...prompt, prints('No ethernet found.')]), index => index).stuck;
  t.is(idle?.name, 'u-boot-network');
  t.regex(idle?.hint ?? '', /let the EEPROM load the files/);
  const preloaded = { ...both, uBoot: { ...uBoot, prompt: 'U-Boot> ', files: [] } };
  const begun = diagnoseBoot(preloaded, eventsOf([...prompt, prints('Starting kernel ...')]), index => index);
  t.is(begun.stuck?.name, 'xen');
});

test('requests that were read off the console count as well', t => {
  const told = (transfer: number, file: string) => [
    tftp('request', { transfer, file }),
    tftp('done', { transfer, file, bytes: 9, milliseconds: 1 }),
  ];
  const seen = [on, prints(...addressed), ...told(1, 'bd989ae1//config.txt'), ...told(2, 'bd989ae1/xen')];
  const last = [
    tftp('request', { transfer: 3, file: 'x' }),
    tftp('refused', { transfer: 3, file: 'x', code: 1, why: '' }),
  ];
  const { stuck: found } = diagnoseBoot(rpi, eventsOf([...seen, ...last]), index => index);
  t.is(found?.name, 'handover');
  t.regex(found?.what ?? '', /every file was fetched/);
});

test('an EEPROM without a console is followed by its requests', t => {
  const { stuck: found, reached } = diagnoseBoot(rpi, eventsOf([on, ...sent('config.txt')]), index => index);
  t.deepEqual(
    reached.map(({ name }) => name),
    ['power', 'request', 'config'],
  );
  t.is(found?.name, 'kernel');
});

test('each power-on begins anew: the steps are those of the last attempt', t => {
  const { stuck: found, attempts } = diagnoseBoot(
    rpi,
    eventsOf([...fetched, on, prints(banner)]),
    index => index,
  );
  t.is(attempts, 2);
  t.is(found?.name, 'network');
});

test('a boot that is cut in any place has a diagnosis', t => {
  for (const [, subject, seen] of stuck) {
    for (let length = 0; length <= seen.length; length++) {
      const { stuck: found } = diagnoseBoot(subject, eventsOf(seen.slice(0, length)), index => index);
      t.truthy(found?.hint);
    }
  }
});

function eventsOf(seen: readonly RecordedData[]): RecordedEvent[] {
  return seen.map((data, index) => ({ t: (index + 1) * 10, source: 'test', ...data }));
}
