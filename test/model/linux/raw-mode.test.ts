import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { lookQuestion } from '../../../src/model/linux/look.ts';
import {
  leavesAllAsItIs,
  rawMessageCommand,
  rawReplyPattern,
  unsendable,
} from '../../../src/model/linux/raw-mode.ts';
import { bytesOf } from '../../../src/model/linux/scmi-channel.ts';
import { LinuxView } from '../../../src/model/linux/view.ts';
import { encodeHeader } from '../../../src/model/scmi/header.ts';
import { boot, hostTree, short } from './guest.ts';

const functionId = 0x82000002;
const message = '/sys/kernel/debug/scmi/0/raw/message';
const version = bytesOf([encodeHeader({ protocol: 0x10, message: 0, token: 0x155 })]);

test('a kernel with raw mode alone asks firmware nothing, and binds no driver', t => {
  const { kernel, lines, messages } = boot({ tree: hostTree(), functionId, rawMode: 'exclusive' });
  t.is(lines.at(-2), 'arm-scmi arm-scmi.1.auto: SCMI RAW Mode initialized for instance 0');
  t.deepEqual(messages, []);
  t.deepEqual(kernel.instances[0]?.busDevices, ['scmi_dev.1']);
  t.deepEqual(
    kernel.clocks.clocks.filter(({ scmiId }) => scmiId !== null),
    [],
  );
  const view = new LinuxView(kernel);
  t.is(
    new TextDecoder().decode(
      view.read('/sys/bus/platform/drivers/arm-scmi/arm-scmi.1.auto/protocol_version'),
    ),
    '0.0\n',
  );
});

test('beside its drivers raw mode changes nothing but two lines, which nobody has to see', t => {
  const plain = boot({ tree: hostTree(), functionId });
  const { kernel, lines, messages } = boot({ tree: hostTree(), functionId, rawMode: 'coexisting' });
  t.deepEqual(messages.map(short), plain.messages.map(short));
  const more = lines.filter(line => !plain.lines.includes(line));
  t.deepEqual(more, [
    'arm-scmi arm-scmi.1.auto: SCMI RAW Mode initialized for instance 0',
    'arm-scmi arm-scmi.1.auto: SCMI RAW Mode COEX enabled !',
  ]);
  t.true(kernel.log.lines.filter(({ text }) => more.includes(text)).every(({ optional }) => optional));
  const command =
    'dmesg | grep -E "arm-scmi|scmi_protocol|scmi_core|scmi-|SCMI|clk: |phandle|Internal error|Kernel panic"';
  const question = lookQuestion(command);
  t.is(
    question?.answer(new LinuxView(kernel)).pattern,
    question?.answer(new LinuxView(plain.kernel)).pattern,
  );
});

test('a text written to message is sent unchanged, and its reply is read once', t => {
  const { kernel, messages } = boot({ tree: hostTree(), functionId, rawMode: 'coexisting' });
  const view = new LinuxView(kernel);
  messages.length = 0;
  t.true(view.write(message, version));
  t.deepEqual(messages.map(short), ['0x10 0x0 0']);
  t.deepEqual(view.read(message), bytesOf([0x0554_4000, 0, 0x2_0000]));
  t.deepEqual(view.read(message), new Uint8Array());
  view.write(message, version);
  view.write('/sys/kernel/debug/scmi/0/raw/reset', bytesOf([1]));
  t.deepEqual(view.read(message), new Uint8Array());
  t.is(kernel.log.lines.at(-1)?.text, 'arm-scmi arm-scmi.1.auto: Resetting SCMI Raw stack.');
});

test('a call that is refused ends the write, and the kernel says so', t => {
  const { kernel } = boot({ tree: hostTree(), rawMode: 'coexisting' });
  t.is(kernel.instances.length, 0);
  const view = new LinuxView(kernel);
  t.false(view.write(message, version));
  t.is(kernel.log.lines.at(-1)?.text, 'arm-scmi arm-scmi.1.auto: Failed to send RAW message -95');
  t.is(kernel.raw[0]?.send(new Uint8Array(3)), -22);
  t.is(kernel.raw[0]?.send(new Uint8Array(200)), -28);
});

