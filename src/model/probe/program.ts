/** The bare-metal probe of firmware/probe on a machine of the model: what it answers to each command. */
import type { FreePart } from '../trace/observation.ts';
import { channelStatus, sharedMemoryOffset as offset } from '../scmi/shared-memory.ts';
import { GuestAbort } from '../xen/guest.ts';
import type { ProbeOutcome } from './answer.ts';
import { type ProbeCommand, probeLimits, type ProbeMessage, readCommandLine } from './command.ts';
import type { ProbeMachine } from './machine.ts';
import { callWithoutReturn } from './no-return.ts';

/** An answer, and what of it is certain. */
export interface ProbeReply {
  readonly outcome: ProbeOutcome;
  /** `ok x0=0x0 ...`; what is not certain has some value. */
  readonly text: string;
  /** Regular expression, anchored at both ends, that takes any value for what is not certain. */
  readonly pattern: string;
  /** The parts of the text that the pattern leaves open. */
  readonly free: readonly FreePart[];
  /** Set where nothing of the answer is certain: why. */
  readonly unknown?: string;
  /** In words, what decided it, where the probe's machine knows. */
  readonly words?: string;
}

export class ProbeProgram {
  readonly #machine: ProbeMachine;
  #isGone = false;

  constructor(machine: ProbeMachine) {
    this.#machine = machine;
  }

  /** Line that it prints when it starts, and for an empty line. */
  get ready(): string {
    const { exceptionLevel, uart, conduit } = this.#machine;
    return `probe: ready version=1 el=${exceptionLevel} uart=${hexadecimal(uart)} conduit=${conduit}`;
  }

  /** Its answer to a typed line; undefined: none, once a call has not come back. */
  line(text: string): string | undefined {
    const read = readCommandLine(text);
    this.#isGone ||= read !== undefined && 'command' in read && isLast(read.command);
    if (this.#isGone) return undefined;
    if (read === undefined) return this.ready;
    return `probe: #${read.tag} ${'wrong' in read ? `error ${read.wrong}` : this.obey(read.command).text}`;
  }

  /** Carries a command out. */
  obey(command: ProbeCommand): ProbeReply {
    try {
      return this.#carryOut(command);
    } catch (error) {
      if (error instanceof Uncertain) return uncertain(command, error.message);
      if (error instanceof GuestAbort) return faulted(error);
      throw error;
    }
  }

  #carryOut(command: ProbeCommand): ProbeReply {
    switch (command.do) {
      case 'smc':
      case 'hvc':
        return this.#call(command.do, command.functionId, command.arguments);
      case 'read': {
        const words = Array.from({ length: command.count }, (_, index) =>
          this.#load(command.address + 4 * index),
        );
        return reply('ok', words.map(wordPart));
      }
      case 'write':
        for (const [index, word] of command.words.entries()) this.#store(command.address + 4 * index, word);
        return reply('ok', []);
      case 'scmi':
        return this.#message(command.message);
      case 'loop':
        return this.#loop(command.count, command.message);
      default:
        return command satisfies never;
    }
  }

  /** Nothing says what x1 to x3 hold after a call whose result is x0 alone. */
  #call(conduit: 'smc' | 'hvc', functionId: number, others: readonly number[]): ProbeReply {
    const unknown = this.#machine.callUnknown(conduit, functionId);
    if (unknown !== undefined) throw new Uncertain(unknown);
    const x0 = this.#machine.call(functionId);
    const rest = [1, 2, 3].map(index =>
      anything(`x${index}`, hexadecimal(others[index - 1] ?? 0), "of a call's results x0 alone is predicted"),
    );
    return reply('ok', [registerPart('x0', x0), ...rest]);
  }

  /** One message as the specification's SMC transport has it, from FREE to what the call left behind. */
  #message(message: ProbeMessage): ProbeReply {
    const { page } = message;
    const unknown = this.#machine.callUnknown('smc', message.functionId);
    if (unknown !== undefined) throw new Uncertain(unknown);
    if ((this.#certain(page + offset.channelStatus) & channelStatus.free) === 0) {
      return {
        ...reply('error', [exactly('channel busy')]),
        words: 'the channel status word is not FREE, so the probe does not send',
      };
    }
    const x0 = this.#send(message);
    const status = this.#certain(page + offset.channelStatus);
    const length = this.#certain(page + offset.length);
    const shown = Math.min(length, probeLimits.replyBytes);
    return reply('ok', [
      registerPart('x0', x0),
      numberPart('status', status),
      lengthPart(length),
      this.#bytes(page + offset.header, shown),
    ]);
  }

  #send({ page, functionId, words }: ProbeMessage): number {
    this.#store(page + offset.channelStatus, 0);
    this.#store(page + offset.channelFlags, 0);
    this.#store(page + offset.length, 4 * words.length);
    for (const [index, word] of words.entries()) this.#store(page + offset.header + 4 * index, word);
    return this.#machine.call(functionId);
  }

  #loop(count: number, message: ProbeMessage): ProbeReply {
    const { page } = message;
    let failed = 0;
    for (let index = 0; index < count; index++) {
      const x0 = this.#send(message);
      const isFree = (this.#certain(page + offset.channelStatus) & channelStatus.free) !== 0;
      if (x0 !== 0 || !isFree || this.#certain(page + offset.payload) !== 0) failed++;
    }
    const parts = [numberPart('count', count), numberPart('failed', failed)];
    const ticks = anything('ticks', String(count * 100), 'how long messages take is not modelled');
    const frequency = anything('frequency', '62500000', "the timer's frequency is the machine's");
    return reply('ok', [...parts, ticks, frequency]);
  }

  #bytes(from: number, length: number): Part {
    const bytes = Array.from({ length }, (_, index) => {
      const at = from + index;
      const word = this.#load(at - (at % 4));
      if (word === undefined) return undefined;
      return ((word >>> (8 * (at % 4))) & 0xff).toString(16).padStart(2, '0');
    });
    return {
      text: `reply=${bytes.map(byte => byte ?? '00').join('')}`,
      pattern: `reply=${bytes.map(byte => byte ?? '[0-9a-f]{2}').join('')}`,
      free: bytes.flatMap((byte, index) => {
        const start = 'reply='.length + 2 * index;
        return byte === undefined ? [{ from: start, to: start + 2, because: neverWritten }] : [];
      }),
    };
  }

  /** A word; undefined if it can be read, but its value is unknown. */
  #load(address: number): number | undefined {
    this.#requireKnown(address);
    const word = this.#machine.readU32(address);
    return this.#machine.isContentKnown(address) ? word : undefined;
  }

  #certain(address: number): number {
    const word = this.#load(address);
    if (word === undefined) throw new Uncertain(`nobody has written to ${hexadecimal(address)} before`);
    return word;
  }

  #store(address: number, word: number): void {
    this.#requireKnown(address);
    this.#machine.writeU32(address, word);
  }

  #requireKnown(address: number): void {
    const unknown =
      address % 4 === 0 ? this.#machine.accessUnknown(address) : 'the address is no multiple of 4';
    if (unknown !== undefined) throw new Uncertain(`${hexadecimal(address)}: ${unknown}`);
  }
}

