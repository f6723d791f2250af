import test from 'ava';
import * as fc from 'fast-check';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { faults, faultsOfWord, faultWord } from '../../../src/model/scmi/faults.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import type { FirmwareMessage } from '../../../src/model/scmi/firmware-message.ts';
import { MemoryAbort, PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import type { FirmwareProfile } from '../../../src/model/scmi/profile.ts';
import { protocolId } from '../../../src/model/scmi/protocol-ids.ts';
import { type Quirk, quirks } from '../../../src/model/scmi/quirks.ts';
import { putMessage, readReply, SharedMemory, textOfWords } from '../../../src/model/scmi/shared-memory.ts';
import { status } from '../../../src/model/scmi/status.ts';

const { base, clock, powerDomain, resetDomain, pinControl } = protocolId;
const { systemPower, performance, sensor, voltageDomain } = protocolId;
const reference = loadFirmwareProfile('reference');
const raspberry = loadFirmwareProfile('rpi5-scmi_pinctrl_agent_v3');
const singleAgent = loadFirmwareProfile('rpi5_dev');
const rcar = loadFirmwareProfile('rcar_gen4_v2.7_v4x-scmi_pd');
const rcarReset = loadFirmwareProfile('rcar_gen4_v2.7_v4x-scmi_upd');

/**
 * A firmware without any quirk that has everything: agent 1 is privileged, agent 2 has what device 1
 * has, nobody has what device 2 has.
 */
const specified: FirmwareProfile = {
  ...reference,
  name: 'specified',
  quirks: [],
  protocols: new Map(
    [clock, powerDomain, resetDomain, pinControl, systemPower, performance, sensor, voltageDomain].map(id => [
      id,
      0x20000,
    ]),
  ),
  baseMessages: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  agents: reference.agents.filter(({ id }) => id > 0),
  devices: [
    { id: 1, name: 'one', clocks: [1], resets: [1], powerDomains: [1], pins: [1], owner: 2 },
    { id: 2, name: 'two', clocks: [2], resets: [2], powerDomains: [2], pins: [2, 3], owner: 'none' },
    { id: 3, name: 'three', clocks: [], resets: [], powerDomains: [], pins: [], owner: 'firmware' },
  ],
  powerDomains: [
    { id: 0, name: 'top', on: true, alwaysOn: true },
    { id: 1, name: 'one', on: true, parent: 0 },
    { id: 2, name: 'two', on: false, parent: 1 },
  ],
  pins: {
    pins: ['p0', 'p1', 'p2', 'p3'],
    groups: ['g0', 'g1', 'g23'],
    functions: ['f_gpio', 'f_uart_with_a_long_name'],
    groupPins: [[0], [1], [2, 3]],
    functionGroups: [[0, 1, 2], [2]],
    configurations: [2, 4, 10],
  },
  performanceDomains: [
    {
      id: 0,
      name: 'cpu',
      levels: Array.from({ length: 9 }, (_, index) => ({
        level: 100 * (index + 1),
        power: index,
        latency: 5,
      })),
      sustainedLevel: 500,
      sustainedFrequency: 500_000,
    },
  ],
  sensors: Array.from({ length: 4 }, (_, id) => ({
    id,
    name: `sensor${id}`,
    type: 2,
    exponent: -3,
    reading: id === 1 ? -1500 : 45_000,
  })),
  voltageDomains: [
    { id: 0, name: 'vdd', levels: Array.from({ length: 25 }, (_, index) => index - 1), level: 0, on: true },
  ],
  systemPowerAgents: [3],
};

interface Rig {
  readonly firmware: Firmware;
  readonly memory: PhysicalMemory;
  readonly messages: FirmwareMessage[];
  readonly console: string[];
}

function boot(profile: FirmwareProfile, ...names: string[]): Rig {
  const memory = new PhysicalMemory();
  const messages: FirmwareMessage[] = [];
  const console: string[] = [];
  const firmware = new Firmware(profile, {
    memory,
    faults: names,
    onMessage: message => messages.push(message),
    onConsole: text => console.push(text),
  });
  return { firmware, memory, messages, console };
}

function channel({ firmware, memory }: Rig, agent: number): [area: SharedMemory, functionId: number] {
  const found = firmware.profile.agents.find(({ id }) => id === agent);
  if (found === undefined) throw new RangeError(`no agent ${agent}`);
  return [new SharedMemory(memory, found.shmem), found.functionId];
}

/** Sends a command as agent's caller would; the reply as status and words. */
function call(rig: Rig, agent: number, protocol: number, message: number, ...words: number[]): number[] {
  const [area, functionId] = channel(rig, agent);
  putMessage(area, { protocol, message, words });
  rig.firmware.smc(functionId);
  const reply = readReply(area);
  return [reply.status, ...reply.words];
}

function callForText(rig: Rig, agent: number, protocol: number, message: number, ...words: number[]): string {
  return textOfWords(call(rig, agent, protocol, message, ...words).slice(1));
}

const withQuirks = (profile: FirmwareProfile, ...names: Quirk[]): FirmwareProfile => ({
  ...profile,
  quirks: names,
});

// Transport

test('at boot every channel is free and its fields are zero', t => {
  const memory = new PhysicalMemory();
  const area = new SharedMemory(memory, 0x47ff_2000);
  putMessage(area, { protocol: base, message: 0x7, token: 3, words: [1] });
  t.is(new Firmware(reference, { memory }).profile, reference);
  const { channelStatus, channelFlags, length, header } = area;
  t.deepEqual(
    { channelStatus, channelFlags, length, header },
    {
      channelStatus: 1,
      channelFlags: 0,
      length: 0,
      header: 0,
    },
  );
});

test('a message is answered, with its header and token untouched', t => {
  const rig = boot(reference);
  const [area, functionId] = channel(rig, 1);
  putMessage(area, { protocol: base, message: 0x0, token: 0x155 });
  t.is(rig.firmware.smc(functionId), 0);
  t.is(area.header, 0x0554_4000);
  t.deepEqual(readReply(area), {
    channelStatus: 1,
    header: 0x0554_4000,
    length: 12,
    status: 0,
    words: [0x20000],
  });
});

test('a message that reached the firmware is reported with its answer', t => {
  const rig = boot(reference);
  call(rig, 1, base, 0x7, 0xffff_ffff);
  t.deepEqual(rig.messages, [
    {
      functionId: 0x8200_0003,
      agent: 1,
      protocol: 0x10,
      message: 0x7,
      length: 8,
      argument: 0xffff_ffff,
      status: 0,
      channelStatus: 1,
      replyLength: 28,
    },
  ]);
});

test('an unknown function id returns -1 and is printed where the build prints it', t => {
  const rig = boot(reference);
  t.is(rig.firmware.smc(0x8200_0010), -1);
  t.deepEqual(rig.console, ['WARNING: Unknown SiP Service Call: 0x82000010']);
  const silent = boot(raspberry);
  t.is(silent.firmware.smc(0x8200_0010), -1);
  t.deepEqual(silent.console, []);
});

const transportErrors = [
  { what: 'is free', prepare: (area: SharedMemory) => (area.channelStatus = 1) },
  { what: 'has an error', prepare: (area: SharedMemory) => (area.channelStatus = 2) },
  { what: 'has length 0', prepare: (area: SharedMemory) => (area.length = 0) },
  { what: 'has a length beyond 96', prepare: (area: SharedMemory) => (area.length = 97) },
  { what: 'has the largest length', prepare: (area: SharedMemory) => (area.length = 0xffff_ffff) },
];
for (const { what, prepare } of transportErrors) {
  test(`a channel that ${what} when its doorbell rings ends as ERROR|FREE, for ever in TF-A`, t => {
    for (const [profile, stuck] of [
      [specified, false],
      [reference, true],
    ] as const) {
      const rig = boot(profile);
      const [area, functionId] = channel(rig, 2);
      putMessage(area, { protocol: base, message: 0x0 });
      prepare(area);
      t.is(rig.firmware.smc(functionId), 0);
      t.is(area.channelStatus & 3, 3);
      t.is(rig.firmware.isChannelStuck(2), stuck);
      call(rig, 2, base, 0x0);
      t.is(area.channelStatus, stuck ? 3 : 1);
      t.deepEqual(call(rig, 3, base, 0x0), [0, 0x20000], 'another channel goes on');
      rig.firmware.reset();
      t.deepEqual(call(rig, 2, base, 0x0), [0, 0x20000], 'a cold boot repairs it');
    }
  });
}

test('a payload of 92 bytes is taken and answered', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, base, 0x7, ...Array.from({ length: 23 }, () => 0)), [status.PROTOCOL_ERROR]);
  t.is(rig.messages[0]?.length, 96);
});

