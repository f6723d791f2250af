/** The virtual Raspberry Pi's EEPROM against the TFTP server that real boards fetch from. */
import test from 'ava';
import { TftpFetchError } from '../../../src/lab/drivers/tftp/client.ts';
import { listenTftp } from '../../../src/lab/drivers/tftp/server.ts';
import type { TftpEvent } from '../../../src/lab/drivers/tftp/tftp.ts';
import { parseFlat, writeFlat } from '../../../src/model/dt/flat.ts';
import { parseSource } from '../../../src/model/dt/source.ts';
import type { VirtualNetwork } from '../../../src/lab/virtual/boot/handover.ts';
import { BoardHalted, runEeprom } from '../../../src/lab/virtual/boot/rpi-eeprom.ts';
import { MachineMemory } from '../../../src/lab/virtual/machine-memory.ts';
import { Mishaps } from '../../../src/lab/virtual/mishaps.ts';
import { createNetwork } from '../../../src/lab/virtual/network.ts';
import { Uart } from '../../../src/lab/virtual/uart.ts';

const loopback = '127.0.0.1';
const serial = 'bd989ae1';

interface Booted {
  /** Names as they were on the wire, in order. */
  readonly asked: readonly string[];
  readonly events: readonly TftpEvent[];
  readonly memory: MachineMemory;
  readonly error: unknown;
}

/** One boot by the EEPROM, which finds these files below its serial number. */
async function boot(
  files: Readonly<Record<string, string | Uint8Array>>,
  { revision, prefixes = [`${serial}/`], around = each => each }: BootOptions = {},
): Promise<Booted> {
  await using server = await listenTftp({ address: loopback, port: 0 });
  using uart = Uart.open();
  const events: TftpEvent[] = [];
  let idle: (() => void) | undefined;
  await using _ = await server.serve({
    name: 'rpi5',
    prefixes,
    files: new Map(Object.entries(files).map(([name, content]) => [name, bytesOf(content)])),
    onEvent: event => {
      events.push(event);
      if (event.kind !== 'request' && isIdle(events)) idle?.();
    },
  });
  const mishaps = new Mishaps({}, () => undefined);
  const network = around(
    createNetwork({ address: loopback, server: loopback, tftpPort: server.port, mishaps }),
  );
  const asked: string[] = [];
  const memory = new MachineMemory();
  const machine = {
    memory,
    uart,
    mishaps,
    isCold: true,
    signal: AbortSignal.timeout(20_000),
    network: {
      ...network,
      fetch: (file, options) => (asked.push(file), network.fetch(file, options)),
      probe: (file, signal) => (asked.push(file), network.probe(file, signal)),
    } satisfies VirtualNetwork,
  };
  const eeprom = { serial, ...(revision !== undefined && { revision }) };
  const error: unknown = await runEeprom(machine, eeprom).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  // The last acknowledgement may still be on its way.
  await new Promise<void>(resolve => {
    idle = resolve;
    if (isIdle(events)) resolve();
  });
  return { asked, events, memory, error };
}

function isIdle(events: readonly TftpEvent[]): boolean {
  const count = (...kinds: TftpEvent['kind'][]) => events.filter(({ kind }) => kinds.includes(kind)).length;
  return count('request') === count('done', 'ended');
}

interface BootOptions {
  readonly revision?: string;
  readonly prefixes?: readonly string[];
  readonly around?: (network: VirtualNetwork) => VirtualNetwork;
}

const bytesOf = (content: string | Uint8Array) =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
const flat = (source: string) => writeFlat(parseSource(`/dts-v1/;\n${source}`));
const tree = flat('/ { chosen {}; soc: soc {}; };');
const small = {
  'bcm2712-rpi-5-b.dtb': tree,
  'armstub8-2712.bin': 'stub',
  'kernel_2712.img': 'kernel',
  xen: 'xen',
  ramdisk: 'ramdisk',
};

