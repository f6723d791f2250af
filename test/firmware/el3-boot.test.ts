import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { faultWord } from '../../src/model/scmi/faults.ts';
import {
  canBoot,
  type Machine,
  makeFirmware,
  powerOn,
  skipped,
  uBoot,
  waitFor,
  withEl3Firmware,
} from './machine.ts';

const directory = canBoot ? mkdtempSync(join(tmpdir(), 'el3-boot-')) : undefined;
const at = (file: string): string => join(directory ?? '', file);
const testBoot = directory === undefined ? test.skip : test.serial;

test.before(t => {
  t.timeout(60_000);
  if (directory !== undefined) makeFirmware('qemu-virt/el3', directory);
});
test.after.always(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

/** A machine that ends where it would start again, and the firmware's log of it. */
function power(
  t: ExecutionContext,
  name: string,
  image: string,
  ...options: readonly string[]
): Machine & { log(): string[] } {
  const log = at(`${name}.log`);
  const machine = withEl3Firmware(at('qemu-virt/el3/el3.bin'), image, log);
  return {
    ...powerOn(t, [...machine, '-no-reboot', ...options]),
    log: () => readFileSync(log, 'latin1').trimEnd().split('\r\n'),
  };
}

/** Operations of smc-payload.S. */
type Operation = readonly [kind: number, ...words: number[]];
const smc = (...registers: readonly number[]): Operation => [0, ...registers];
const write = (address: number, value: number): Operation => [1, address, value];
const read = (address: number): Operation => [2, address];
const waitUntil = (address: number, value: number): Operation => [3, address, value];
const smcUntil = (result: number, ...registers: readonly [number, number, number]): Operation => [
  4,
  ...registers,
  result,
];
const systemOff = smc(0x8400_0008);

/** Boots the payload with these operations; what they printed. The last one ends the machine. */
async function run(
  t: ExecutionContext,
  name: string,
  operations: readonly Operation[],
  ...options: readonly string[]
): Promise<{ results: number[]; log: string[] }> {
  const object = at('smc-payload.o');
  const code = at('smc-payload.bin');
  const source = fileURLToPath(new URL('smc-payload.S', import.meta.url));
  execFileSync('aarch64-linux-gnu-gcc', ['-c', '-o', object, source], { timeout: 10_000 });
  execFileSync('aarch64-linux-gnu-objcopy', ['-O', 'binary', object, code], { timeout: 10_000 });
  const list = new Uint32Array(5 * operations.length);
  for (const [index, operation] of operations.entries()) list.set(operation, 5 * index);
  const image = at(`${name}.bin`);
  writeFileSync(image, Buffer.concat([readFileSync(code), Buffer.from(list.buffer)]));
  const machine = power(t, name, image, ...options);
  t.is(await machine.exit, 0, machine.text.value);
  const lines = machine.text.value.split('\n').slice(0, -1);
  return { results: lines.map(line => Number.parseInt(line, 16) | 0), log: machine.log() };
}

/** Sends a message of an agent without a payload; prints x0, channel status, length, header, status. */
function send(agent: number, header: number): Operation[] {
  const area = 0x47ff_0000 + 0x1000 * agent;
  return [
    write(area + 0x4, 0),
    write(area + 0x14, 4),
    write(area + 0x18, header),
    smc(0x8200_0002 + agent),
    ...[0x4, 0x14, 0x18, 0x1c].map(offset => read(area + offset)),
  ];
}

testBoot(
  `Debian's U-Boot gets its prompt, PSCI in its device tree, and turns the machine off${skipped}`,
  async t => {
    const machine = power(t, 'u-boot', uBoot);
    const { stdin } = machine.qemu;
    await waitFor(machine, 'Hit any key');
    stdin.write(' ');
    await waitFor(machine, '\n=> ');
    const from = machine.text.value.length;
    stdin.write(
      'fdt addr 0x40000000; fdt get value method /psci method; fdt get value how /cpus/cpu@1 enable-method\n',
    );
    stdin.write('echo method=$method how=$how.\n');
    await waitFor(machine, 'method=smc how=psci.', from);
    stdin.write('poweroff\n');
    t.is(await machine.exit, 0);
    t.deepEqual(machine.log(), [
      'NOTICE:  SCMI: server ready, 4 agents, privileged agent 1, faults 0x0',
      'INFO:    Entry point address = 0x60000000',
      'INFO:    SPSR = 0x3c9',
      'NOTICE:  PSCI: system off',
    ]);
  },
);

testBoot(`SMCs from EL2 are answered, and each message is logged${skipped}`, async t => {
  const { results, log } = await run(t, 'answers', [
    smc(0x8400_0000),
    smc(0x8000_0000),
    smc(0x8000_0001, 0x8000_0001),
    smc(0x8400_000a, 0x8400_0003),
    smc(0x8400_000a, 0x8400_000e),
    smc(0x8200_0010),
    smc(0xbf00_0001),
    ...send(1, 0x4001),
    read(0x47ff_1020),
    ...send(3, 0x40ff),
    systemOff,
  ]);
  t.deepEqual(results.slice(0, 7), [0x1_0001, 0x1_0002, 0, 0, -1, -1, -1]);
  t.deepEqual(results.slice(7), [0, 1, 12, 0x4001, 0, 0x404, 0, 1, 8, 0x40ff, -1]);
  t.deepEqual(log.slice(3), [
    'WARNING: Unknown SiP Service Call: 0x82000010',
    'NOTICE:  SCMI: smc 0x82000003 agent 1 proto 0x10 msg 0x1 len 4 arg0 0x0 -> status 0 chan 0x1 rlen 12',
    'ERROR:   Agent 3 Protocol 0x10 Message 0xff: not supported',
    'NOTICE:  SCMI: smc 0x82000005 agent 3 proto 0x10 msg 0xff len 4 arg0 0x0 -> status -1 chan 0x1 rlen 8',
    'NOTICE:  PSCI: system off',
  ]);
});

testBoot(
  `the second CPU goes on at EL2, off, and on again; a reset ends a machine without reboots${skipped}`,
  async t => {
    const place = 0x5000_2000;
    const program = 0x5000_1000;
    // str w0, [place] (context id); mrs x0, CurrentEL; str w0, [place + 4]; CPU_OFF
    const instructions = [
      0x5284_0001, 0x72aa_0001, 0xb900_0020, 0xd538_4240, 0xb900_0420, 0x5280_0040, 0x72b0_8000, 0xd400_0003,
    ];
    const on = (context: number): Operation[] => [
      write(place + 4, 0),
      smc(0x8400_0003, 1, program, context),
      waitUntil(place + 4, 2 << 2),
      read(place),
    ];
    const { results, log } = await run(t, 'cpu', [
      ...instructions.map((instruction, index) => write(program + 4 * index, instruction)),
      smc(0x8400_0004, 1, 0),
      smc(0x8400_0004, 0, 0),
      smc(0x8400_0003, 0, program, 0),
      smc(0x8400_0003, 7, program, 0),
      ...on(0x1234_5678),
      smcUntil(1, 0x8400_0004, 1, 0),
      ...on(0x0bad_cafe),
      smc(0x8400_0009),
    ]);
    t.deepEqual(results.slice(0, 6), [1, 0, -4, -2, 0, 0x1234_5678]);
    t.deepEqual(results.slice(-3), [1, 0, 0x0bad_cafe]);
    t.is(log.at(-1), 'NOTICE:  PSCI: system reset');
  },
);

testBoot(`the host's fault word makes the firmware misbehave${skipped}`, async t => {
  const faults = faultWord(['management-channel-stuck-busy', 'privileged-agent-0']);
  const { results, log } = await run(
    t,
    'faults',
    [...send(1, 0x4000), ...send(2, 0x4000), systemOff],
    '-device',
    `loader,addr=0x47fff000,data=${faults},data-len=4`,
  );
  t.deepEqual(results, [0, 0, 12, 0x4000, 0, 0, 1, 12, 0x4000, 0]);
  t.is(log[0], 'NOTICE:  SCMI: server ready, 4 agents, privileged agent 0, faults 0x48');
});