test('an unknown protocol or message is NOT_SUPPORTED and printed', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 2, 0x13, 0x0), [status.NOT_SUPPORTED]);
  t.deepEqual(call(rig, 2, base, 0x8, 1), [status.NOT_SUPPORTED]);
  t.deepEqual(rig.console, [
    'ERROR:   Agent 2 Protocol 0x13 Message 0x0: not supported',
    'ERROR:   Agent 2 Protocol 0x10 Message 0x8: not supported',
  ]);
});

test('a profile says that an unknown message is NOT_FOUND, as in SCP-firmware, which prints nothing', t => {
  const rig = boot({ ...reference, unknownMessage: 'not-found' });
  t.deepEqual(call(rig, 2, base, 0x8, 1), [status.NOT_FOUND]);
  t.deepEqual(call(rig, 2, clock, 0x3f), [status.NOT_FOUND]);
  t.deepEqual(rig.console, []);
  t.deepEqual(call(rig, 2, 0x13, 0x0), [status.NOT_SUPPORTED]);
});

test('a message with too little or too much payload is a PROTOCOL_ERROR', t => {
  const rig = boot({ ...specified });
  const sizes = [
    [base, [0, 0, 1, 0, 0, 0, 1, 1, 1, 3, 4, 2]],
    [clock, [0, 0, 1, 1, 2, 4, 1, 2]],
    [resetDomain, [0, 0, 1, 1, 3]],
    [powerDomain, [0, 0, 1, 1, 3, 1]],
    [pinControl, [0, 0, 1, 2, 3, undefined, undefined, 2, 2, 2]],
  ] as const;
  for (const [protocol, counts] of sizes) {
    for (const [message, count] of counts.entries()) {
      if (count === undefined) continue;
      const longer = Array.from({ length: count + 1 }, () => 0);
      t.deepEqual(call(rig, 2, protocol, message, ...longer), [status.PROTOCOL_ERROR]);
      if (count > 0)
        t.deepEqual(call(rig, 2, protocol, message, ...longer.slice(2)), [status.PROTOCOL_ERROR]);
    }
  }
});

test('memory that is not backed aborts for everybody, secure memory for the non-secure world', t => {
  const memory = new PhysicalMemory();
  memory.abortRange({ base: 0x1000, size: 0x1000, reason: 'unbacked' });
  memory.abortRange({ base: 0x4000, size: 0x1000, reason: 'secure' });
  t.throws(() => memory.readU32(0xffe), { instanceOf: MemoryAbort, message: /read of unbacked .* 0x1000$/ });
  t.throws(() => memory.writeU32(0x1ffc, 1, 'secure'), { instanceOf: MemoryAbort });
  t.throws(() => memory.writeU32(0x4000, 1), { instanceOf: MemoryAbort, message: /^write of secure/ });
  memory.writeU32(0x4000, 0xdead_beef, 'secure');
  t.is(memory.readU32(0x4000, 'secure'), 0xdead_beef);
  t.is(memory.readU32(0x2000), 0);
});

test('words need not be aligned and may cross pages', t => {
  const memory = new PhysicalMemory();
  memory.writeU32(0xffe, 0x1234_5678);
  t.deepEqual([...memory.readBytes(0xffd, 6)], [0, 0x78, 0x56, 0x34, 0x12, 0]);
  t.is(memory.readU32(0xffe), 0x1234_5678);
});

// Base

test('Base tells what the firmware is', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 0, base, 0x0), [0, 0x20000]);
  t.deepEqual(call(rig, 0, base, 0x1), [0, 0x0402]);
  t.is(callForText(rig, 0, base, 0x3), 'EPAM');
  t.is(callForText(rig, 0, base, 0x4), 'qemu-virt');
  t.deepEqual(call(rig, 0, base, 0x5), [0, 0]);
  t.deepEqual(call(rig, 0, base, 0x6, 0), [0, 2, 0x1614]);
  t.deepEqual(call(rig, 0, base, 0x6, 1), [0, 1, 0x16]);
  t.deepEqual(call(rig, 0, base, 0x6, 2), [0, 0]);
});

test("protocol attributes are the profiles' own", t => {
  t.deepEqual(call(boot(raspberry), 0, base, 0x1), [0, 0x802]);
  t.deepEqual(call(boot(rcar), 0, base, 0x1), [0, 0x803]);
  t.deepEqual(call(boot(singleAgent), 0, base, 0x1), [0, 0x001]);
});

