import { createHash, randomBytes } from 'node:crypto';
import { cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import { reasonOf } from './reason.ts';

export interface HttpCredentials {
  readonly user: string;
  readonly password: string;
}

export interface HttpCall {
  /** Without secrets: it stands in errors. */
  readonly url: string;
  /** GET unless given. */
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For Basic (RFC 7617) or Digest (RFC 7616), as the device asks. */
  readonly credentials?: HttpCredentials;
  /** Query parameters that do not stand in errors. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Characters of an answer that are shown. */
const shown = 200;

/**
 * Asks a device something over HTTP. Redirections are not followed.
 *
 * @returns the body of its answer
 * @throws DriverError where it cannot be reached, answers with another status than 2xx, or the signal ends the wait
 */
export async function callHttp(call: HttpCall, attempt: string, signal: AbortSignal): Promise<string> {
  const where = `${attempt} by ${call.url}`;
  const first = await send(call, {}, where, signal);
  const challenge = first.status === 401 ? first.challenge : null;
  const authorization = challenge === null ? undefined : answerTo(challenge, call);
  const { status, body } =
    authorization === undefined ? first : await send(call, { authorization }, where, signal);
  if (status === 401 || status === 403) {
    const why = call.credentials === undefined ? 'it asks who we are' : 'it refuses this user or password';
    throw new DriverError(where, why, 'see power.user and power.passwordFile in the lab file');
  }

  if (status < 200 || status > 299) {
    throw new DriverError(
      where,
      `it answered ${status}: ${excerpt(body)}`,
      'compare the address with the lab file',
    );
  }

  return body;
}

/** What an answer says, as people are shown it. */
export function excerpt(body: string): string {
  return body.trim() === '' ? 'nothing' : `"${body.trim().slice(0, shown)}"`;
}

interface Answer {
  readonly status: number;
  readonly challenge: string | null;
  readonly body: string;
}

async function send(
  { url, method = 'GET', body, headers = {}, secrets = {} }: HttpCall,
  added: Readonly<Record<string, string>>,
  where: string,
  signal: AbortSignal,
): Promise<Answer> {
  const target = new URL(url);
  for (const [name, value] of Object.entries(secrets)) {
    target.searchParams.set(name, value);
  }

  try {
    const response = await fetch(target, {
      method,
      headers: { ...headers, ...added },
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body }),
    });
    const challenge = response.headers.get('www-authenticate');
    return { status: response.status, challenge, body: await response.text() };
  } catch (cause) {
    const hint =
      'see that the switch has power and is on this network, and compare its address with the lab file';
    if (signal.aborted) {
      throw cutShort(where, 'its answer', hint, signal);
    }

    throw new DriverError(where, reasonOf(cause), hint, { cause });
  }
}

/** @returns undefined where nothing can be said to the challenge */
function answerTo(challenge: string, { credentials, url, method = 'GET' }: HttpCall): string | undefined {
  if (credentials === undefined) {
    return undefined;
  }

  const { user, password } = credentials;
  if (/^basic\b/i.test(challenge)) {
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  return /^digest\b/i.test(challenge) ? digest(challenge, credentials, url, method) : undefined;
}

/** RFC 7616, section 3.4, with `qop=auth`: SHA-256, as Shelly's second generation asks for, or MD5. */
function digest(challenge: string, { user, password }: HttpCredentials, url: string, method: string): string {
  const given = (name: string) =>
    new RegExp(`\\b${name}=(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(challenge)?.slice(1).find(Boolean) ?? '';
  const [realm, nonce, opaque] = [given('realm'), given('nonce'), given('opaque')];
  const algorithm = given('algorithm') || 'MD5';
  const hash = (text: string) =>
    createHash(/^sha-256/i.test(algorithm) ? 'sha256' : 'md5')
      .update(text)
      .digest('hex');
  const { pathname, search } = new URL(url);
  const uri = pathname + search;
  const cnonce = randomBytes(8).toString('hex');
  const nc = '00000001';
  const response = hash(
    [hash(`${user}:${realm}:${password}`), nonce, nc, cnonce, 'auth', hash(`${method}:${uri}`)].join(':'),
  );
  const quoted = Object.entries({
    username: user,
    realm,
    nonce,
    uri,
    cnonce,
    response,
    ...(opaque && { opaque }),
  });
  const fields = quoted.map(([name, value]) => `${name}="${value}"`);
  return `Digest ${[...fields, `algorithm=${algorithm}`, 'qop=auth', `nc=${nc}`].join(', ')}`;
}