function isLast(command: ProbeCommand): boolean {
  switch (command.do) {
    case 'smc':
    case 'hvc':
      return callWithoutReturn(command.functionId) !== undefined;
    case 'scmi':
    case 'loop':
      return callWithoutReturn(command.message.functionId) !== undefined;
    default:
      return false;
  }
}

/** The model does not know how this goes on. */
class Uncertain extends Error {}

interface Part {
  readonly text: string;
  readonly pattern: string;
  readonly free?: readonly FreePart[];
}

const neverWritten = 'nobody has written there since power on';

function reply(outcome: ProbeOutcome, parts: readonly Part[]): ProbeReply {
  let text: string = outcome;
  const open: FreePart[] = [];
  for (const { text: own, free = [] } of parts) {
    open.push(...shifted(free, text.length + 1));
    text += ` ${own}`;
  }
  const pattern = `^${[outcome, ...parts.map(each => each.pattern)].join(' ')}$`;
  return { outcome, text, pattern, free: open };
}

/** Parts of a text that stands in a longer one, `by` characters behind its beginning. */
export function shifted(free: readonly FreePart[], by: number): readonly FreePart[] {
  return free.map(({ from, to, because }) => ({ from: from + by, to: to + by, because }));
}

function faulted(abort: GuestAbort): ProbeReply {
  const far = abort.address.toString(16);
  const text = `fault esr=${hexadecimal(DATA_ABORT)} far=0x${far}`;
  const because = 'the syndrome of a data abort is the machine’s, but for its exception class';
  return {
    outcome: 'fault',
    text,
    free: [{ from: 'fault esr=0x9'.length, to: text.indexOf(' far='), because }],
    pattern: `^fault esr=0x9[4-7][0-9a-f]{6} far=0x0*${far}$`,
    words: abort.message,
  };
}

/** ESR of a data abort taken without a change of exception level: EC 0x25, which leaves 26 bits open. */
const DATA_ABORT = 0x9600_0000;

function uncertain(command: ProbeCommand, unknown: string): ProbeReply {
  const text = examples[command.do](command);
  return {
    outcome: 'ok',
    text,
    pattern: '',
    free: [{ from: 0, to: text.length, because: unknown }],
    unknown,
  };
}

/** Possible answers of a machine of which the model knows nothing. */
const examples: Readonly<Record<ProbeCommand['do'], (command: ProbeCommand) => string>> = {
  smc: () => 'ok x0=0xffffffff x1=0x0 x2=0x0 x3=0x0',
  hvc: () => 'ok x0=0xffffffff x1=0x0 x2=0x0 x3=0x0',
  read: command => `ok${' 0x00000000'.repeat(command.do === 'read' ? command.count : 1)}`,
  write: () => 'ok',
  scmi: () => 'ok x0=0xffffffff status=0x0 length=4 reply=00000000',
  loop: () => 'ok count=1 failed=1 ticks=1 frequency=62500000',
};

/** An SMC32 call answers in w0 (SMC Calling Convention 2.6): the upper half of x0 is no part of the result. */
function registerPart(name: string, value: number): Part {
  const low = (value >>> 0).toString(16);
  const upper = value < 0 ? '(?:f{8})?' : '';
  return { text: `${name}=0x${low}`, pattern: `${name}=0x${upper}0*${low}` };
}

function numberPart(name: string, value: number): Part {
  const digits = value.toString(16);
  return { text: `${name}=0x${digits}`, pattern: `${name}=(?:0x0*${digits}|${value})` };
}

/** Bytes, which the probe counts in decimal. */
const lengthPart = (length: number): Part => ({
  text: `length=${length}`,
  pattern: numberPart('length', length).pattern,
});

function wordPart(word: number | undefined): Part {
  if (word === undefined) {
    const free = [{ from: 2, to: 10, because: neverWritten }];
    return { text: '0x00000000', pattern: '0x[0-9a-f]{8}', free };
  }
  const text = `0x${word.toString(16).padStart(8, '0')}`;
  return { text, pattern: text };
}

const anything = (name: string, value: string, because: string): Part => {
  const text = `${name}=${value}`;
  return { text, pattern: `${name}=\\S+`, free: [{ from: name.length + 1, to: text.length, because }] };
};

const exactly = (text: string): Part => ({ text, pattern: text });

const hexadecimal = (value: number): string => `0x${value.toString(16)}`;
