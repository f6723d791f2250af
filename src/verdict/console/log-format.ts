/**
 * A console log as the program that wrote it left it: with a time stamp before each line (tio, minicom, grabserial,
 * ts, conserver, syslog, CI runners), as LAVA's YAML, in UTF-16. What comes out is what the console carried.
 */
import { parse } from 'yaml';
import { uBootText } from './vocabulary/u-boot.ts';
import { xenText } from './vocabulary/xen.ts';

export type ConsoleLog =
  | {
      readonly bytes: Uint8Array;
      /** In words, what was taken off; absent: nothing was. */
      readonly note?: string;
    }
  /** In words, why it cannot be read as a console's. */
  | { readonly refused: string };

/**
 * Takes off what another program has put before all lines.
 *
 * @param log bytes of the file
 * @returns the console's bytes, or why they cannot be told from what was put before them
 */
export function readConsoleLog(log: Uint8Array): ConsoleLog {
  if (log[0] === 0x1f && log[1] === 0x8b) return { refused: 'it is compressed (gzip)' };
  const encoding = encodingOf(log);
  const text = new TextDecoder(encoding).decode(log);
  const lines = text.split('\n');
  const written = lines.filter(line => line.trim() !== '');
  if (isMost(written.filter(line => lavaLine.test(line)).length, written.length)) return fromLava(written);
  const heads = written.flatMap(line => headOf(line) ?? []);
  const notes = encoding === 'utf-8' ? [] : [`it is ${encoding.toUpperCase()}`];
  // Xen breaks into lines of Dom0, but most of its own begin with its prefix.
  const isStamped = heads.length > 0 && heads.filter(head => head !== '').length * 2 > heads.length;
  if (!isStamped) return encoding === 'utf-8' ? { bytes: log } : bytesOf(lines, notes);
  const shapes = [
    ...Map.groupBy(
      heads.filter(head => head !== ''),
      shapeOf,
    ),
  ];
  const [shape, [example = '']] = shapes.reduce((most, each) =>
    each[1].length > most[1].length ? each : most,
  );
  const stamp = new RegExp(`^${shape}`);
  const stamped = written.filter(line => stamp.test(line)).length;
  if (!isMost(stamped, written.length)) {
    const share = `${stamped} of its ${written.length} lines`;
    return {
      refused: `another program has put text before the lines of the console, "${example}" for instance, and only ${share} begin like it`,
    };
  }
  return bytesOf(
    lines.map(line => line.replace(stamp, '')),
    [...notes, `"${example.trim()}" and the like were taken off ${stamped} lines`],
  );
}

function bytesOf(lines: readonly string[], notes: readonly string[]): ConsoleLog {
  const bytes = new TextEncoder().encode(lines.join('\n'));
  return notes.length === 0 ? { bytes } : { bytes, note: notes.join('; ') };
}

/** Nine of ten: a program has headers and farewells of its own. */
function isMost(some: number, all: number): boolean {
  return all > 0 && some * 10 >= all * 9;
}

/** By its byte order mark, or by every other byte being zero. */
function encodingOf(log: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (log[0] === 0xff && log[1] === 0xfe) return 'utf-16le';
  if (log[0] === 0xfe && log[1] === 0xff) return 'utf-16be';
  const zeros = [0, 0];
  for (const [at, byte] of log.subarray(0, 4096).entries()) {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  }
  const [even = 0, odd = 0] = zeros;
  const half = Math.min(log.length, 4096) / 2;
  if (odd * 10 > half * 9 && even * 10 < half) return 'utf-16le';
  return even * 10 > half * 9 && odd * 10 < half ? 'utf-16be' : 'utf-8';
}

/** The prefix of a program that begins its lines with one. */
function headOf(line: string): string | undefined {
  const at = ownBegin.exec(line)?.index;
  return at === undefined || at > longestHead ? undefined : line.slice(0, at).replace(/^\r+/, '');
}

const ownBegin = new RegExp(`${xenText.prefixAnywhere}|NOTICE: {2}|${uBootText.breaksIn}`);
const longestHead = 120;

/** Digits, letters and blanks may be others in the next line, what is between them may not. */
function shapeOf(head: string): string {
  const tokens = head.match(/\d+|[A-Za-z]+| +|[^]/g) ?? [];
  return tokens
    .map((token, index) => {
      if (/\d/.test(token)) return String.raw`\d{1,20}`;
      if (/[A-Za-z]/.test(token)) return '[A-Za-z]{1,40}';
      if (token.startsWith(' ')) return ` {0,${index === tokens.length - 1 ? token.length : 12}}`;
      return token.replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`);
    })
    .join('');
}

/** LAVA's log of a job, a record in each line: `- {"dt": "...", "lvl": "target", "msg": "..."}`. */
const lavaLine = /^- \{ ?"?dt"?: ?/;

function fromLava(records: readonly string[]): ConsoleLog {
  const lines = records.flatMap(record => {
    const lvl = /"?lvl"?: ?"?(\w+)/.exec(record)?.[1];
    if (lvl !== 'target') return [];
    const message = lavaMessage(record);
    return message === undefined ? [] : [message];
  });
  if (lines.length === 0)
    return { refused: "it is a log of LAVA's in which the board (`lvl: target`) says nothing" };
  return bytesOf([...lines, ''], [`${lines.length} lines of the board were taken from a log of LAVA's`]);
}

function lavaMessage(record: string): string | undefined {
  try {
    const [entry] = parse(record) as readonly { readonly msg?: unknown }[];
    return typeof entry?.msg === 'string' ? entry.msg : undefined;
  } catch {
    return undefined;
  }
}
