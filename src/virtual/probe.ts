/** The bare-metal probe in place of Xen: it obeys what is typed on the board's UART, until the supply goes away. */
import { FirmwareAlone } from '../model/firmware-alone.ts';
import type { VirtualBoardParts } from './board.ts';
import type { Uart } from './uart.ts';

export interface ProbeParts extends Pick<VirtualBoardParts, 'firmware' | 'deviations' | 'uart'> {
  /** Aborted when the supply goes away. */
  readonly signal: AbortSignal;
}

/** @throws the signal's reason */
export async function runProbe({ firmware, deviations, uart, signal }: ProbeParts): Promise<never> {
  const { probe } = new FirmwareAlone({
    firmware,
    observer: { console: () => {}, message: () => {} },
    ...(deviations === undefined ? {} : { deviations }),
  });
  uart.line(probe.ready);
  for (;;) uart.line(probe.line(await typedLine(uart, signal)));
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
