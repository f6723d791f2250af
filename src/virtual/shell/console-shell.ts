/** The shell on a console: a prompt, a line, its output, until the supply goes. */
import type { Uart } from '../uart.ts';
import { runCommandLine, type Shell } from './shell.ts';

/** What busybox's ash sends after each prompt: it asks the terminal where its cursor is. */
const CURSOR_QUERY = '\x1b[6n';
const CURSOR_REPORT = /\x1b\[\d+;\d+R/g; // oxlint-disable-line no-control-regex

export async function consoleShell(uart: Uart, shell: Shell, signal: AbortSignal): Promise<never> {
  for (;;) {
    uart.write(`~ # ${CURSOR_QUERY}`);
    const line = (await uart.readLine(signal)).replaceAll(CURSOR_REPORT, '').replaceAll(/\[\d+;\d+R/g, '');
    if (line.trim() === '') continue;
    const { stdout, stderr } = await runCommandLine(shell, line, new Uint8Array(), signal);
    for (const bytes of [stdout, stderr])
      uart.write(Buffer.from(bytes).toString().replaceAll(/\r?\n/g, '\r\n'));
  }
}
