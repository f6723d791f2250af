import test from 'ava';
import { ConsoleReader } from '../../../src/verdict/console/reader.ts';
import { ConsoleTransfers, type TransferSeen } from '../../../src/verdict/console/transfers.ts';

/** Transfers seen on a console that prints lines 100 ms apart. */
function seen(lines: readonly string[], pieces: (text: string) => readonly string[] = text => [text]) {
  const all: TransferSeen[] = [];
  const transfers = new ConsoleTransfers(each => all.push(each));
  const reader = new ConsoleReader({ line: line => transfers.line(line) });
  let t = 0;
  for (const line of lines) {
    t += 100;
    for (const piece of pieces(`${line}\r\n`)) {
      reader.feed(new TextEncoder().encode(piece), t);
      for (const tail of reader.tails()) transfers.tail(tail, t);
    }
  }
  return all;
}

const uBoot = [
  'U-Boot 2023.01+dfsg-2+deb12u3 (Jun 22 2026 - 08:38:07 +0000)',
  'Hit any key to stop autoboot:  2 \b\b\b 0 ',
  '=> tftpboot 0x48200000 v4h-01/xen',
  'Using virtio-net#31 device',
  'TFTP from server 10.82.0.1; our IP address is 10.82.0.2',
  "Filename 'v4h-01/xen'.",
  'Load address: 0x48200000',
  `Loading: *\b${'#'.repeat(65)}`,
  '\t #####',
  '\t 4.3 MiB/s',
  'done',
  'Bytes transferred = 1015816 (f8008 hex)',
  '=> ',
];

test("U-Boot's own lines tell of a file as the server would, however they are cut", t => {
  const client = '10.82.0.2';
  const told = [
    { kind: 'request', transfer: 1, client, file: 'v4h-01/xen' },
    { kind: 'done', transfer: 1, file: 'v4h-01/xen', bytes: 1015816, milliseconds: 600 },
  ] as const;
  t.deepEqual(seen(uBoot), told);
  t.deepEqual(
    seen(uBoot, text => text.split(/(?<=.)/s)),
    told,
  );
});

test('marks are progress, told once in a while, also while their line has not ended', t => {
  const all: TransferSeen[] = [];
  const transfers = new ConsoleTransfers(each => all.push(each));
  const reader = new ConsoleReader({ line: line => transfers.line(line) });
  const say = (text: string, at: number) => {
    reader.feed(new TextEncoder().encode(text), at);
    for (const tail of reader.tails()) transfers.tail(tail, at);
  };
  say("U-Boot 2023.01\r\nFilename 'Image'.\r\nLoading: *\b", 0);
  say('#', 900);
  say('#', 1800);
  say(`${'#'.repeat(63)}\r\n`, 1900);
  say('\t #', 2900);
  say(' T ', 3000);
  t.deepEqual(all.slice(1), [
    { kind: 'progress', transfer: 1, file: 'Image', bytes: 2 * 14_680 },
    { kind: 'progress', transfer: 1, file: 'Image', bytes: 66 * 14_680 },
  ]);
});

for (const [line, end] of [
  ["TFTP error: 'File not found' (1)", { kind: 'refused', code: 1, why: 'File not found' }],
  ['TFTP error: 2 (Access violation)', { kind: 'refused', code: 2, why: 'Access violation' }],
  [
    'Retry count exceeded; starting again',
    { kind: 'ended', why: 'client-error', detail: 'Retry count exceeded; starting again', bytes: 0 },
  ],
  ['Abort', { kind: 'ended', why: 'client-error', detail: 'Ctrl-C', bytes: 0 }],
] as const) {
  test(`U-Boot: \`${line}\` ends a transfer`, t => {
    const all = seen(['U-Boot 2025.01', "Filename 'dtb'.", 'Load address: 0x48000000', 'Loading: *', line]);
    t.deepEqual(all, [
      { kind: 'request', transfer: 1, file: 'dtb' },
      { transfer: 1, file: 'dtb', ...end },
    ] as TransferSeen[]);
  });
}

test("the EEPROM's lines tell of probes, missing files and whole ones, with and without time stamps", t => {
  for (const stamp of ['', ' 25.96 ']) {
    const all = seen(
      [
        'RPi: BOOTSYS release VERSION:69471177 DATE: 2025/05/08 TIME: 15:13:17',
        'NET 10.14.0.198 255.255.255.0 gw 10.14.0.1 tftp 10.14.0.3',
        'TFTP_GET: 08:00:27:00:d4:68 10.14.0.3 bd989ae1//config.txt',
        'RX: 10 IP: 0 IPV4: 4 MAC: 4 UDP: 3 UDP RECV: 7 IP_CSUM_ERR: 0 UDP_CSUM_ERR: 0',
        'TFTP: complete 2772',
        'Read bd989ae1//config.txt bytes     2772 hnd 0x0',
        'TFTP_GET: 08:00:27:00:d4:68 10.14.0.3 bd989ae1/pieeprom.sig',
        'TFTP 1: file /srv/tftp/bd989ae1/pieeprom.sig not found',
        'TFTP_GET: 08:00:27:00:d4:68 10.14.0.3 bd989ae1/kernel8.img',
        'TFTP_GET: 08:00:27:00:d4:68 10.14.0.3 bd989ae1/armstub8-2712.bin',
        'TFTP: disconnect: timeouts 5',
        'Read bd989ae1/kernel8.img bytes 300000 hnd 0x0',
        'MESS:00:00:05.794805:0: Starting OS 5794 ms',
      ].map(line => stamp + line),
    );
    t.deepEqual(
      all.map(({ kind, transfer, file }) => `${kind} ${transfer} ${file}`),
      [
        'request 1 bd989ae1//config.txt',
        'done 1 bd989ae1//config.txt',
        'request 2 bd989ae1/pieeprom.sig',
        'refused 2 bd989ae1/pieeprom.sig',
        'request 3 bd989ae1/kernel8.img',
        'ended 3 bd989ae1/kernel8.img',
        'request 4 bd989ae1/armstub8-2712.bin',
        'ended 4 bd989ae1/armstub8-2712.bin',
        'request 5 bd989ae1/kernel8.img',
        'done 5 bd989ae1/kernel8.img',
      ],
    );
    t.like(all[0], { client: '10.14.0.198' });
    t.like(all[1], { bytes: 2772, milliseconds: 200 });
    t.like(all[3], { code: 1, why: 'file /srv/tftp/bd989ae1/pieeprom.sig not found' });
    t.like(all[5], { why: 'client-error', detail: 'the board went on to bd989ae1/armstub8-2712.bin' });
    t.like(all[7], { why: 'timeout', detail: 'timeouts 5' });
  }
});

test('a board that is switched on again has no transfer under way; Linux that says the same has none either', t => {
  const all: TransferSeen[] = [];
  const transfers = new ConsoleTransfers(each => all.push(each));
  const line = { talker: 'u-boot', text: "Filename 'xen'.", t: 0, number: 1 } as const;
  transfers.line(line);
  transfers.powerOn();
  transfers.powerOn();
  transfers.line({ ...line, talker: 'linux', domid: 0 });
  t.deepEqual(
    all.map(({ kind }) => kind),
    ['request', 'ended'],
  );
});