test('a kernel without raw mode, or from before it, has no such files', t => {
  for (const options of [{}, { version: '6.1', rawMode: 'exclusive' }] as const) {
    const { kernel } = boot({ tree: hostTree(), functionId, ...options });
    const view = new LinuxView(kernel);
    t.is(view.list('/sys/kernel/debug/scmi'), undefined);
    t.is(view.write(message, version), undefined);
    t.is(kernel.instances.length, 1);
  }
});

const reply = (token: number, protocol = 0x77, status = 0) =>
  Buffer.from(bytesOf([encodeHeader({ protocol, message: 3, token }), status, 0xa0b])).toString('hex');

test('a reply fits its own pattern whatever its token is, and no other', t => {
  const pattern = new RegExp(`^${rawReplyPattern(Buffer.from(reply(0), 'hex'))}$`);
  for (const token of [0, 1, 0x3f, 0x40, 0x155, 0x3ff]) t.regex(reply(token), pattern);
  for (const other of [
    reply(0, 0x37),
    reply(0, 0x76),
    reply(0, 0x77, -3),
    reply(0).slice(0, -2),
    `${reply(0)}00`,
  ])
    t.notRegex(other, pattern);
});

for (const [header, why] of [
  [encodeHeader({ protocol: 0x14, message: 7, token: 0x3ff }), undefined],
  [encodeHeader({ protocol: 0x14, message: 7, type: 3 }), /type/],
  [0x1000_0000, /bits 28 to 31/],
] as const) {
  test(`raw mode ${why === undefined ? 'sends' : 'cannot send'} the header 0x${header.toString(16)}`, t => {
    const found = unsendable(header);
    if (why === undefined) t.is(found, undefined);
    else t.regex(found ?? '', why);
  });
}

for (const [protocol, id, only] of [
  [0x10, 0x0, true],
  [0x10, 0x2, true],
  [0x10, 0x7, true],
  [0x10, 0x9, false],
  [0x10, 0xb, false],
  [0x11, 0x5, true],
  [0x11, 0x4, false],
  [0x12, 0x4, true],
  [0x14, 0x5, false],
  [0x14, 0x6, true],
  [0x14, 0x7, false],
  [0x19, 0x4, true],
  [0x19, 0x6, false],
  [0x14, 0x10, false],
  [0x77, 0x3, false],
] as const) {
  test(`message 0x${id.toString(16)} of protocol 0x${protocol.toString(16)} ${only ? 'only asks' : 'may change something'}`, t => {
    t.is(leavesAllAsItIs(encodeHeader({ protocol, message: id })), only);
  });
}

const run = promisify(execFile);

for (const shell of [['sh'], ['bash'], ['busybox', 'sh']]) {
  test(`${shell.join(' ')} writes the bytes of a message, whichever they are, and prints what is read`, async t => {
    const [program = '', ...applet] = shell;
    const isThere = await run(program, [...applet, '-c', ':']).then(
      () => true,
      () => false,
    );
    if (!isThere) {
      t.log(`skipped: there is no ${program}`);
      t.pass();
      return;
    }
    // A plain file gives back what was written to it.
    const directory = mkdtempSync(path.join(tmpdir(), 'scmi-hil-raw-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const words = [0x000a_4100, 0x0a0a_2527, 0x5c5c_0022, 0, 0, 0, 0, 0, 0xffff_ffff];
    const command = rawMessageCommand(words, directory);
    const { stdout } = await run(program, [...applet, '-c', command]);
    t.is(stdout, Buffer.from(bytesOf(words)).toString('hex'));
    const refused = rawMessageCommand(words, path.join(directory, 'none'));
    await t.throwsAsync(run(program, [...applet, '-c', refused]), { any: true, code: 1 });
  });
}
