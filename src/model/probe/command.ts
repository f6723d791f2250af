/** Commands of the bare-metal probe as they are typed: firmware/probe/PROTOCOL.md. */

export type ProbeCommand =
  | {
      readonly do: 'smc' | 'hvc';
      readonly functionId: number;
      /** x1 and so on, at most seven. */
      readonly arguments: readonly number[];
    }
  | { readonly do: 'read'; readonly address: number; readonly count: number }
  | { readonly do: 'write'; readonly address: number; readonly words: readonly number[] }
  | { readonly do: 'scmi'; readonly message: ProbeMessage }
  | { readonly do: 'loop'; readonly count: number; readonly message: ProbeMessage };

/** An SCMI message and the channel that it goes through. */
export interface ProbeMessage {
  /** Address of the shared memory, as the probe sees it. */
  readonly page: number;
  readonly functionId: number;
  /** Header and payload. */
  readonly words: readonly number[];
}

/** Words that one `read` or `write` may have, and bytes of a reply that are shown. */
export const probeLimits = { words: 64, replyBytes: 104, loops: 1_000_000 } as const;

/** A command without its tag, as a recording names it: `smc 0x82000004 0x0`. */
export function commandText(command: ProbeCommand): string {
  switch (command.do) {
    case 'smc':
    case 'hvc':
      return [command.do, ...[command.functionId, ...command.arguments].map(hexadecimal)].join(' ');
    case 'read':
      return `read ${hexadecimal(command.address)} ${command.count}`;
    case 'write':
      return ['write', ...[command.address, ...command.words].map(hexadecimal)].join(' ');
    case 'scmi':
      return `scmi ${messageText(command.message)}`;
    case 'loop':
      return `loop ${command.count} ${messageText(command.message)}`;
    default:
      return command satisfies never;
  }
}

/** A command as it goes over the line, without the line's end. */
export function commandLine(tag: number, command: string): string {
  return `#${tag} ${command}`;
}

/** The probe's reading of a line: a command with its tag, or the reason why it is none. */
export type ReadLine =
  | { readonly tag: number; readonly command: ProbeCommand }
  | { readonly tag: number; readonly wrong: string };

/** @returns undefined for a line without a tag: the probe says where it is instead */
export function readCommandLine(line: string): ReadLine | undefined {
  const [, tagText, rest = ''] = /^#(\d+) ?(.*)$/.exec(line.trim()) ?? [];
  if (tagText === undefined) return undefined;
  const tag = Number(tagText);
  const [name = '', ...words] = rest.split(' ').filter(word => word !== '');
  const command = readers[name]?.(words) ?? (name in readers ? 'words: wrong' : 'words: unknown command');
  return typeof command === 'string' ? { tag, wrong: command } : { tag, command };
}

const readers: Readonly<Record<string, (words: readonly string[]) => ProbeCommand | undefined>> = {
  smc: words => readCall('smc', words),
  hvc: words => readCall('hvc', words),
  read([address, count, ...more]) {
    const numbers = numbersOf([address, count]);
    const [at, many] = numbers ?? [];
    if (at === undefined || many === undefined || more.length > 0) return undefined;
    return many < 1 || many > probeLimits.words ? undefined : { do: 'read', address: at, count: many };
  },
  write([address, ...words]) {
    const [at, ...values] = numbersOf([address, ...words]) ?? [];
    if (at === undefined || values.length < 1 || values.length > probeLimits.words) return undefined;
    return { do: 'write', address: at, words: values };
  },
  scmi(words) {
    const message = readMessage(words);
    return message && { do: 'scmi', message };
  },
  loop([count, ...words]) {
    const [times] = numbersOf([count]) ?? [];
    const message = readMessage(words);
    if (times === undefined || times < 1 || times > probeLimits.loops || message === undefined)
      return undefined;
    return { do: 'loop', count: times, message };
  },
};

function readCall(conduit: 'smc' | 'hvc', words: readonly string[]): ProbeCommand | undefined {
  const [functionId, ...others] = numbersOf(words) ?? [];
  if (functionId === undefined || others.length > 7) return undefined;
  return { do: conduit, functionId, arguments: others };
}

function readMessage([page, functionId, message = '', ...more]: readonly string[]): ProbeMessage | undefined {
  const [at, id] = numbersOf([page, functionId]) ?? [];
  if (at === undefined || id === undefined || more.length > 0) return undefined;
  if (!/^(?:[0-9a-f]{8})+$/i.test(message)) return undefined;
  const bytes = message.match(/../g)?.map(byte => Number.parseInt(byte, 16)) ?? [];
  return { page: at, functionId: id, words: wordsOf(bytes) };
}

function numbersOf(texts: readonly (string | undefined)[]): number[] | undefined {
  const numbers = texts.map(text =>
    text !== undefined && /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN,
  );
  return numbers.some(Number.isNaN) ? undefined : numbers;
}

function messageText({ page, functionId, words }: ProbeMessage): string {
  return [hexadecimal(page), hexadecimal(functionId), wordsInMemory(words)].join(' ');
}

/** Words as the digits of their bytes, in the order in which they lie in memory. */
function wordsInMemory(words: readonly number[]): string {
  const bytes = words.flatMap(word => [0, 8, 16, 24].map(shift => (word >>> shift) & 0xff));
  return bytes.map(byte => byte.toString(16).padStart(2, '0')).join('');
}

function wordsOf(bytes: readonly number[]): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, index) =>
    bytes.slice(4 * index, 4 * index + 4).reduceRight((word, byte) => word * 0x100 + byte, 0),
  );
}

const hexadecimal = (value: number): string => `0x${value.toString(16)}`;