test('MESSAGE_ATTRIBUTES knows the messages that there are', t => {
  const rig = boot(reference);
  for (const [message, code] of [
    [0x7, 0],
    [0x8, status.NOT_FOUND],
    [0xa, 0],
    [0xc, status.NOT_FOUND],
    [0xffff_ffff, status.NOT_FOUND],
  ] as const) {
    t.is(call(rig, 2, base, 0x2, message)[0], code, `message ${message}`);
  }
});

test('DISCOVER_AGENT names an agent, or the caller for 0xffffffff', t => {
  const rig = boot(reference);
  t.is(call(rig, 3, base, 0x7, 0xffff_ffff)[1], 3);
  t.is(call(rig, 3, base, 0x7, 1)[1], 1);
  t.is(textOfWords(call(rig, 3, base, 0x7, 1).slice(2)), 'agent-1');
});

test('agent 0 is the platform where no channel is agent 0', t => {
  t.is(textOfWords(call(boot(specified), 1, base, 0x7, 0).slice(2)), 'platform');
});

test('NOTIFY_ERRORS takes 0 and 1', t => {
  const rig = boot(specified);
  t.deepEqual(
    [0, 1, 2].map(enable => call(rig, 2, base, 0x8, enable)),
    [[0], [0], [status.INVALID_PARAMETERS]],
  );
});

test('the single-agent firmware cannot tell who an agent is', t => {
  const rig = boot(singleAgent);
  for (const message of [0x7, 0x9, 0xb]) {
    t.deepEqual(call(rig, 0, base, message, 0), [status.NOT_SUPPORTED]);
    t.deepEqual(call(rig, 0, base, 0x2, message), [status.NOT_FOUND]);
  }
});

// Permissions

test('only the privileged agent sets permissions', t => {
  const rig = boot(reference);
  for (const agent of [0, 2, 3]) {
    t.deepEqual(call(rig, agent, base, 0x9, 2, 1, 1), [status.DENIED]);
    t.deepEqual(call(rig, agent, base, 0xa, 2, 1, 0x14, 0), [status.DENIED]);
    t.deepEqual(call(rig, agent, base, 0xb, 2, 1), [status.DENIED]);
  }
  t.deepEqual(call(rig, 1, base, 0x9, 2, 1, 1), [0]);
  t.deepEqual(call(boot(raspberry), 1, base, 0x9, 2, 1, 1), [status.DENIED]);
  t.deepEqual(call(boot(raspberry), 0, base, 0x9, 2, 1, 1), [0]);
});

test('a device that is given to an agent brings its clock, until its configuration is reset', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 2, clock, 0x3, 3), [status.NOT_FOUND]);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 3, 1), [0]);
  t.is(rig.firmware.ownerOf(3), 2);
  t.is(textOfWords(call(rig, 2, clock, 0x3, 3).slice(2)), 'clk_spi0');
  t.deepEqual(call(rig, 1, base, 0xb, 2, 0), [0]);
  t.is(rig.firmware.ownerOf(3), 2, 'flag 0 leaves permissions');
  t.deepEqual(call(rig, 1, base, 0xb, 2, 1), [0]);
  t.is(rig.firmware.ownerOf(3), undefined);
  t.deepEqual(call(rig, 2, clock, 0x3, 3), [status.NOT_FOUND]);
});

test('the reference firmware: device 7 is never assignable, device 0 always shared, owners keep theirs', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 7, 1), [status.DENIED]);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 0, 0), [0]);
  t.is(call(rig, 2, clock, 0x3, 0)[0], 0);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 6, 1), [status.DENIED]);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 6, 0), [status.DENIED]);
  t.deepEqual(call(rig, 1, base, 0x9, 3, 6, 0), [0]);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 6, 1), [0]);
  t.deepEqual(call(rig, 1, base, 0x9, 2, 8, 1), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 1, base, 0x9, 4, 1, 1), [status.INVALID_PARAMETERS]);
});

test('a denied protocol leaves the list of that agent and comes back with a reset', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 1, base, 0xa, 2, 1, clock, 0), [0]);
  t.deepEqual(call(rig, 2, base, 0x6, 0), [0, 1, 0x16]);
  t.deepEqual(rig.firmware.protocolsOf(3), [clock, resetDomain]);
  t.deepEqual(call(rig, 1, base, 0xa, 2, 1, 0x11, 0), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 1, base, 0xb, 2, 1), [0]);
  t.deepEqual(rig.firmware.protocolsOf(2), [clock, resetDomain]);
});

test('the Raspberry Pi firmware lets two agents use a device after denying it to a third', t => {
  const rig = boot(raspberry);
  const assertReset = (agent: number) => call(rig, agent, resetDomain, 0x4, 0, 2, 0)[0];
  t.deepEqual(call(rig, 0, base, 0x9, 2, 1, 1), [0]);
  t.deepEqual(call(rig, 0, base, 0x9, 3, 1, 1), [status.DENIED]);
  t.deepEqual(call(rig, 0, base, 0x9, 4, 1, 0), [0], 'denying agent 4 clears agent 2 as the owner');
  t.is(rig.firmware.ownerOf(1), undefined);
  t.deepEqual(call(rig, 0, base, 0x9, 3, 1, 1), [0]);
  t.deepEqual([2, 3, 4].map(assertReset), [0, 0, status.DENIED]);
  t.deepEqual(rig.firmware.holdersOf(1), [2, 3]);
  t.deepEqual(call(rig, 0, base, 0xb, 2, 1), [0]);
  t.is(assertReset(2), 0, 'not even a reset of agent 2 takes it away');
});

test('without policy no device is known and everything is open: the V4H firmware', t => {
  const rig = boot(rcar);
  t.deepEqual(call(rig, 0, base, 0x9, 2, 0, 1), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 0, base, 0xb, 2, 1), [status.NOT_SUPPORTED]);
  t.deepEqual(call(rig, 1, base, 0xb, 2, 1), [status.DENIED]);
  t.deepEqual(call(rig, 5, clock, 0x7, 122, 1), [0]);
  t.true(rig.firmware.clock(122)?.enabled);
});

