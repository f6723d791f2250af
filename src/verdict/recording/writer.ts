/** Writes a recording as it happens: each event is with the system before the next one is taken. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOf } from './bytes.ts';
import type { Recorder, RecordedData } from './event.ts';
import { runFiles } from './run-directory.ts';
import { Secrets } from './secrets.ts';

export interface WriterOptions {
  /** Milliseconds since the run began. */
  readonly clock: () => number;
  /** Strings that must never reach a file. */
  readonly secrets?: Iterable<string> | undefined;
  /** Called once, when the first write fails (disk full, directory gone); events after it are lost. */
  readonly onError: (error: RecordingError) => void;
  /** Stands in for the system's write in tests. */
  readonly write?: ((file: number, bytes: Uint8Array) => number) | undefined;
}

/** The recording could not be written. */
export class RecordingError extends Error {
  readonly file: string;
  readonly hint = 'make room on that disk (old runs can be deleted), or name another directory with --runs';
  constructor(file: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`the recording can no longer be written: ${file}: ${why}`, { cause });
    this.name = 'RecordingError';
    this.file = file;
  }
}

/**
 * Appends to `recording.jsonl` in a run's directory, and what each console received to `console-NAME.log`
 * beside it. Writes are synchronous: a killed process leaves all that it recorded.
 */
export class RecordingWriter implements Recorder, Disposable {
  readonly directory: string;
  readonly #options: WriterOptions;
  readonly #secrets: Secrets;
  readonly #files = new Map<string, number>();
  #failed: RecordingError | undefined;
  #lost = 0;
  #closed = false;

  /** @throws where the directory does not take the file, or has a recording already */
  constructor(directory: string, options: WriterOptions) {
    this.directory = directory;
    this.#options = options;
    this.#secrets = new Secrets(options.secrets ?? []);
    this.#files.set(runFiles.recording, openSync(join(directory, runFiles.recording), 'ax'));
  }

  /** The error that ended the writing, if one did. */
  get failed(): RecordingError | undefined {
    return this.#failed;
  }

  /** Events that came after that. */
  get lost(): number {
    return this.#lost;
  }

  /** A secret that stands in this text is from now on taken out only where it was typed. */
  allow(text: string): void {
    this.#secrets.allow(text);
  }

  /** Records nothing more once closed, or once a write has failed. */
  record(source: string, event: RecordedData): void {
    if (this.#closed) return;
    const clean = this.#secrets.event(event);
    if (clean !== undefined) this.#append(source, clean);
  }

  /** Writes what secrets held back, and has the system write all to the disk. */
  close(): void {
    if (this.#closed) return;
    for (const event of this.#secrets.rest()) this.#append('recorder', event);
    this.#closed = true;
    for (const [name, file] of this.#files) {
      this.#guarded(name, () => fsyncSync(file));
      this.#guarded(name, () => closeSync(file));
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #append(source: string, event: RecordedData): void {
    if (this.#failed !== undefined) {
      this.#lost++;
      return;
    }
    const t = Math.round(this.#options.clock() * 1000) / 1000;
    const line = `${JSON.stringify({ t, source, ...event })}\n`;
    this.#write(runFiles.recording, new TextEncoder().encode(line));
    if (event.kind === 'received') this.#write(runFiles.console(event.data.console), bytesOf(event.data));
  }

  #write(name: string, bytes: Uint8Array): void {
    const write = this.#options.write ?? writeSync;
    this.#guarded(name, () => {
      const file = this.#files.get(name) ?? openSync(join(this.directory, name), 'a');
      this.#files.set(name, file);
      for (let written = 0; written < bytes.length; ) written += write(file, bytes.subarray(written));
    });
  }

  #guarded(name: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (this.#failed !== undefined) return;
      this.#failed = new RecordingError(join(this.directory, name), error);
      this.#options.onError(this.#failed);
    }
  }
}
