/** The end of a recording whose controller could not write one. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordedEvent } from './event.ts';
import { runFiles } from './run-directory.ts';

/** Why a recording has no end of its own. */
export interface KilledFault {
  /** `infrastructure` where the rest of the controller lives, and goes on with other runs. */
  readonly class: 'interrupted' | 'infrastructure';
  /** For people. */
  readonly what: string;
  readonly hint?: string;
}

/**
 * Appends that the run was interrupted, or that the lab failed it. A last line that the controller had only begun to
 * write is taken away: it is no event, and would be damage in the middle of the file.
 * @param directory of the run, whose controller is gone
 * @throws the system's error where the file cannot be read or written
 */
export function recordKilled(directory: string, fault: KilledFault): void {
  const file = openSync(join(directory, runFiles.recording), 'r+');
  try {
    end(file, fault);
  } finally {
    closeSync(file);
  }
}

/** Bytes of the beginning and of the end that are read, however long the recording is. */
const most = 1_000_000;

function end(file: number, fault: KilledFault): void {
  const { size } = fstatSync(file);
  const tail = read(file, Math.max(0, size - most), size);
  const rest = tail.length - (tail.lastIndexOf('\n') + 1);
  const lines = tail
    .toString('utf8', 0, tail.length - rest)
    .split('\n')
    .filter(Boolean);
  const [header] = read(file, 0, Math.min(size, most)).toString().split('\n', 1);
  const last = parsed(lines.at(-1));
  if (last?.kind === 'run-finished') return;
  const t = Math.max(last?.t ?? 0, sinceStart(parsed(header)));
  const events: readonly RecordedEvent[] = [
    { t, source: 'guard', kind: 'fault', data: fault },
    { t, source: 'guard', kind: 'run-finished', data: { outcome: fault.class } },
  ];
  ftruncateSync(file, size - rest);
  writeSync(file, events.map(event => `${JSON.stringify(event)}\n`).join(''), size - rest);
}

function read(file: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from);
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
}

function parsed(line: string | undefined): RecordedEvent | undefined {
  try {
    return line === undefined ? undefined : (JSON.parse(line) as RecordedEvent);
  } catch {
    return undefined;
  }
}

function sinceStart(first: RecordedEvent | undefined): number {
  const started = first?.kind === 'run-started' ? Date.parse(first.data.started) : Number.NaN;
  return Number.isNaN(started) ? 0 : Date.now() - started;
}