test("the V4H reset policy stops agent 2's devices, whatever the flag, and no other's", t => {
  const rig = boot(rcarReset);
  call(rig, 2, clock, 0x7, 122, 1);
  call(rig, 2, powerDomain, 0x4, 0, 60, 0);
  t.deepEqual(call(rig, 0, base, 0xb, 3, 1), [0]);
  t.true(rig.firmware.clock(122)?.enabled);
  t.deepEqual(call(rig, 0, base, 0xb, 2, 0), [0]);
  t.false(rig.firmware.clock(122)?.enabled);
  t.false(rig.firmware.powerDomain(60)?.on);
  t.true(rig.firmware.isResetAsserted(37));
  t.false(rig.firmware.isResetAsserted(38));
  t.deepEqual(call(rig, 0, base, 0x9, 2, 0, 1), [status.INVALID_PARAMETERS]);
});

// Clock

test('clocks: attributes, rates, switching', t => {
  const rig = boot(reference);
  t.deepEqual(call(rig, 0, clock, 0x1), [0, 0x1_0008]);
  t.is(call(rig, 0, clock, 0x3, 4)[1], 1);
  t.deepEqual(call(rig, 0, clock, 0x4, 4, 0), [0, 0x1003, 1_000_000, 0, 400_000_000, 0, 1_000_000, 0]);
  t.deepEqual(call(rig, 0, clock, 0x5, 0, 4, 150_999_999, 0), [0]);
  t.deepEqual(call(rig, 0, clock, 0x6, 4), [0, 150_000_000, 0]);
  t.deepEqual(call(rig, 0, clock, 0x5, 0, 4, 0, 1), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 0, clock, 0x7, 4, 0), [0]);
  t.deepEqual(rig.firmware.clock(4), { enabled: false, rate: 150_000_000 });
  t.deepEqual(call(rig, 0, clock, 0x7, 3, 1), [status.DENIED]);
  t.deepEqual(call(rig, 0, clock, 0x5, 0, 3, 2_000_000, 0), [status.DENIED]);
  t.deepEqual(call(rig, 0, clock, 0x6, 3), [0, 0, 0]);
});

test('a clock of fixed rate describes one rate; a rate beyond 32 bits has a high word', t => {
  const rig = boot({
    ...rcar,
    clocks: [{ id: 0, name: 'pll', rate: 0x1_8000_0001, enabled: true }],
  });
  t.deepEqual(call(rig, 0, clock, 0x4, 0, 0), [0, 1, 0x8000_0001, 1]);
  t.deepEqual(call(rig, 0, clock, 0x4, 0, 1), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 0, clock, 0x6, 0), [0, 0x8000_0001, 1]);
});

test('the V4H has 229 clocks: core clocks run always, module clocks switch', t => {
  const rig = boot(rcar);
  t.deepEqual(call(rig, 3, clock, 0x1), [0, 0x1_0000 | 229]);
  for (const [id, attributes, name] of [
    [0, 1, 'reserved-0'],
    [5, 1, 'c_zt'],
    [122, 0, 'm_i2c1'],
    [228, 0, 'm_adg'],
  ] as const) {
    const [code, word, ...words] = call(rig, 3, clock, 0x3, id);
    t.deepEqual([code, word, textOfWords(words)], [0, attributes, name]);
  }
  t.deepEqual(call(rig, 3, clock, 0x7, 5, 0), [0]);
  t.is(call(rig, 3, clock, 0x3, 5)[1], 1);
});

// Reset

test('resets: attributes, assert, deassert, autonomous', t => {
  const rig = boot(specified);
  const reset = (flags: number, state = 0) => call(rig, 2, resetDomain, 0x4, 1, flags, state);
  t.deepEqual(call(rig, 2, resetDomain, 0x1), [0, 8]);
  t.is(textOfWords(call(rig, 2, resetDomain, 0x3, 1).slice(3)), 'rst_uart1');
  t.deepEqual(reset(2), [0]);
  t.true(rig.firmware.isResetAsserted(1));
  t.deepEqual(reset(1), [0]);
  t.false(rig.firmware.isResetAsserted(1));
  t.deepEqual(reset(2), [0]);
  t.deepEqual(reset(0), [0]);
  t.false(rig.firmware.isResetAsserted(1));
  t.deepEqual(reset(4), [status.NOT_SUPPORTED]);
  t.deepEqual(reset(8), [status.INVALID_PARAMETERS]);
  t.deepEqual(reset(1, 5), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, resetDomain, 0x4, 2, 2, 0), [status.DENIED]);
  t.deepEqual(call(rig, 2, resetDomain, 0x4, 99, 2, 0), [status.NOT_FOUND]);
});

test('the V4H has 167 resets, named after their modules', t => {
  const rig = boot(rcar);
  t.deepEqual(call(rig, 3, resetDomain, 0x1), [0, 167]);
  for (const [id, name] of [
    [0, 'reset_0'],
    [37, 'reset_519'],
    [166, 'reset_2927'],
  ] as const) {
    t.is(textOfWords(call(rig, 3, resetDomain, 0x3, id).slice(3)), name);
  }
});

// Power domain

test('power domains: attributes and state', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, powerDomain, 0x1), [0, 3, 0, 0, 0]);
  t.is(textOfWords(call(rig, 2, powerDomain, 0x3, 1).slice(2)), 'one');
  t.deepEqual(call(rig, 2, powerDomain, 0x4, 0, 1, 0x4000_0000), [0]);
  t.deepEqual(call(rig, 2, powerDomain, 0x5, 1), [0, 0x4000_0000]);
  t.deepEqual(call(rig, 2, powerDomain, 0x4, 0, 1, 0), [0]);
  t.deepEqual(call(rig, 2, powerDomain, 0x5, 1), [0, 0]);
  t.deepEqual(call(rig, 2, powerDomain, 0x4, 0, 2, 0), [status.DENIED]);
  t.deepEqual(call(rig, 1, powerDomain, 0x4, 0, 0, 0x4000_0000), [status.DENIED]);
  t.deepEqual(call(rig, 2, powerDomain, 0x4, 1, 1, 0), [status.NOT_SUPPORTED]);
});