const requests: readonly {
  readonly title: string;
  readonly config: string;
  readonly revision?: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly asked: readonly string[];
}[] = [
  {
    // Requests of a Pi 5 with EEPROM 2026-05-26.
    title: 'no line but the kernel',
    config: 'kernel=xen\n',
    asked: [
      '/config.txt',
      '/pieeprom.sig',
      '//config.txt',
      '//config.txt',
      '/xen',
      '/bcm2712-rpi-5-b.dtb',
      '//cmdline.txt',
      '/armstub8-2712.bin',
      '/xen',
    ],
  },
  {
    // rpi-eeprom issue 687.
    title: 'two overlays',
    config: 'dtoverlay=uart0-pi5\ndtoverlay=disable-wifi,foo=1\n',
    asked: [
      '/config.txt',
      '/pieeprom.sig',
      '//config.txt',
      '//config.txt',
      '/kernel_2712.img',
      '/bcm2712-rpi-5-b.dtb',
      '//overlays/overlay_map.dtb',
      '//config.txt',
      '//overlays/uart0-pi5.dtbo',
      '//overlays/disable-wifi.dtbo',
      '//cmdline.txt',
      '/armstub8-2712.bin',
      '/kernel_2712.img',
    ],
  },
  {
    // NumberOneGit/rpi5-uefi issue 8.
    title: 'stepping D0, whose overlay nobody named',
    config: '',
    revision: 'e04171',
    asked: [
      '/config.txt',
      '/pieeprom.sig',
      '//config.txt',
      '//config.txt',
      '/kernel_2712.img',
      '/bcm2712-rpi-5-b.dtb',
      '//overlays/overlay_map.dtb',
      '//overlays/bcm2712d0.dtbo',
      '//config.txt',
      '//cmdline.txt',
      '/armstub8-2712.bin',
      '/kernel_2712.img',
    ],
  },
  {
    // raspberrypi/linux issue 7319: the initramfs is before the tree.
    title: 'an initramfs, and names of its own for all',
    config:
      'kernel=xen\narmstub=bl31.bin\ndevice_tree=my.dtb\ncmdline=my.txt\ninitramfs ramdisk followkernel\n',
    files: { 'my.dtb': tree, 'bl31.bin': 'stub', 'my.txt': 'quiet' },
    asked: [
      '/config.txt',
      '/pieeprom.sig',
      '//config.txt',
      '//config.txt',
      '/xen',
      '/ramdisk',
      '/my.dtb',
      '//my.txt',
      '/bl31.bin',
      '/xen',
    ],
  },
];

for (const { title, config, revision, files = {}, asked: expected } of requests) {
  test(`requests of the EEPROM, in its order: ${title}`, async t => {
    const { asked, events, error } = await boot(
      { ...small, ...files, 'config.txt': config },
      revision === undefined ? {} : { revision },
    );
    t.is(error, undefined);
    t.deepEqual(
      asked,
      expected.map(name => `${serial}${name}`),
    );
    // A look is ended by ERROR 0, a missing file refused: neither keeps the rest from coming.
    const ends = events.filter(({ kind }) => kind === 'done' || kind === 'ended' || kind === 'refused');
    t.is(ends.length, expected.length);
    t.deepEqual(
      ends.flatMap(event => (event.kind === 'ended' ? [event.file, event.why, event.detail] : [])),
      [expected.at(-1)?.slice(1), 'client-error', 'Early terminate (error 0)'],
    );
    for (const event of events) {
      if (event.kind === 'request') t.like(event.options, { tsize: '0', blksize: '1468' });
    }
  });
}

test('overlays are laid over the tree; one that is missing is gone on without', async t => {
  const { memory, error } = await boot({
    ...small,
    'config.txt': 'dtoverlay=missing\ndtoverlay=mark\ninitramfs ramdisk 0x20000000\n',
    'overlays/mark.dtbo': flat('/ { fragment@0 { target-path = "/"; __overlay__ { mark = "here"; }; }; };'),
  });
  t.is(error, undefined);
  const found = parseFlat(memory.read(0x2efec600, 1 << 20), 'tree');
  t.is(Buffer.from(found.root.properties.get('mark') ?? []).toString(), 'here\0');
  t.is(Buffer.from(memory.read(0x20000000, 100)).toString(), 'ramdisk');
  t.deepEqual([...(found.node('/chosen')?.properties.get('linux,initrd-end') ?? [])], [0x20, 0, 0, 7]);
});

test('where config.txt is not below the serial number, all is asked for without it', async t => {
  const { asked, error } = await boot({ ...small, 'config.txt': '' }, { prefixes: [] });
  t.is(error, undefined);
  t.deepEqual(asked.slice(0, 4), [`${serial}/config.txt`, 'config.txt', 'pieeprom.sig', 'config.txt']);
});

test('a file that it needs and is not there stops it', async t => {
  const { asked, error } = await boot({ ...small, 'config.txt': 'armstub=none.bin\n' });
  t.true(error instanceof BoardHalted);
  t.is(asked.at(-1), `${serial}/none.bin`);
});

test('a file that the server falls silent over is not asked for again', async t => {
  const { asked, error } = await boot(
    { ...small, 'config.txt': '' },
    {
      around: network => ({
        ...network,
        fetch: (file, options) =>
          file.endsWith('.dtb')
            ? Promise.reject(new TftpFetchError(file, 'silent', undefined))
            : network.fetch(file, options),
      }),
    },
  );
  t.true(error instanceof BoardHalted);
  t.is(asked.at(-1), `${serial}/bcm2712-rpi-5-b.dtb`);
});
