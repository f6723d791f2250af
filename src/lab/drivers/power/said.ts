import { DriverError } from '../driver-error.ts';

/**
 * The value at a place of a JSON answer.
 *
 * @param name of a field of its object
 * @returns undefined where it is no JSON object or has no such field
 */
export function fieldOf(body: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  } catch {
    return undefined;
  }
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
