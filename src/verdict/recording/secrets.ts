/** Keeps secrets (passwords, passphrases, tokens) out of what is written. */
import { bytesOf, recordedBytes } from './bytes.ts';
import type { RecordedBytes, RecordedData } from './event.ts';

/** Text that replaces a secret in a recording. */
export const redacted = '[redacted]';

/**
 * Values that any text may have, `root` for instance: they are taken out only of what a console says right after a
 * secret was typed there. Everywhere else they would take words away that are no secret.
 */
const common = /^(?:[A-Za-z]{1,11}|\d{1,7}|.{1,3})$/s;
/** Bytes in which a secret that was typed may be echoed. */
const echoed = 512;

export class Secrets {
  #secrets: readonly string[];
  #common: readonly string[];
  /** By console: in how many of the next bytes a common secret may be the echo of what was typed. */
  readonly #echoes = new Map<string, number>();
  /** By stream: the end of what was seen there that may be the beginning of a secret. */
  readonly #held = new Map<string, string>();

  /** @param secrets empty ones are left out; longer ones are looked for first */
  constructor(secrets: Iterable<string>) {
    const all = [...new Set(secrets)].filter(secret => secret !== '');
    this.#secrets = longestFirst(all.filter(secret => !common.test(secret)).map(binary));
    this.#common = longestFirst(all.filter(secret => common.test(secret)).map(binary));
  }

  /**
   * Secrets that stand in a text that is no secret are taken for common words: the run is judged by that text.
   * @param text what the run is about, a path of its files for instance
   */
  allow(text: string): void {
    const known = binary(text);
    this.#common = longestFirst([...this.#common, ...this.#secrets.filter(each => known.includes(each))]);
    this.#secrets = this.#secrets.filter(each => !known.includes(each));
  }

  /**
   * The event without secrets. A secret in a stream of bytes is found also where reads split it: what may be
   * its beginning is held back until the stream goes on.
   * @returns undefined where all of the event is held back
   */
  event(event: RecordedData): RecordedData | undefined {
    if (this.#secrets.length + this.#common.length === 0) return event;
    if (event.kind !== 'received' && event.kind !== 'sent') return this.#walk(event) as RecordedData;
    const { console, ...recorded } = event.data;
    if (event.kind === 'sent' && 'text' in recorded && recorded.text === redacted)
      this.#echoes.set(console, echoed);
    const bytes = this.#stream(`${event.kind} ${console}`, recorded);
    return bytes === undefined ? undefined : { kind: event.kind, data: { console, ...bytes } };
  }

  /** The text that is still held back, now that nothing follows. */
  rest(): readonly RecordedData[] {
    const held = [...this.#held];
    this.#held.clear();
    return held.map(([stream, text]) => {
      const [kind, ...console] = stream.split(' ');
      const bytes = recordedBytes(fromBinary(text));
      return { kind: kind === 'sent' ? 'sent' : 'received', data: { console: console.join(' '), ...bytes } };
    });
  }

  #stream(stream: string, recorded: RecordedBytes): RecordedBytes | undefined {
    const text = this.#withoutEcho(
      stream,
      this.#without((this.#held.get(stream) ?? '') + binaryOf(bytesOf(recorded))),
    );
    const hold = this.#beginning(text);
    if (hold > 0) this.#held.set(stream, text.slice(text.length - hold));
    else this.#held.delete(stream);
    if (hold === text.length) return undefined;
    return recordedBytes(fromBinary(text.slice(0, text.length - hold)));
  }

  /** Length of the end of `text` with which a secret begins. */
  #beginning(text: string): number {
    const longest = Math.min(text.length, (this.#secrets[0]?.length ?? 1) - 1);
    for (let length = longest; length > 0; length--) {
      const end = text.slice(-length);
      if (this.#secrets.some(secret => secret.length > length && secret.startsWith(end))) return length;
    }
    return 0;
  }

  #withoutEcho(stream: string, text: string): string {
    const console = stream.slice('received '.length);
    const left = this.#echoes.get(console) ?? 0;
    if (!stream.startsWith('received ') || left === 0) return text;
    this.#echoes.set(console, Math.max(0, left - text.length));
    const near = this.#common.reduce(
      (without, secret) => without.replaceAll(secret, redacted),
      text.slice(0, left),
    );
    return near + text.slice(left);
  }

  #without(text: string): string {
    return this.#secrets.reduce((without, secret) => without.replaceAll(secret, redacted), text);
  }

  #walk(value: unknown): unknown {
    if (typeof value === 'string') return utf8(this.#without(binary(value)));
    if (Array.isArray(value)) return value.map(each => this.#walk(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [utf8(this.#without(binary(key))), this.#walk(each)]),
    );
  }
}

// Bytes as characters of the same number, so that streams that are no text are searched alike.
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function longestFirst(values: readonly string[]): readonly string[] {
  return values.toSorted((a, b) => b.length - a.length);
}

function binary(text: string): string {
  return binaryOf(encoder.encode(text));
}

function binaryOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => String.fromCharCode(byte)).join('');
}

function fromBinary(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0));
}

function utf8(text: string): string {
  return decoder.decode(fromBinary(text));
}