test('the V4H counts the users of a power domain over all agents, and of its parents', t => {
  const rig = boot(rcar);
  const set = (agent: number, id: number, off: boolean) =>
    call(rig, agent, powerDomain, 0x4, 0, id, off ? 0x4000_0000 : 0)[0];
  t.deepEqual(call(rig, 2, powerDomain, 0x1), [0, 65, 0, 0, 0]);
  t.is(set(2, 25, true), status.BUSY, 'nobody turned it on');
  t.is(set(2, 25, false), 0);
  t.is(set(3, 25, false), 0);
  t.deepEqual(
    [24, 25].map(id => rig.firmware.powerDomain(id)?.users),
    [1, 2],
  );
  t.is(set(2, 25, true), 0);
  t.deepEqual(call(rig, 2, powerDomain, 0x5, 25), [0, 0]);
  t.is(set(2, 25, true), 0);
  t.deepEqual(call(rig, 2, powerDomain, 0x5, 25), [0, 0x4000_0000]);
  t.deepEqual(
    [24, 25].map(id => rig.firmware.powerDomain(id)),
    [
      { on: false, users: 0 },
      { on: false, users: 0 },
    ],
  );
  t.is(set(2, 43, true), 0, 'a3ir has two users at boot');
  t.is(set(2, 43, true), status.BUSY);
  t.deepEqual(call(rig, 2, powerDomain, 0x5, 43), [0, 0]);
  t.is(textOfWords(call(rig, 2, powerDomain, 0x3, 59).slice(2)), 'reserved-59');
});

// Pin control

test('pin control: what there is', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, pinControl, 0x1), [0, 0x0003_0004, 2]);
  t.deepEqual(call(rig, 2, pinControl, 0x3, 2, 1).slice(0, 2), [0, 2]);
  const [code, attributes, ...name] = call(rig, 2, pinControl, 0x3, 1, 2);
  t.deepEqual([code, attributes, textOfWords(name)], [0, 0x8000_0001, 'f_uart_with_a_l']);
  t.is(textOfWords(call(rig, 2, pinControl, 0x9, 1, 2).slice(2)), 'f_uart_with_a_long_name');
  t.deepEqual(call(rig, 2, pinControl, 0x4, 2, 1, 0), [0, 2, 0x0003_0002]);
  t.deepEqual(call(rig, 2, pinControl, 0x4, 0, 2, 1), [0, 2, 0x0002_0001]);
  t.deepEqual(call(rig, 2, pinControl, 0x4, 0, 2, 4), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, pinControl, 0x4, 0, 0, 0), [status.NOT_FOUND]);
  t.deepEqual(call(rig, 2, pinControl, 0xa, 2, 1, 0), [status.NOT_SUPPORTED]);
});

/** Attributes of SETTINGS_CONFIGURE for a pin: its function and a number of configurations. */
const functionAnd = (configurations: number) => (1 << 10) | (configurations << 2);

test('pin control: configuring a pin, and reading it back', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 1, 1, functionAnd(2), 4, 1, 10, 8), [0]);
  t.deepEqual(call(rig, 2, pinControl, 0x5, 1, 4), [0, 1, 1, 4, 1]);
  t.deepEqual(call(rig, 2, pinControl, 0x5, 1, 2), [0, 1, 1, 2, 0]);
  t.deepEqual(call(rig, 2, pinControl, 0x5, 1, 2 << 18), [0, 1, 0]);
  t.deepEqual(call(rig, 2, pinControl, 0x5, 1, 1 << 18), [0, 1, 2, 4, 1, 10, 8]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 2, 0, 1), [status.DENIED], 'group g23');
  t.deepEqual(call(rig, 2, pinControl, 0x6, 1, 9, functionAnd(0)), [status.NOT_FOUND]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 1, 0, 4, 20, 1), [status.NOT_SUPPORTED]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 1, 0, 4, 99, 1), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 1, 0, 8, 4, 1), [status.PROTOCOL_ERROR], 'one of two settings');
});

test('pin control: a pin is for one agent at a time', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, pinControl, 0x7, 1, 0), [0]);
  t.deepEqual(call(rig, 1, pinControl, 0x7, 1, 1), [status.IN_USE]);
  t.deepEqual(call(rig, 2, pinControl, 0x8, 1, 0), [0]);
  t.deepEqual(call(rig, 1, pinControl, 0x7, 1, 1), [0]);
  t.deepEqual(call(rig, 3, pinControl, 0x7, 1, 0), [status.DENIED]);
  t.deepEqual(rig.console, ['ERROR:   scmi: pinctrl request denied type=0 selector id 1']);
});

test('pin control of the Raspberry Pi: sizes, names, and 65 groups in two replies', t => {
  const rig = boot(raspberry);
  t.deepEqual(call(rig, 3, pinControl, 0x1), [0, 0x0041_0041, 0x53]);
  t.is(textOfWords(call(rig, 3, pinControl, 0x3, 64, 0).slice(2)), 'emmc_dat7');
  t.is(textOfWords(call(rig, 3, pinControl, 0x3, 46, 2).slice(2)), 'f_sd2');
  const first = call(rig, 3, pinControl, 0x4, 46, 2, 0);
  t.deepEqual([first[1], first.length], [(23 << 16) | 42, 23]);
  const second = call(rig, 3, pinControl, 0x4, 46, 2, 42);
  t.deepEqual([second[1], second[2], second.at(-1)], [23, 0x002b_002a, 64]);
});

test('pin control of the Raspberry Pi: a device brings its pins', t => {
  const rig = boot(raspberry);
  t.deepEqual(call(rig, 2, pinControl, 0x7, 30, 0), [status.DENIED]);
  t.deepEqual(call(rig, 0, base, 0x9, 2, 4, 1), [0]);
  t.deepEqual(call(rig, 2, pinControl, 0x7, 30, 0), [0]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 30, 46, (1 << 10) | 4, 4, 1), [0]);
  t.deepEqual(call(rig, 2, pinControl, 0x6, 29, 0, 0), [status.DENIED]);
  t.is(rig.console.at(-1), 'ERROR:   scmi: pinctrl cfg denied pin id 29');
});

// Protocols that no firmware here has

test('system power: who may, and which states there are', t => {
  const rig = boot(specified);
  const set = (agent: number, flags: number, state: number) =>
    call(rig, agent, systemPower, 0x3, flags, state)[0];
  t.deepEqual(call(rig, 2, systemPower, 0x4), [0, 3]);
  t.is(set(2, 0, 0), status.DENIED);
  t.is(set(3, 1, 2), 0);
  t.is(set(1, 0, 5), status.INVALID_PARAMETERS);
  t.is(set(1, 2, 0), status.INVALID_PARAMETERS);
  t.deepEqual(call(rig, 2, systemPower, 0x4), [0, 2]);
});

