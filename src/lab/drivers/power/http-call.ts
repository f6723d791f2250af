import { cutShort } from '../abortable.ts';
import { DriverError } from '../driver-error.ts';
import type { HttpAnswer } from './http-answer.ts';
import { exchangeHttp, HttpExchangeError } from './http-exchange.ts';
import { type HttpCredentials, HttpLogin, isStale, readChallenges } from './http-login.ts';
import { isUntrusted } from './reason.ts';

export interface HttpCall {
  readonly url: string;
  /** The URL for people, without secrets; else `displayUrl` of it. */
  readonly shown?: string;
  /** GET unless given. */
  readonly method?: string | undefined;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface HttpAccount {
  /** For Basic or Digest, as the device asks. */
  readonly credentials?: HttpCredentials | undefined;
  /** PEM of the certificates that are trusted in place of the system's: an authority's, or the device's own. */
  readonly authority?: string | undefined;
}

/** Purpose of a call: a question about the state changes nothing. */
export type PowerAttempt = 'power on' | 'power off' | 'ask for the power';

interface HttpText {
  readonly body: string;
  /** Its beginning in quotation marks, without the secrets of the request. */
  readonly excerpt: string;
}

/**
 * Asks a device something over HTTP. Redirections are not followed.
 *
 * @returns the body of its answer
 * @throws DriverError where it cannot be reached, answers with another status than 2xx, or the signal ends the wait
 */
export type CallHttp = (call: HttpCall, attempt: PowerAttempt, signal: AbortSignal) => Promise<HttpText>;

/** Characters of an answer that are shown. */
const shown = 200;
/** Requests of one call: without a login, with one, and again where the nonce had run out, twice. */
const mostRequests = 4;

/** The calls to one device: a nonce of its digest login is counted over all of them. */
export function httpCaller({ credentials, authority }: HttpAccount): CallHttp {
  const login = credentials && new HttpLogin(credentials);
  return async (call, attempt, signal) => {
    const { method = 'GET', body, headers = {} } = call;
    const url = new URL(call.url);
    const where = `${attempt} by ${call.shown ?? displayUrl(call.url)}`;
    const hide = hiding([url.search, ...url.searchParams.values(), ...Object.values(headers)]);
    const asked = { method, uri: url.pathname + url.search, body: body ?? '' };
    const expired = (awaited: string, sent: boolean) =>
      cutShort(where, awaited, hintOf(attempt, sent), signal);
    const send = async (added: Readonly<Record<string, string>>): Promise<HttpAnswer> => {
      try {
        return await exchangeHttp(
          { url, method, headers: { ...headers, ...added }, body, authority },
          signal,
          expired,
        );
      } catch (error) {
        throw error instanceof HttpExchangeError ? failureOf(where, attempt, error) : error;
      }
    };
    let answer = await send({});
    for (let count = 1; answer.status === 401 && count < mostRequests; count++) {
      const challenges = readChallenges(answer.challenges);
      // A login that was refused is refused again, unless only its nonce was too old.
      if (count > 1 && !isStale(challenges)) break;
      const authorization = login?.answer(challenges, asked);
      if (authorization === undefined) break;
      answer = await send({ Authorization: authorization });
    }
    const text = { body: answer.body, excerpt: excerpt(hide(answer.body)) };
    requireSuccess(answer, text, where, login !== undefined);
    return text;
  };
}

/** @param tls of a device whose URL is made; absent: plain HTTP */
export function schemeOf(tls: unknown): 'http' | 'https' {
  return tls === undefined ? 'http' : 'https';
}

/** A URL without what may be secret in it: user information, query and fragment. */
export function displayUrl(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
}

/** Shorter texts are no secrets, and stand in answers by chance. */
const shortestSecret = 6;

/** Keeps the secret parts of a request out of an answer that repeats them. */
function hiding(parts: readonly string[]): (text: string) => string {
  const secret = parts.filter(part => part.length >= shortestSecret);
  return text => secret.reduce((without, part) => without.replaceAll(part, '...'), text);
}

/** Text of an answer, as people are shown it. */
export function excerpt(body: string): string {
  return body.trim() === '' ? 'nothing' : `"${body.trim().slice(0, shown)}"`;
}

function requireSuccess(
  { status, challenges }: HttpAnswer,
  { excerpt: said }: HttpText,
  where: string,
  hasLogin: boolean,
): void {
  if (status === 401 || status === 403) {
    const schemes = readChallenges(challenges).map(({ scheme }) => scheme);
    const why = hasLogin ? 'it refuses this user or password' : 'it asks for a user and password';
    const others = schemes.some(scheme => scheme === 'digest' || scheme === 'basic') ? [] : schemes;
    const added =
      others.length > 0 ? `; it offers ${others.join(', ')}, which is neither Basic nor Digest` : '';
    throw new DriverError(where, why + added, 'see power.user and power.passwordFile in the lab file');
  }
  if (status < 200 || status > 299) {
    throw new DriverError(where, `it answered ${status}: ${said}`, 'compare the address with the lab file');
  }
}

function failureOf(where: string, attempt: PowerAttempt, error: HttpExchangeError): DriverError {
  const untrusted = isUntrusted(error.cause);
  const why = untrusted ? `its certificate is not trusted (${error.message})` : error.message;
  const hint = untrusted
    ? "name its certificate, or its authority's, in the lab file: power.tls: { authority: FILE }"
    : hintOf(attempt, error.sent);
  return new DriverError(where, why, hint, { cause: error });
}

function hintOf(attempt: PowerAttempt, sent: boolean): string {
  if (!sent) {
    return 'see that the switch has power and is on this network, and compare its address with the lab file';
  }
  const turned =
    attempt === 'ask for the power' ? '' : 'the switch may have turned all the same: look at it; ';
  return `${turned}where its HTTP cannot be read, power: { kind: command } with curl works it (docs/lab.md)`;
}
