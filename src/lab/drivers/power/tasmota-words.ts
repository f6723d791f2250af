/** How Tasmota says the state of an output, by its web requests and by MQTT alike. */
import { fieldOf } from './said.ts';

export const stateTextHint =
  "compare power.output with the device; where its StateText1 and StateText2 are words of one's own, give them back: StateText1 OFF, StateText2 ON";

/**
 * State of an output in an answer: `{"POWER1":"ON"}`. A device of one output may call it POWER, and some versions
 * answer an object, `{"POWER":{"STATE":"ON"}}`.
 * @param output counted from 1
 * @returns undefined where the answer is about something else
 */
export function saidOfOutput(body: string, output: number): unknown {
  const said = fieldOf(body, `POWER${output}`) ?? (output === 1 ? fieldOf(body, 'POWER') : undefined);
  return typeof said === 'object' && said !== null && 'STATE' in said ? said.STATE : said;
}

/** The words that StateText1 (off) and StateText2 (on) are usually given. */
export function stateOfWord(said: unknown): 'on' | 'off' | undefined {
  const word = String(said).toLowerCase();
  if (word === 'on' || word === '1' || word === 'true') return 'on';
  return word === 'off' || word === '0' || word === 'false' ? 'off' : undefined;
}

/**
 * The state of an output in an answer to `Status`: until Tasmota 13 `Power` is a number with a bit per output, since 14
 * a text with a digit per output.
 * @returns undefined where it is neither, or does not tell which digit is whose
 */
export function powerOfStatus(body: string, output: number): 'on' | 'off' | undefined {
  const status = fieldOf(body, 'Status');
  const power = typeof status === 'object' && status !== null && 'Power' in status ? status.Power : undefined;
  if (typeof power === 'number') return (power >> (output - 1)) & 1 ? 'on' : 'off';
  if (typeof power !== 'string' || !/^(?:0+|1+)$/.test(power) || power.length < output) return undefined;
  return power.startsWith('1') ? 'on' : 'off';
}
