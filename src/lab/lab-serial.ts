/** The schema of a board's console in lab.yaml. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { talkers } from '../board/board-type.ts';
import { secretFiles } from './secret-names.ts';
import { shellCommand } from './written-secrets.ts';

const baudRate = z.number().int().positive().optional();
const host = z.string().min(1);
const port = z.number().int().min(1).max(65535);
/** For boards that lose input when it comes too fast. */
const charactersPerSecond = z.number().int().min(1).max(100_000).optional();

const lines = [
  /** A device node, best by /dev/serial/by-id or by-path; the last part of the path may be a pattern. */
  z.strictObject({
    kind: z.literal('device'),
    path: z.string().min(1),
    baudRate,
    /** The adapter is fed by the board: it is away while the power is off. */
    transient: z.boolean().default(false),
    /** Other programs may have it open; only a lock of theirs keeps this one out. */
    shared: z.boolean().default(false),
    charactersPerSecond,
  }),
  /** A raw TCP socket, as ser2net's `tcp` accepter offers. */
  z.strictObject({ kind: z.literal('tcp'), host, port, charactersPerSecond }),
  /** A port with its speed, as ser2net's `telnet(rfc2217)` accepter offers. */
  z.strictObject({ kind: z.literal('rfc2217'), host, port, baudRate, charactersPerSecond }),
  /** A Unix socket that another program listens on. */
  z.strictObject({ kind: z.literal('unix'), path: z.string().min(1), charactersPerSecond }),
  /** The console of the board's labgrid place. */
  z.strictObject({
    kind: z.literal('labgrid'),
    /** Name of its NetworkSerialPort, where the place has several. */
    resource: z.string().min(1).exactOptional(),
    charactersPerSecond,
  }),
  /** Standard input and output of a shell command. */
  z.strictObject({
    kind: z.literal('command'),
    command: shellCommand,
    /** They are variables of the command's environment. */
    secrets: secretFiles,
    charactersPerSecond,
  }),
] as const;

export const serial = z.discriminatedUnion('kind', lines);

/** Talkers of the port, if the board type does not name them. */
const carries = { talkers: talkers.exactOptional() };
const [device, tcp, rfc2217, unix, labgrid, command] = lines;

/** A further port of a board. */
export const uart = z.discriminatedUnion('kind', [
  device.extend(carries),
  tcp.extend(carries),
  rfc2217.extend(carries),
  unix.extend(carries),
  labgrid.extend(carries),
  command.extend(carries),
]);

export type LabSerial = z.output<typeof serial>;
export type LabUart = z.output<typeof uart>;

/** The port, which no two boards can share; undefined: the board's place stands for it. */
export function consoleOf(line: LabSerial): string | undefined {
  if (line.kind === 'labgrid') return undefined;
  // A command may have secrets in it.
  if (line.kind === 'command') {
    return `command ${createHash('sha256').update(line.command).digest('hex').slice(0, 12)}`;
  }
  return line.kind === 'device' || line.kind === 'unix' ? line.path : `${line.host}:${line.port}`;
}

/** As others may see it: a command may have secrets in it. */
export function shownSerial<Line extends LabSerial>(line: Line): Line {
  return line.kind === 'command' ? { ...line, command: '[not shown]' } : line;
}
