/** Why a connection was not had, in words. */
export function reasonOf(error: unknown): string {
  // `fetch` wraps what happened.
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : '';
  return reasons[code] ?? (inner instanceof Error ? inner.message : String(inner));
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'the name is not known',
  UND_ERR_SOCKET: 'it broke the connection off',
  ECONNRESET: 'it broke the connection off',
};
