/** The shell on a console: a prompt, a line, its output, until the supply goes. */
import type { Mishaps } from '../mishaps.ts';
import type { Uart } from '../uart.ts';
import { runCommandLine, type Shell } from './shell.ts';

const PROMPT = '~ # ';
const PASTE_BEGINS = '\x1b[?2004h';
/** What busybox's ash sends after each prompt: it asks the terminal where its cursor is. */
const CURSOR_QUERY = '\x1b[6n';
const CURSOR_REPORT = /\x1b\[\d+;\d+R/g; // oxlint-disable-line no-control-regex

export async function consoleShell(
  uart: Uart,
  shell: Shell,
  { faults }: Mishaps,
  signal: AbortSignal,
): Promise<never> {
  const prompt = faults.prompt === 'escape-codes' ? `${PASTE_BEGINS}${PROMPT}` : PROMPT;
  if (faults.loginOverlaid === true) {
    // What init says stands where the prompt was, and on the line after it.
    uart.write(`${PROMPT}Starting network: OK\r\n`);
    await uart.readLine(signal);
  }
  for (;;) {
    uart.write(`${prompt}${CURSOR_QUERY}`);
    const line = (await uart.readLine(signal)).replaceAll(CURSOR_REPORT, '').replaceAll(/\[\d+;\d+R/g, '');
    if (line.trim() === '') continue;
    const { stdout, stderr } = await runCommandLine(shell, line, new Uint8Array(), signal);
    for (const bytes of [stdout, stderr])
      uart.write(Buffer.from(bytes).toString().replaceAll(/\r?\n/g, '\r\n'));
  }
}