test('performance: levels within limits', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, performance, 0x1), [0, 0x1_0001, 0, 0, 0]);
  const [, attributes, , frequency, level, ...name] = call(rig, 2, performance, 0x3, 0);
  t.deepEqual([attributes, frequency, level, textOfWords(name)], [0xc000_0000, 500_000, 500, 'cpu']);
  t.deepEqual(call(rig, 2, performance, 0x4, 0, 7), [0, 2, 800, 7, 5, 900, 8, 5]);
  t.is(call(rig, 2, performance, 0x4, 0, 0)[1], (2 << 16) | 7);
  t.deepEqual(call(rig, 2, performance, 0x4, 0, 9), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, performance, 0x5, 0, 400, 200), [0]);
  t.deepEqual(call(rig, 2, performance, 0x6, 0), [0, 400, 200]);
  t.deepEqual(call(rig, 2, performance, 0x8, 0), [0, 400]);
  t.deepEqual(call(rig, 2, performance, 0x7, 0, 300), [0]);
  t.deepEqual(call(rig, 2, performance, 0x7, 0, 500), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, performance, 0x7, 0, 301), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, performance, 0x5, 0, 200, 400), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, performance, 0x5, 0, 901, 200), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, performance, 0x8, 1), [status.NOT_FOUND]);
});

test('sensors: descriptions three at a time, signed readings', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, sensor, 0x1), [0, 4, 0, 0, 0]);
  t.is(call(rig, 2, sensor, 0x3, 0)[1], (1 << 16) | 3);
  const [code, count, id, , attributes, ...name] = call(rig, 2, sensor, 0x3, 3);
  t.deepEqual([code, count, id, attributes, textOfWords(name)], [0, 1, 3, 2 | (0x1d << 11), 'sensor3']);
  t.deepEqual(call(rig, 2, sensor, 0x3, 4), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, sensor, 0x6, 0, 0), [0, 45_000, 0]);
  t.deepEqual(call(rig, 2, sensor, 0x6, 1, 0), [0, 0xffff_fa24, 0xffff_ffff]);
  t.deepEqual(call(rig, 2, sensor, 0x6, 0, 1), [status.NOT_SUPPORTED]);
  t.deepEqual(call(rig, 2, sensor, 0x6, 4, 0), [status.NOT_FOUND]);
});

test('voltage domains: modes and levels', t => {
  const rig = boot(specified);
  t.deepEqual(call(rig, 2, voltageDomain, 0x1), [0, 1]);
  t.is(textOfWords(call(rig, 2, voltageDomain, 0x3, 0).slice(2)), 'vdd');
  t.deepEqual(call(rig, 2, voltageDomain, 0x4, 0, 23), [0, 2, 22, 23]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x4, 0, 0).slice(1, 3), [(2 << 16) | 23, 0xffff_ffff]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x4, 0, 25), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x6, 0), [0, 7]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x5, 0, 0), [0]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x6, 0), [0, 0]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x5, 0, 3), [status.INVALID_PARAMETERS]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x7, 0, 0, 0xffff_ffff), [0]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x8, 0), [0, 0xffff_ffff]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x7, 0, 0, 99), [status.OUT_OF_RANGE]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x7, 0, 1, 1), [status.NOT_SUPPORTED]);
  t.deepEqual(call(rig, 2, voltageDomain, 0x8, 1), [status.NOT_FOUND]);
});

// Quirks

/** Answers of a firmware without a quirk, and of one with it. */
interface QuirkCase {
  readonly profile?: FirmwareProfile;
  readonly ask: (rig: Rig) => unknown;
  readonly specification: unknown;
  readonly firmware: unknown;
}

const multiplexed: FirmwareProfile = {
  ...specified,
  pins: {
    ...raspberry.pins,
    pins: ['p0', 'p1'],
    groups: [],
    functions: ['a', 'b', 'c'],
    configurations: [],
    multiplexers: [[null], [null, 2, null]],
  },
};

