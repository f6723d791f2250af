/**
 * Replays what real Xen and Linux sent to the real firmware (el3.log of ../shared/corpus) and
 * compares status, channel status and length of every reply.
 *
 * The log has a message's first argument only. The others are rebuilt: what CONFIG_SET and the
 * permission messages were told is in the line that the firmware printed before; DESCRIBE_RATES of
 * Linux starts at index 0. Where a permission message was refused before it was looked at, no line
 * says which device it was: any does, except for INVALID_PARAMETERS, where only a device that does
 * not exist can have been meant, and for DENIED of a privileged agent, where it is one of firmware.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import type { FirmwareMessage } from '../../../src/model/scmi/firmware-message.ts';
import { PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import { messageName } from '../../../src/model/scmi/message-names.ts';
import { protocolId } from '../../../src/model/scmi/protocol-ids.ts';
import { putMessage, SharedMemory } from '../../../src/model/scmi/shared-memory.ts';
import { status } from '../../../src/model/scmi/status.ts';
import { type CaseFile, readCaseFile } from '../../../src/scenario/case.ts';
import { caseDirectories } from '../../corpus/cases.ts';

const cases = caseDirectories().filter(({ directory }) => existsSync(join(directory, 'el3.log')));
if (cases.length > 0) {
  for (const { name, directory } of cases) {
    test(`the firmware answers as it did in corpus case ${name}`, t => {
      const { expected, actual } = replay(
        readFileSync(join(directory, 'el3.log'), 'latin1'),
        readCaseFile(directory).firmware,
      );
      t.deepEqual(actual, expected);
    });
  }
} else {
  test.skip('the firmware answers as in the corpus (there is no ../shared/corpus)', t => t.pass());
}

const line =
  /SCMI: smc (0x[0-9a-f]+) agent (\d+) proto (0x[0-9a-f]+) msg (0x[0-9a-f]+) len (\d+) arg0 (0x[0-9a-f]+) -> status (-?\d+) chan (0x[0-9a-f]+) rlen (\d+)/;
const ready = /SCMI: server ready, (\d+) agents, privileged agent (\d+)/;
const clockLine = /SCMI: agent (\d+) clock (\d+) \((\w+)\) (on|off)/;
const deviceLine = /SET_DEVICE_PERMISSIONS agent:(\d+) device:(\d+) allow:(\d)/;
const resetLine = /RESET_AGENT_CONFIGURATION agent:(\d+) reset_perm:(\d)/;

/** A log's replies and clock states, and ours. */
function replay(
  log: string,
  { profile, faults }: CaseFile['firmware'],
): { expected: string[]; actual: string[] } {
  const expected: string[] = [];
  const actual: string[] = [];
  const memory = new PhysicalMemory();
  const onMessage = (message: FirmwareMessage) => actual.push(describe(message));
  const firmware = new Firmware(loadFirmwareProfile(profile), { memory, faults, onMessage });
  let before = '';
  for (const text of log.split(/\r?\n/)) {
    const boot = ready.exec(text);
    if (boot !== null) {
      firmware.reset();
      expected.push(`privileged ${boot[2]} of ${boot[1]}`);
      actual.push(`privileged ${firmware.privilegedAgent} of ${firmware.profile.agents.length}`);
    }
    const match = line.exec(text);
    if (match !== null) {
      const message = parse(match.slice(1));
      expected.push(describe(message));
      ring(firmware, memory, message, wordsOf(message, before));
      const clock = clockLine.exec(before);
      if (clock !== null) {
        expected.push(`clock ${clock[2]} ${clock[4]}`);
        actual.push(`clock ${clock[2]} ${firmware.clock(Number(clock[2]))?.enabled === true ? 'on' : 'off'}`);
      }
    }
    before = text;
  }
  return { expected, actual };
}

function parse(fields: readonly string[]): FirmwareMessage {
  const [functionId, agent, protocol, message, length, argument, code, channelStatus, replyLength] =
    fields.map(Number);
  return {
    functionId: functionId ?? 0,
    agent: agent ?? 0,
    protocol: protocol ?? 0,
    message: message ?? 0,
    length: length ?? 0,
    argument: argument ?? 0,
    status: code ?? 0,
    channelStatus: channelStatus ?? 0,
    replyLength: replyLength ?? 0,
  };
}

/** A device that does not exist, and one that belongs to firmware. */
const unknownDevice: ReadonlyMap<number, number> = new Map([
  [status.INVALID_PARAMETERS, 8],
  [status.DENIED, 7],
]);

/** The payload that a message must have had. */
function wordsOf(message: FirmwareMessage, before: string): number[] {
  const count = (message.length - 4) / 4;
  const words = Array.from({ length: count }, (_, index) => (index === 0 ? message.argument : 0));
  const [, on] = /\) (on|off)/.exec(before) ?? [];
  if (message.protocol === protocolId.clock && message.message === 0x7) {
    words[1] = on === 'on' ? 1 : 0;
  }
  // Linux switches off what nobody uses.
  if (message.protocol === protocolId.powerDomain && message.message === 0x4) words[2] = 0x4000_0000;
  if (message.protocol === protocolId.base && message.message === 0x9) {
    const unknown = unknownDevice.get(message.status) ?? 1;
    const [, , device, allow] = deviceLine.exec(before) ?? [];
    words[1] = Number(device ?? unknown);
    words[2] = Number(allow ?? 1);
  }
  if (message.protocol === protocolId.base && message.message === 0xb) {
    words[1] = Number(resetLine.exec(before)?.[2] ?? 1);
  }
  return words;
}

function ring(
  firmware: Firmware,
  memory: PhysicalMemory,
  { agent, functionId, protocol, message }: FirmwareMessage,
  words: readonly number[],
): void {
  const { shmem = 0 } = firmware.profile.agents.find(({ id }) => id === agent) ?? {};
  putMessage(new SharedMemory(memory, shmem), { protocol, message, words });
  firmware.smc(functionId);
}

function describe(message: FirmwareMessage): string {
  const { functionId, agent, length, argument } = message;
  const sent = `0x${functionId.toString(16)} agent ${agent} ${messageName(message.protocol, message.message)}`;
  const reply = `status ${message.status} chan ${message.channelStatus} rlen ${message.replyLength}`;
  return `${sent} len ${length} arg0 ${argument} -> ${reply}`;
}
