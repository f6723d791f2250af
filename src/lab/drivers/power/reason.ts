/** Why a connection failed, in words. */
import { messageOf } from '../../../config/text.ts';
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? messageOf(error);
}

/** Whether the other end was reached, but its certificate is not trusted. */
export function isUntrusted(error: unknown): boolean {
  return error instanceof Error && 'code' in error && untrusted.has(String(error.code));
}

/** OpenSSL's, as Node names them (X509_V_ERR_*), and Node's own for another name. */
const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'the name is not known',
  ECONNRESET: 'it broke the connection off',
  EPIPE: 'it broke the connection off',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there',
};
