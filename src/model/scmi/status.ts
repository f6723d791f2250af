/** Status codes of a reply: SCMI specification section 4.1.4. */
export const status = {
  SUCCESS: 0,
  NOT_SUPPORTED: -1,
  INVALID_PARAMETERS: -2,
  DENIED: -3,
  NOT_FOUND: -4,
  OUT_OF_RANGE: -5,
  BUSY: -6,
  COMMS_ERROR: -7,
  GENERIC_ERROR: -8,
  HARDWARE_ERROR: -9,
  PROTOCOL_ERROR: -10,
  IN_USE: -11,
} as const;

/** `DENIED` for -3; `status 2` for a number that the specification does not name. */
export function statusName(code: number): string {
  return names.get(code) ?? `status ${code}`;
}

const names = new Map<number, string>(Object.entries(status).map(([name, code]) => [code, name]));
