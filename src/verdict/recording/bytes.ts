/** Bytes in a recording: text where a person can read it, else base64; the same bytes come back. */
import type { RecordedBytes } from './event.ts';

export function recordedBytes(bytes: Uint8Array): RecordedBytes {
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return { base64: btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join('')) };
  }
}

export function bytesOf(recorded: RecordedBytes): Uint8Array {
  if ('text' in recorded) return encoder.encode(recorded.text);
  return Uint8Array.from(atob(recorded.base64), character => character.charCodeAt(0));
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
