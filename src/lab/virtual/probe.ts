/** The bare-metal probe in place of Xen: it obeys what is typed on the board's UART, until the supply goes away. */
import { stdoutAddress } from '../../model/dt/stdout.ts';
import { FirmwareAlone } from '../../model/predict/firmware-alone.ts';
import type { VirtualBoardParts } from './board-parts.ts';
import type { Handover } from './boot/handover.ts';
import type { MachineMemory } from './machine-memory.ts';
import { untilAborted } from './time.ts';
import { treeInMemory } from './tree-in-memory.ts';
import type { Uart } from './uart.ts';

export interface ProbeParts extends Pick<VirtualBoardParts, 'firmware' | 'deviations' | 'uart'> {
  readonly memory: MachineMemory;
  readonly handover: Handover;
  /** Aborted when the supply goes away. */
  readonly signal: AbortSignal;
}

/** Without a UART in its tree it stops without a word. @throws the signal's reason */
export async function runProbe(parts: ProbeParts): Promise<never> {
  const { firmware, deviations, uart, memory, handover, signal } = parts;
  const tree = treeInMemory(memory, handover.tree);
  const address = tree && stdoutAddress(tree);
  if (address === undefined) return await untilAborted(signal);
  const { probe } = new FirmwareAlone({
    firmware,
    observer: { console: () => {}, message: () => {} },
    uart: address,
    ...(deviations === undefined ? {} : { deviations }),
  });
  uart.line(probe.ready);
  for (;;) {
    const said = probe.line(await typedLine(uart, signal));
    if (said !== undefined) uart.line(said);
  }
}

/** Without an echo, unlike that of a shell. */
async function typedLine(uart: Uart, signal: AbortSignal): Promise<string> {
  let line = '';
  for (;;) {
    const character = (await uart.character(signal)) ?? '';
    if (character === '\r' || character === '\n') return line;
    line += character;
  }
}
