/** Answers to HTTP's challenges: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2069 where there is no qop). */
import { createHash, randomBytes } from 'node:crypto';

export interface HttpCredentials {
  readonly user: string;
  readonly password: string;
}

/** A challenge of WWW-Authenticate (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The request that an answer is made for. */
export interface Asked {
  readonly method: string;
  /** Path and query, as they are sent. */
  readonly uri: string;
  readonly body: string;
}

/** Reads the challenges of all WWW-Authenticate headers of an answer, in their order. */
export function readChallenges(headers: readonly string[]): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const header of headers) {
    const parts = header.matchAll(/([^\s,="]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g);
    for (const [whole, name = '', inQuotes, plain] of parts) {
      if (!whole.includes('=')) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
      else
        challenges
          .at(-1)
          ?.parameters.set(name.toLowerCase(), inQuotes?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    }
  }
  return challenges;
}

/**
 * Answers the challenges of one device. A nonce is counted: one that comes again is used with the next number.
 */
export class HttpLogin {
  readonly #credentials: HttpCredentials;
  #last = { nonce: '', uses: 0 };

  constructor(credentials: HttpCredentials) {
    this.#credentials = credentials;
  }

  /**
   * The Authorization header. Of Basic and Digest, Digest is taken, whichever stands first: it does not send the
   * password.
   * @returns undefined where none of the challenges can be answered
   */
  answer(challenges: readonly Challenge[], asked: Asked): string | undefined {
    const { user, password } = this.#credentials;
    const digest = challenges.find(({ scheme, parameters }) => scheme === 'digest' && hashOf(parameters));
    if (digest !== undefined) return this.#digest(digest.parameters, asked);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  /** RFC 7616, section 3.4. */
  #digest(given: Challenge['parameters'], { method, uri, body }: Asked): string {
    const { user, password } = this.#credentials;
    const [realm, nonce] = [given.get('realm') ?? '', given.get('nonce') ?? ''];
    const [algorithm, opaque] = [given.get('algorithm'), given.get('opaque')];
    const hash = (...parts: string[]) =>
      createHash(hashOf(given) ?? 'md5')
        .update(parts.join(':'))
        .digest('hex');
    const qop = qopOf(given.get('qop'));
    const cnonce = randomBytes(16).toString('hex');
    const nc = this.#count(nonce);
    const account = hash(user, realm, password);
    const secret = isSession(algorithm) ? hash(account, nonce, cnonce) : account;
    const request = qop === 'auth-int' ? hash(method, uri, hash(body)) : hash(method, uri);
    const response = hash(secret, nonce, ...(qop === undefined ? [] : [nc, cnonce, qop]), request);
    const isHashed = given.get('userhash')?.toLowerCase() === 'true';
    const fields = {
      username: quoted(isHashed ? hash(user, realm) : user),
      realm: quoted(realm),
      nonce: quoted(nonce),
      uri: quoted(uri),
      response: quoted(response),
      ...(algorithm !== undefined && { algorithm }),
      ...(opaque !== undefined && { opaque: quoted(opaque) }),
      ...((qop !== undefined || isSession(algorithm)) && { cnonce: quoted(cnonce) }),
      ...(qop !== undefined && { qop, nc }),
      ...(isHashed && { userhash: 'true' }),
    };
    return `Digest ${Object.entries(fields)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')}`;
  }

  #count(nonce: string): string {
    this.#last = { nonce, uses: nonce === this.#last.nonce ? this.#last.uses + 1 : 1 };
    return this.#last.uses.toString(16).padStart(8, '0');
  }
}

/** The device refuses a nonce that has run out, not the password (RFC 7616, section 3.3). */
export function isStale(challenges: readonly Challenge[]): boolean {
  return challenges.some(({ parameters }) => parameters.get('stale')?.toLowerCase() === 'true');
}

/** @returns Node's name of the hash; undefined for an algorithm that is none of RFC 7616 */
function hashOf(parameters: Challenge['parameters']): string | undefined {
  const name = (parameters.get('algorithm') ?? 'md5').toLowerCase().replace(/-sess$/, '');
  return { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' }[name];
}

function isSession(algorithm: string | undefined): boolean {
  return algorithm?.toLowerCase().endsWith('-sess') === true;
}

function qopOf(offered: string | undefined): 'auth' | 'auth-int' | undefined {
  const options = (offered ?? '').toLowerCase().split(/[\s,]+/);
  if (options.includes('auth')) return 'auth';
  return options.includes('auth-int') ? 'auth-int' : undefined;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}
