/** Questions at a terminal; lines that are typed or pasted ahead answer the next ones. */
import { createInterface } from 'node:readline';
import { LeftEarly, type Person } from './question.ts';

export interface TerminalPerson extends Person, Disposable {}

/** @param signal ends the dialogue, as Ctrl-C and Ctrl-D do */
export function personAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): TerminalPerson {
  const lines = createInterface({ input, output, terminal: true, historySize: 0 });
  const typed = lines[Symbol.asyncIterator]();
  const leave = () => lines.close();
  lines.on('SIGINT', leave);
  signal.addEventListener('abort', leave, { once: true });
  return {
    ask: async prompt => {
      signal.throwIfAborted();
      lines.setPrompt(prompt);
      lines.prompt();
      const line = await typed.next();
      if (line.done !== true) return line.value;
      // The cursor is still behind the question.
      output.write('\n');
      throw new LeftEarly('left before the last answer');
    },
    say: line => void output.write(`${line}\n`),
    [Symbol.dispose]: () => {
      signal.removeEventListener('abort', leave);
      lines.close();
    },
  };
}
