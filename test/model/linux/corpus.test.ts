import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import { LinuxView } from '../../../src/model/linux/view.ts';
import type { FirmwareMessage } from '../../../src/model/scmi/firmware-message.ts';
import type { LinuxVersion } from '../../../src/model/linux/kernel-version.ts';
import { boot, domainTree, type Mapping } from './guest.ts';

const corpus = new URL('../../../../shared/corpus/', import.meta.url);
const whenPresent = existsSync(corpus) ? test : test.skip;

/** Boots whose Dom0 (or dom0less guest) is booted again here, with what Xen let through in them. */
const cases: Record<
  string,
  {
    readonly version?: LinuxVersion;
    readonly functionId?: number;
    readonly devices?: readonly number[];
    readonly faults?: readonly string[];
    readonly dropScmi?: boolean;
  }
> = {
  'a-good': { functionId: 0x82000002 },
  'l6.1-good': { version: '6.1', functionId: 0x82000002 },
  'l7.2-good': { version: '7.2', functionId: 0x82000002 },
  'l6.1-mediator-fail': { version: '6.1' },
  'l7.2-fw-smc-differs': { version: '7.2' },
  'r-fw-smc-differs': { functionId: 0x82000002 },
  'h-cells4': {},
  'c-no-dom0-id': { dropScmi: true },
  'u-firmware-disabled': { functionId: 0x82000002 },
  'aa-consumer-good': { functionId: 0x82000002, devices: [1] },
  'aa-consumer-mediator-fail': {},
  'aa-consumer-nodom0id': { dropScmi: true },
  's-ac-allowed': { functionId: 0x82000002, devices: [1, 2] },
  'w-fw-priv0': { functionId: 0x82000002, faults: ['privileged-agent-0'] },
  'deb420-a': { functionId: 0x82000002 },
};

for (const [name, given] of Object.entries(cases)) {
  whenPresent(`Dom0 of ${name} says and asks what it did on the board`, t => {
    const tree = domainTree(readFileSync(new URL(`${name}/host.dtb`, corpus)), given.dropScmi);
    const { kernel, lines, messages } = boot({ ...given, tree });
    const log = readLog(name);

    t.deepEqual(lines.filter(isScmiLine).map(withoutNumbers), log.kernel);

    const view = new LinuxView(kernel);
    const summary = new TextDecoder().decode(view.read('/sys/kernel/debug/clk/clk_summary'));
    t.is(summary, log.clocks);
    t.deepEqual(view.list('/sys/bus/scmi_protocol/devices'), log.busDevices);
    t.is(new TextDecoder().decode(view.read('/sys/kernel/debug/devices_deferred')), log.deferred);

    t.deepEqual(messages.map(asFirmwareLogs), log.messages);
  });
}

whenPresent('a dom0less guest whose agent is its own sees only the shared clock', t => {
  const guest: Mapping = { guest: 0x22001000, machine: 0x47ff2000 };
  const tree = domainTree(readFileSync(new URL('d-domu2/d2-plain.dtb', corpus)));
  const { kernel, messages, lines } = boot({
    tree,
    functionId: 0x82000004,
    mappings: [guest],
    clocksOff: [0],
  });

  t.true(
    lines.includes("arm-scmi arm-scmi.0.auto: SCMI Protocol v2.0 'EPAM:qemu-virt' Firmware version 0x0"),
  );
  new LinuxView(kernel).read('/sys/kernel/debug/clk/clk_summary');
  t.deepEqual(messages.map(asFirmwareLogs), messagesOf('d-domu2', '0x82000004'));
});

/** The lines of Dom0's kernel that this room predicts, what its start script printed, and the messages. */
function readLog(name: string) {
  const text = readFileSync(new URL(`${name}/console.log`, corpus), 'latin1').replaceAll('\r', '');
  const untilInit = text.slice(0, text.indexOf('CASE: init'));
  const kernel = [...untilInit.matchAll(/^\[ *\d+\.\d+\] (.*)$/gm)]
    .map(match => match[1] ?? '')
    .filter(isScmiLine);
  const section = (title: string) => {
    const after = text.slice(text.indexOf(`CASE: --- ${title}\n`) + `CASE: --- ${title}\n`.length);
    return after.slice(0, after.search(/^CASE: /m));
  };
  return {
    kernel: kernel
      .map(withoutNumbers)
      .filter((line, index, all) => !line.startsWith('OF: ') || all.indexOf(line) === index),
    clocks: section('clocks'),
    deferred: section('deferred'),
    busDevices: section('scmi devices')
      .split('\n')
      .slice(1)
      .join(' ')
      .split(/\s+/)
      .filter(each => each !== ''),
    messages: messagesOf(name, '0x82000002'),
  };
}

function messagesOf(name: string, functionId: string): string[] {
  const text = readFileSync(new URL(`${name}/el3.log`, corpus), 'latin1');
  const form = /SCMI: smc (\S+) agent \d+ proto (\S+) msg (\S+) len (\d+) arg0 (\S+) -> status (-?\d+)/g;
  return [...text.matchAll(form)]
    .filter(match => match[1] === functionId)
    .map(
      ([, , protocol, message, length, argument, status]) =>
        `${protocol} ${message} ${length} ${argument} ${status}`,
    );
}

function isScmiLine(line: string): boolean {
  return /arm-scmi|scmi_protocol scmi|scmi_core: |^OF: \/\S+: could not find|^WARNING: /.test(line);
}

/** Addresses, offsets and what else differs from boot to boot. */
function withoutNumbers(line: string): string {
  return line.replace(/^WARNING: .*(drivers\S+shmem\.c).*/, 'WARNING: $1');
}

function asFirmwareLogs({ protocol, message, length, argument, status }: FirmwareMessage): string {
  return `${hex(protocol)} ${hex(message)} ${length} ${hex(argument)} ${status}`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
