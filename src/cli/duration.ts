import { duration } from '../board/board-type.ts';
import { UsageError } from './command.ts';

/**
 * Reads the value of an option: `90s`, `30m`, `2h`.
 * @returns reads a text as milliseconds
 * @throws UsageError
 */
export function durationOf(option: string): (text: string) => number {
  return text => {
    const parsed = duration.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new UsageError(`${option} ${text}: not a duration`, 'such as 60s, 5m or 2h');
  };
}