const quirkCases: Readonly<Record<Quirk, QuirkCase>> = {
  'channel-stays-busy': {
    ask: rig => {
      const [area, functionId] = channel(rig, 2);
      rig.firmware.smc(functionId);
      call(rig, 2, base, 0x0);
      return area.channelStatus;
    },
    specification: 1,
    firmware: 3,
  },
  'list-protocols-skip-unchecked': {
    ask: rig => call(rig, 2, base, 0x6, 9),
    specification: [status.INVALID_PARAMETERS],
    firmware: [0, 0],
  },
  'discover-agent-invalid-parameters': {
    ask: rig => call(rig, 2, base, 0x7, 9),
    specification: [status.NOT_FOUND],
    firmware: [status.INVALID_PARAMETERS],
  },
  'discover-agent-own-refused': {
    ask: rig => call(rig, 2, base, 0x7, 0xffff_ffff)[0],
    specification: 0,
    firmware: status.NOT_FOUND,
  },
  'permissions-invalid-parameters': {
    ask: rig => [
      call(rig, 1, base, 0x9, 9, 1, 1),
      call(rig, 1, base, 0x9, 2, 9, 1),
      call(rig, 1, base, 0xa, 2, 1, base, 1),
      call(rig, 1, base, 0xb, 9, 1),
    ],
    specification: Array.from({ length: 4 }, () => [status.NOT_FOUND]),
    firmware: Array.from({ length: 4 }, () => [status.INVALID_PARAMETERS]),
  },
  'permission-flags-unchecked': {
    ask: rig => [
      call(rig, 1, base, 0x9, 2, 2, 0xf),
      call(rig, 1, base, 0xa, 2, 1, clock, 0xf),
      call(rig, 1, base, 0xb, 2, 0xf),
    ],
    specification: Array.from({ length: 3 }, () => [status.INVALID_PARAMETERS]),
    firmware: [[0], [0], [0]],
  },
  'protocol-denial-only-hides': {
    ask: rig => {
      call(rig, 1, base, 0xa, 2, 1, clock, 0);
      return [call(rig, 2, base, 0x6, 0)[1], call(rig, 2, clock, 0x0)[0]];
    },
    specification: [7, status.DENIED],
    firmware: [7, 0],
  },
  'deny-refused-for-others-device': {
    ask: rig => [call(rig, 1, base, 0x9, 3, 1, 0), rig.firmware.ownerOf(1)],
    specification: [[0], 2],
    firmware: [[status.DENIED], 2],
  },
  'deny-clears-any-owner': {
    ask: rig => [call(rig, 1, base, 0x9, 3, 1, 0), rig.firmware.ownerOf(1), rig.firmware.holdersOf(1)],
    specification: [[0], 2, [2]],
    firmware: [[0], undefined, [2]],
  },
  'clock-invalid-parameters': {
    ask: rig => [
      call(rig, 2, clock, 0x3, 99),
      call(rig, 2, clock, 0x4, 99, 0),
      call(rig, 2, clock, 0x5, 0, 99, 0, 0),
      call(rig, 2, clock, 0x6, 99),
      call(rig, 2, clock, 0x7, 99, 0),
    ],
    specification: Array.from({ length: 5 }, () => [status.NOT_FOUND]),
    firmware: Array.from({ length: 5 }, () => [status.INVALID_PARAMETERS]),
  },
  'clock-flags-unchecked': {
    ask: rig => [call(rig, 2, clock, 0x5, 0x10, 1, 2_000_000, 0), call(rig, 2, clock, 0x7, 1, 0x3)],
    specification: [[status.INVALID_PARAMETERS], [status.INVALID_PARAMETERS]],
    firmware: [[0], [0]],
  },
  'clock-range-index-ignored': {
    ask: rig => call(rig, 2, clock, 0x4, 1, 5)[0],
    specification: status.OUT_OF_RANGE,
    firmware: 0,
  },
  'clock-rate-set-ignored': {
    ask: rig => [call(rig, 2, clock, 0x5, 0, 1, 2_000_000, 0), rig.firmware.clock(1)?.rate],
    specification: [[0], 2_000_000],
    firmware: [[0], 24_000_000],
  },
  'clock-denied-is-unnamed': {
    ask: rig => [call(rig, 2, clock, 0x3, 2), call(rig, 2, clock, 0x6, 2)],
    specification: [[status.DENIED], [status.DENIED]],
    firmware: [[status.NOT_FOUND], [0, 0, 0]],
  },
  'reset-attributes-invalid-parameters': {
    ask: rig => call(rig, 2, resetDomain, 0x3, 99),
    specification: [status.NOT_FOUND],
    firmware: [status.INVALID_PARAMETERS],
  },
  'reset-flags-unchecked': {
    ask: rig => [call(rig, 2, resetDomain, 0x4, 1, 0xfe, 7), rig.firmware.isResetAsserted(1)],
    specification: [[status.INVALID_PARAMETERS], false],
    firmware: [[0], true],
  },
  'reset-latency-0x7fffffff': {
    ask: rig => call(rig, 2, resetDomain, 0x3, 1)[2],
    specification: 0xffff_ffff,
    firmware: 0x7fff_ffff,
  },
  'power-domain-invalid-parameters': {
    ask: rig => [
      call(rig, 2, powerDomain, 0x3, 99),
      call(rig, 2, powerDomain, 0x4, 0, 99, 0),
      call(rig, 2, powerDomain, 0x5, 99),
    ],
    specification: Array.from({ length: 3 }, () => [status.NOT_FOUND]),
    firmware: Array.from({ length: 3 }, () => [status.INVALID_PARAMETERS]),
  },
  'power-state-unchecked': {
    ask: rig => call(rig, 2, powerDomain, 0x4, 0xff, 1, 0x1234),
    specification: [status.INVALID_PARAMETERS],
    firmware: [0],
  },
  'power-use-counted': {
    ask: rig => call(rig, 2, powerDomain, 0x4, 0, 1, 0x4000_0000),
    specification: [0],
    firmware: [status.BUSY],
  },
  'pin-selector-protocol-error': {
    ask: rig => [
      call(rig, 2, pinControl, 0x3, 99, 0),
      call(rig, 2, pinControl, 0x3, 0, 3),
      call(rig, 2, pinControl, 0x4, 0, 0, 0),
      call(rig, 2, pinControl, 0x5, 0, 2 << 16),
      call(rig, 2, pinControl, 0x6, 99, 0, 0),
      call(rig, 2, pinControl, 0x9, 0, 3),
    ],
    specification: [-4, -2, -4, -2, -4, -2].map(code => [code]),
    firmware: Array.from({ length: 6 }, () => [status.PROTOCOL_ERROR]),
  },
  'pin-associations-unchecked': {
    ask: rig => call(rig, 2, pinControl, 0x4, 0, 2, 5),
    specification: [status.OUT_OF_RANGE],
    firmware: [0, 0xfffe_0000],
  },
  'pin-function-read-off-by-one': {
    profile: multiplexed,
    ask: rig => {
      call(rig, 1, pinControl, 0x6, 1, 1, 1 << 10);
      return call(rig, 1, pinControl, 0x5, 1, 2 << 18);
    },
    specification: [0, 1, 0],
    firmware: [0, 2, 0],
  },
  'pin-get-all-not-supported': {
    ask: rig => [call(rig, 2, pinControl, 0x5, 1, 1 << 18), call(rig, 2, pinControl, 0x5, 1, (1 << 8) | 2)],
    specification: [
      [0, 0, 0],
      [0, 0, 1, 2, 0],
    ],
    firmware: [[status.NOT_SUPPORTED], [status.NOT_SUPPORTED]],
  },
  'pin-configuration-sign': {
    ask: rig => [call(rig, 2, pinControl, 0x5, 1, 99), call(rig, 2, pinControl, 0x6, 1, 0, 4, 99, 1)],
    specification: [[status.INVALID_PARAMETERS], [status.INVALID_PARAMETERS]],
    firmware: [[2], [2]],
  },
  'pin-configuration-generic-error': {
    ask: rig => call(rig, 2, pinControl, 0x6, 1, 0, 4, 20, 1),
    specification: [status.NOT_SUPPORTED],
    firmware: [status.GENERIC_ERROR],
  },
  'pin-request-unchecked': {
    ask: rig => {
      call(rig, 2, pinControl, 0x7, 1, 0);
      return [call(rig, 1, pinControl, 0x7, 1, 0), call(rig, 1, pinControl, 0x7, 99, 0)];
    },
    specification: [[status.IN_USE], [status.NOT_FOUND]],
    firmware: [[0], [0]],
  },
};

for (const [name, { effect }] of Object.entries(quirks)) {
  test(`quirk ${name}: ${effect}`, t => {
    const quirk = name as Quirk;
    const { profile = specified, ask, specification, firmware } = quirkCases[quirk];
    t.deepEqual(ask(boot(profile)), specification, 'without');
    t.deepEqual(ask(boot(withQuirks(profile, quirk))), firmware, 'with');
  });
}

// Faults

