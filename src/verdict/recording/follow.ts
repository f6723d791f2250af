/** Reads a recording while another process writes it. */
import { open } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { eventOf, type PlacedEvent } from './reader.ts';

export interface FollowedEvents {
  readonly events: readonly PlacedEvent[];
  /** All that was written so far was read; what comes is news. */
  readonly caughtUp: boolean;
}

/** Bytes that are read at once: what a reader holds of a recording of any length. */
const readLength = 256 * 1024;
/** Milliseconds between two looks at a file that did not grow. */
const interval = 100;

/**
 * Yields the events of a recording in portions, from its first one on, and then those that are added; while none is
 * added, an empty portion now and then. Lines that are no events are left out. Ends after run-finished, or when it is aborted.
 *
 * @param file `recording.jsonl` of a run
 * @param signal ends the following
 * @throws the system's error where the file cannot be read
 */
export async function* followRecording(file: string, signal: AbortSignal): AsyncGenerator<FollowedEvents> {
  await using handle = await open(file);
  const buffer = new Uint8Array(readLength);
  let decoder = new TextDecoder();
  let position = 0;
  let rest = '';
  let line = 0;
  while (!signal.aborted) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    position += bytesRead;
    const { size } = await handle.stat();
    const lines = (rest + decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    const events = lines.flatMap((text): PlacedEvent[] => {
      line++;
      const event = eventOf(text);
      return typeof event === 'string' ? [] : [{ event, line }];
    });
    const caughtUp = position >= size;
    yield { events, caughtUp };
    if (events.some(({ event }) => event.kind === 'run-finished')) return;
    if (size < position) {
      // The line that a killed run had begun was taken away.
      position -= Buffer.byteLength(rest);
      position = Math.min(position, size);
      rest = '';
      decoder = new TextDecoder();
    } else if (bytesRead === 0) {
      await setTimeout(interval, undefined, { signal }).catch(() => undefined);
    }
  }
}
