/** Keeps secrets (passwords, passphrases, tokens) out of what is written. */
import { bytesOf, recordedBytes } from './bytes.ts';
import type { RecordedBytes, RecordedData } from './event.ts';

/** What stands in a recording where a secret was. */
export const redacted = '[redacted]';

export class Secrets {
  readonly #secrets: readonly string[];
  /** By stream: the end of what was seen there that may be the beginning of a secret. */
  readonly #held = new Map<string, string>();

  /** @param secrets empty ones are left out; longer ones are looked for first */
  constructor(secrets: Iterable<string>) {
    this.#secrets = [...new Set(secrets)]
      .filter(secret => secret !== '')
      .map(binary)
      .toSorted((a, b) => b.length - a.length);
  }

  /**
   * The event without secrets. A secret in a stream of bytes is found also where reads split it: what may be
   * its beginning is held back until the stream goes on.
   * @returns undefined where all of the event is held back
   */
  event(event: RecordedData): RecordedData | undefined {
    if (this.#secrets.length === 0) return event;
    if (event.kind !== 'received' && event.kind !== 'sent') return this.#walk(event) as RecordedData;
    const { console, ...recorded } = event.data;
    const bytes = this.#stream(`${event.kind} ${console}`, recorded);
    return bytes === undefined ? undefined : { kind: event.kind, data: { console, ...bytes } };
  }

  /** What is still held back, now that nothing follows. */
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
    const text = this.#without((this.#held.get(stream) ?? '') + binaryOf(bytesOf(recorded)));
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
