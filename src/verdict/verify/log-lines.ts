/** A log of Xen or of Dom0's kernel, as a console reader would give its lines. */
import { ConsoleReader } from '../console/reader.ts';

/** @returns the talker's own lines, without prefixes, time stamps and blanks around them */
export function logLines(log: string, talker: 'xen' | 'linux'): readonly string[] {
  const lines: string[] = [];
  const alone = talker === 'linux' ? { alone: talker } : {};
  const reader = new ConsoleReader(
    { line: line => line.talker === talker && lines.push(line.text.trim()) },
    { history: 0, ...alone },
  );
  reader.feed(new TextEncoder().encode(log), 0);
  reader.end(0);
  return lines;
}
