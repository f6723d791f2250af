import { DriverError } from '../driver-error.ts';

/**
 * The value at a place of a JSON answer; devices put text around it, and numbers into it that JSON does not have.
 *
 * @param name of a field of its object
 * @returns undefined where it is no JSON object or has no such field
 */
export function fieldOf(body: string, name: string): unknown {
  const value = parsed(body) ?? (body.length > longestOdd ? undefined : parsed(corrected(body)));
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Characters; a switch has no longer state. */
const longestOdd = 16_384;

/** Without what stands around the object; outside of strings, `nan` and `inf` are null, and a last comma is none. */
function corrected(body: string): string {
  const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|[:,[]\s*[-+]?(?:nan|inf(?:inity)?)\b|,\s*(?=[}\]])/gi, part => {
    if (part.startsWith('"')) return part;
    return /[a-z]/i.test(part) ? `${part.charAt(0)}null` : '';
  });
}

/**
 * The error of an answer that says neither on nor off.
 * @param said the answer in quotation marks
 */
export function notUnderstood(attempt: string, said: string, hint: string): DriverError {
  return new DriverError(attempt, `it answered ${said}, which is neither on nor off`, hint);
}

/** @throws DriverError where a switch that was told one thing says the other */
export function requireSaid(attempt: string, wanted: 'on' | 'off', said: 'on' | 'off'): void {
  if (said !== wanted) {
    throw new DriverError(
      attempt,
      `the switch says that it is still ${said}`,
      'see the switch: its relay, its protections, a timer or rule of its own',
    );
  }
}
