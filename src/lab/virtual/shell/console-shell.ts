/** The shell on a console: a prompt, a line, its output, until the supply goes. */
import type { VirtualFaults } from '../faults.ts';
import { parseCommandLine, UnterminatedQuote } from './parse.ts';
import { Interpreter, type Shell } from './shell.ts';
import type { Tty } from './tty.ts';

const pasteBegins = '\x1b[?2004h';

/** Of busybox 1.37 (shell/ash.c). */
const banner = [
  '',
  'BusyBox v1.37.0 (virtual) built-in shell (ash)',
  "Enter 'help' for a list of built-in commands.",
  '',
  '',
].join('\r\n');

/** @throws the signal's reason */
export async function consoleShell(
  tty: Tty,
  shell: Shell,
  faults: Pick<VirtualFaults, 'prompt' | 'loginOverlaid'>,
  signal: AbortSignal,
): Promise<never> {
  const show = (bytes: Uint8Array) => tty.write(Buffer.from(bytes).toString().replaceAll(/\r?\n/g, '\r\n'));
  const interpreter = new Interpreter(shell, {
    input: { take: () => new Uint8Array() },
    output: show,
    errors: show,
  });
  const { variables } = interpreter;
  variables.set('PS1', '~ # ').set('PS2', '> ');
  const prompted = (name: string) =>
    `${faults.prompt === 'escape-codes' ? pasteBegins : ''}${variables.get(name) ?? ''}`;
  tty.write(banner);
  if (faults.loginOverlaid === true) {
    // The text of init stands in place of the prompt, and on the line after it.
    tty.write(`${prompted('PS1')}Starting network: OK\r\n`);
    while (!/[\r\n]/.test(await tty.key(signal)));
  }
  for (;;) {
    let line = await tty.editLine(prompted('PS1'), signal);
    while (line !== undefined && isUnterminated(line)) {
      const more = await tty.editLine(prompted('PS2'), signal);
      line = more === undefined ? undefined : `${line}\n${more}`;
    }
    if (line === undefined || line.trim() === '') continue;
    const whole = line;
    const status = await tty.inForeground(either => interpreter.run(whole, either), signal);
    if (status === undefined) interpreter.interrupted();
  }
}

function isUnterminated(line: string): boolean {
  try {
    parseCommandLine(line);
    return false;
  } catch (error) {
    return error instanceof UnterminatedQuote;
  }
}
