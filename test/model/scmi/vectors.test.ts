import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import * as fc from 'fast-check';
import { firmwareTables } from '../../../src/lab/images/firmware-tables.ts';
import { faults, faultsOfWord } from '../../../src/model/scmi/faults.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import { encodeHeader } from '../../../src/model/scmi/header.ts';
import { PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import { SharedMemory } from '../../../src/model/scmi/shared-memory.ts';
import {
  type Answer,
  answerOf,
  channelOf,
  lengthOf,
  profile,
  type Question,
  sequences,
} from '../../fixtures/scmi/vectors.ts';

const areaSize = 128;
const messageOffset = 24;

/** The answers of src/model/scmi. */
function askModel(word: number, questions: readonly Question[]): Answer[] {
  const memory = new PhysicalMemory();
  const firmware = new Firmware(profile, { memory, faults: faultsOfWord(word) });
  return questions.map(question => {
    const { functionId, shmem } = channelOf(question);
    const area = new SharedMemory(memory, shmem);
    memory.writeBytes(shmem, new Uint8Array(areaSize));
    area.channelStatus = question.channel ?? 0;
    area.length = lengthOf(question);
    memory.writeBytes(shmem + messageOffset, Buffer.from(question.message, 'hex'));
    const x0 = firmware.smc(functionId);
    const bytes = memory.readBytes(shmem + messageOffset, Math.min(area.length, areaSize - messageOffset));
    return {
      x0,
      status: area.channelStatus,
      replyLength: area.length,
      reply: Buffer.from(bytes).toString('hex'),
    };
  });
}

const hex = (value: number): string => value.toString(16);

/** The lines of firmware/qemu-virt/el3/host/runner.c for one boot. */
function commandsOf(word: number, questions: readonly Question[]): string[] {
  const rings = questions.map(question => {
    const { functionId, shmem } = channelOf(question);
    return `ring ${hex(functionId)} ${hex(shmem)} ${hex(question.channel ?? 0)} ${hex(lengthOf(question))} ${question.message}`;
  });
  return [`boot ${hex(word)}`, ...rings];
}

function parseAnswer(line: string): Answer {
  const [x0 = '', status = '', replyLength = '', reply = ''] = line.split(' ');
  return {
    x0: Number(x0),
    status: Number.parseInt(status, 16),
    replyLength: Number.parseInt(replyLength, 16),
    reply: reply === '-' ? '' : reply,
  };
}

/** The answers of the firmware's C files, compiled for this machine. */
function askFirmware(program: string, commands: readonly string[]): Answer[] {
  const output = execFileSync(program, {
    input: `${commands.join('\n')}\n`,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return output.trimEnd().split('\n').map(parseAnswer);
}

function makeRunner(directory: string, more: readonly string[] = []): void {
  const source = fileURLToPath(new URL('../../../firmware/qemu-virt/el3', import.meta.url));
  const variables = [`BUILD=${directory}`, `NODE=${process.execPath}`, ...more];
  execFileSync('make', ['-s', '-C', source, 'host-test', ...variables], { stdio: 'pipe', timeout: 250_000 });
}

const missing = ['make', 'cc'].filter(tool => {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore', timeout: 10_000 });
    return false;
  } catch {
    return true;
  }
});

/** Builds the runner into a directory of its own; `undefined` where this machine has no C compiler. */
const build = missing.length > 0 ? undefined : mkdtempSync(join(tmpdir(), 'scmi-vectors-'));
const runner = join(build ?? '', 'host-test');
test.before(() => {
  if (build !== undefined) makeRunner(build);
});
test.after.always(() => {
  if (build !== undefined) rmSync(build, { recursive: true });
});
const testFirmware = build === undefined ? test.skip : test;
const without = missing.length > 0 ? ` (skipped: no ${missing.join(', ')})` : '';

for (const { title, faults: word, steps } of sequences) {
  test(`model: ${title}`, t => {
    t.deepEqual(askModel(word, steps), steps.map(answerOf));
  });

  testFirmware(`firmware in C: ${title}${without}`, t => {
    t.deepEqual(askFirmware(runner, commandsOf(word, steps)), steps.map(answerOf));
  });
}

testFirmware(`firmware in C: an unknown message is NOT_FOUND where the profile says so${without}`, t => {
  const own = mkdtempSync(join(tmpdir(), 'scmi-vectors-'));
  t.teardown(() => rmSync(own, { recursive: true }));
  const tables = join(own, 'tables.inc');
  writeFileSync(tables, firmwareTables({ ...profile, unknownMessage: 'not-found' }));
  makeRunner(own, [`TABLES=${tables}`]);
  const ask = (message: string) =>
    askFirmware(join(own, 'host-test'), commandsOf(0, [{ agent: 0, message }]))[0]?.reply.slice(8);
  t.is(ask('3f500000'), 'fcffffff', 'message 0x3f of the Clock protocol');
  t.is(ask('004c0000'), 'ffffffff', 'protocol 0x13 is not there');
});

test('the vectors have every message of every protocol that is served, and every fault', t => {
  const asked = new Set<string>();
  for (const { message } of sequences.flatMap(({ steps }) => steps)) {
    const header = Buffer.from(message, 'hex').readUInt32LE();
    asked.add(`${(header >>> 10) & 0xff}.${header & 0xff}`);
  }
  const last = new Map([
    [0x10, 0xb],
    [0x11, 0x5],
    [0x14, 0x7],
    [0x16, 0x4],
    [0x19, 0xa],
  ]);
  t.deepEqual(new Set([0x10, ...profile.protocols.keys()]), new Set(last.keys()));
  for (const [protocol, end] of last) {
    for (let message = 0; message <= end; message++)
      t.true(asked.has(`${protocol}.${message}`), `${protocol}.${message}`);
  }
  const words = sequences.map(({ faults: word }) => word);
  for (const [bit, name] of [...faults.keys()].entries())
    t.true(
      words.some(word => word === 1 << bit),
      name,
    );
});

const words = fc.oneof(
  { weight: 6, arbitrary: fc.nat(9) },
  fc.constantFrom(0x4000_0000, 0xffff_ffff, 0x402, 0x406, 0x1_0000, 0x4_0000, 0x8_0002, 24_000_000),
  fc.nat(0xffff_ffff),
);
const payloads = fc.array(words, { maxLength: 6 });
const questions: fc.Arbitrary<Question> = fc
  .record({
    agent: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.constantFrom(0, 2, 3)),
    protocol: fc.constantFrom(0x10, 0x11, 0x14, 0x16, 0x19, 0x10, 0x11, 0x14, 0x16, 0x19, 0x12),
    message: fc.nat(0xc),
    token: fc.nat(0x3ff),
    payload: payloads,
    /** Bytes that are cut off the payload, or a length word that fits nothing. */
    shorter: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.nat(3), fc.constantFrom(200, -80)),
    channel: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.nat(3)),
  })
  .map(({ agent, protocol, message, token, payload, shorter, channel }) => {
    const bytes = Buffer.alloc(4 + 4 * payload.length);
    bytes.writeUInt32LE(encodeHeader({ protocol, message, token }));
    for (const [index, word] of payload.entries()) bytes.writeUInt32LE(word, 4 + 4 * index);
    return { agent, message: bytes.toString('hex'), length: (bytes.length - shorter) >>> 0, channel };
  });

testFirmware(
  `arbitrary messages have the same answers from the model and from the firmware in C${without}`,
  t => {
    const boots = fc.sample(
      fc.tuple(
        fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(2 ** faults.size - 1)),
        fc.array(questions, { minLength: 50, maxLength: 100 }),
      ),
      200,
    );
    const fromFirmware = askFirmware(
      runner,
      boots.flatMap(([word, asked]) => commandsOf(word, asked)),
    );
    let at = 0;
    for (const [word, asked] of boots) {
      for (const [index, answer] of askModel(word, asked).entries()) {
        const differs = JSON.stringify(answer) !== JSON.stringify(fromFirmware[at]);
        if (differs) {
          t.deepEqual(
            { word, asked: asked.slice(0, index + 1), answer: fromFirmware[at] },
            { word, asked: asked.slice(0, index + 1), answer },
          );
          return;
        }
        at += 1;
      }
    }
    t.is(at, fromFirmware.length);
  },
);