/** A message that reveals a fault, to the reference firmware with and without it. */
const faultCases: Readonly<Record<string, Omit<QuirkCase, 'profile'>>> = {
  'no-reset-agent-configuration': {
    ask: rig => [call(rig, 1, base, 0xb, 2, 1), call(rig, 1, base, 0x2, 0xb)[0]],
    specification: [[0], 0],
    firmware: [[status.NOT_SUPPORTED], status.NOT_FOUND],
  },
  'no-set-device-permissions': {
    ask: rig => call(rig, 1, base, 0x9, 2, 1, 1),
    specification: [0],
    firmware: [status.NOT_SUPPORTED],
  },
  'no-discover-agent': {
    ask: rig => call(rig, 1, base, 0x7, 0xffff_ffff)[0],
    specification: 0,
    firmware: status.NOT_SUPPORTED,
  },
  'management-channel-stuck-busy': {
    ask: rig => [statusAfter(rig, 1, 0x0), statusAfter(rig, 2, 0x0)],
    specification: [1, 1],
    firmware: [0, 1],
  },
  'stuck-busy-on-permission-messages': {
    ask: rig => [statusAfter(rig, 1, 0x0), statusAfter(rig, 1, 0xb, 2, 1), statusAfter(rig, 1, 0x9, 2, 1, 1)],
    specification: [1, 1, 1],
    firmware: [1, 0, 0],
  },
  'smc-returns-invalid-parameter': {
    ask: rig => [rig.firmware.smc(0x8200_0003), rig.firmware.smc(0x8200_0004), rig.messages.length],
    specification: [0, 0, 2],
    firmware: [-3, 0, 1],
  },
  'privileged-agent-0': {
    ask: rig => [
      rig.firmware.privilegedAgent,
      call(rig, 1, base, 0x9, 2, 1, 1),
      call(rig, 0, base, 0x9, 2, 1, 1),
    ],
    specification: [1, [0], [status.DENIED]],
    firmware: [0, [status.DENIED], [0]],
  },
  'reset-agent-configuration-denied': {
    ask: rig => call(rig, 1, base, 0xb, 2, 1),
    specification: [0],
    firmware: [status.DENIED],
  },
  'agent-count-2': {
    ask: rig => call(rig, 1, base, 0x1),
    specification: [0, 0x402],
    firmware: [0, 0x202],
  },
  'response-length-0': {
    ask: rig => [lengthAfter(rig, 1), lengthAfter(rig, 0)],
    specification: [12, 12],
    firmware: [0, 12],
  },
  'response-length-64': {
    ask: rig => [lengthAfter(rig, 1), lengthAfter(rig, 0)],
    specification: [12, 12],
    firmware: [64, 12],
  },
  'protocol-attributes-generic-error': {
    ask: rig => [call(rig, 1, base, 0x1), call(rig, 0, base, 0x1)[0]],
    specification: [[0, 0x402], 0],
    firmware: [[status.GENERIC_ERROR], 0],
  },
  'smc-returns-not-supported': {
    ask: rig => [rig.firmware.smc(0x8200_0003), rig.firmware.smc(0x8200_0004), rig.messages.length],
    specification: [0, 0, 2],
    firmware: [-1, 0, 1],
  },
  'set-device-permissions-denied': {
    ask: rig => call(rig, 1, base, 0x9, 2, 1, 1),
    specification: [0],
    firmware: [status.DENIED],
  },
};

function statusAfter(rig: Rig, agent: number, message: number, ...words: number[]): number {
  call(rig, agent, base, message, ...words);
  return channel(rig, agent)[0].channelStatus;
}

function lengthAfter(rig: Rig, agent: number): number {
  call(rig, agent, base, 0x0);
  return channel(rig, agent)[0].length;
}

for (const [name, { effect }] of faults) {
  test(`fault ${name}: ${effect}`, t => {
    const found = faultCases[name];
    t.truthy(found);
    t.deepEqual(found?.ask(boot(reference)), found?.specification, 'without');
    t.deepEqual(found?.ask(boot(reference, name)), found?.firmware, 'with');
  });
}

test('an unknown fault or quirk is refused with the names that are known', t => {
  t.throws(() => boot(reference, 'no-such-fault'), { message: /'no-such-fault'.*privileged-agent-0/ });
  t.throws(() => boot({ ...reference, quirks: ['odd'] }), { message: /'odd'.*channel-stays-busy/ });
});

test('a fault word has a bit per fault, in their order', t => {
  t.is(faultWord([]), 0);
  t.is(faultWord(['no-discover-agent', 'no-reset-agent-configuration']), 0x5);
  t.deepEqual(faultsOfWord(0x5), ['no-reset-agent-configuration', 'no-discover-agent']);
  t.deepEqual(faultsOfWord(faultWord([...faults.keys()])), [...faults.keys()]);
  t.throws(() => faultWord(['no-such-fault']), { message: /privileged-agent-0/ });
});

// Arbitrary input

const page = fc.uint8Array({ minLength: 128, maxLength: 128 });
const word = fc.oneof(fc.nat(10), fc.nat(0xffff_ffff));
const command = fc.record({
  agent: fc.constantFrom(1, 2, 3),
  protocol: fc.integer({ min: base, max: 0x1a }),
  message: fc.nat(12),
  words: fc.array(word, { maxLength: 8 }),
});
const anyProfile = fc.constantFrom(specified, reference, raspberry, rcar, rcarReset);

test('no content of a page throws or changes another page', t => {
  fc.assert(
    fc.property(anyProfile, page, fc.constantFrom(1, 2, 3), (profile, bytes, agent) => {
      const rig = boot(profile);
      const before = otherPages(rig, agent);
      const [area, functionId] = channel(rig, agent);
      rig.memory.writeBytes(area.address, bytes);
      t.is(rig.firmware.smc(functionId), 0);
      t.deepEqual(otherPages(rig, agent), before);
      t.deepEqual(
        [...rig.memory.readBytes(area.address + 128, 64)],
        Array.from({ length: 64 }, () => 0),
      );
    }),
  );
});

test('every command is answered within the slot, and no other page changes', t => {
  fc.assert(
    fc.property(anyProfile, fc.array(command, { maxLength: 20 }), (profile, commands) => {
      const rig = boot(profile);
      for (const { agent, protocol, message, words } of commands) {
        const before = otherPages(rig, agent);
        const [code = 0] = call(rig, agent, protocol, message, ...words);
        const [area] = channel(rig, agent);
        t.is(area.channelStatus, 1);
        t.true(area.length >= 8 && area.length <= 104, `length ${area.length}`);
        t.true(code >= status.IN_USE && code <= 2, `status ${code}`);
        t.deepEqual(otherPages(rig, agent), before);
      }
    }),
  );
});

function otherPages({ firmware, memory }: Rig, agent: number): number[][] {
  return firmware.profile.agents
    .filter(({ id }) => id !== agent)
    .map(({ shmem }) => [...memory.readBytes(shmem, 0x100)]);
}
