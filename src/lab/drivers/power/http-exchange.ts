/**
 * One HTTP/1 exchange on a connection of its own, read as curl reads it: small devices end header lines with LF alone,
 * announce a wrong length, or close with a reset. Node's parsers refuse those answers, after the device has acted.
 */
import { messageOf } from '../../../config/text.ts';
import { connect as connectTcp, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type PeerCertificate } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { abortable } from '../abortable.ts';
import { HttpAnswerReader, type HttpAnswer } from './http-answer.ts';
import { reasonOf } from './reason.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** PEM of the certificates that are trusted in place of the system's: an authority's, or the device's own. */
  readonly authority: string | undefined;
}

/** Where an exchange failed; after `sent` the device may have done what it was asked to. */
export class HttpExchangeError extends Error {
  readonly sent: boolean;

  constructor(why: string, sent: boolean, options?: ErrorOptions) {
    super(why, options);
    this.sent = sent;
  }
}

/** Milliseconds of silence after which an answer is over whose announced length was wrong. */
const silence = 500;

/**
 * Sends a request and reads the answer. Redirections are not followed.
 *
 * @param expired makes the error of a wait that the signal ended; gets what of the exchange was waited for, and
 *   whether the request was sent
 * @throws HttpExchangeError where the connection fails, or the answer is not HTTP
 */
export function exchangeHttp(
  request: HttpRequest,
  signal: AbortSignal,
  expired: (awaited: string, sent: boolean) => Error,
): Promise<HttpAnswer> {
  const reader = new HttpAnswerReader();
  let sent = false;
  const awaited = () => {
    if (!sent) return 'the connection';
    return reader.isEmpty ? 'its answer' : `the rest of its answer, which begins ${reader.beginning}`;
  };
  return abortable<HttpAnswer>(
    signal,
    () => expired(awaited(), sent),
    (resolve, reject) => {
      let patience: NodeJS.Timeout | undefined;
      const settle = (cause?: Error) => {
        try {
          const answer = reader.answer();
          if (answer !== undefined) resolve(answer);
          else reject(new HttpExchangeError(lossOf(reader, cause), sent, { cause }));
        } catch (error) {
          reject(new HttpExchangeError(messageOf(error), sent));
        }
      };
      const socket = open(request, () => {
        sent = true;
        socket.write(textOf(request));
      });
      socket.on('data', bytes => {
        clearTimeout(patience);
        reader.take(bytes);
        if (reader.isWhole) settle();
        else if (reader.isOverlong) patience = setTimeout(settle, silence);
      });
      socket.on('end', () => settle());
      // After a reset, what came before it still counts.
      socket.on('error', error => settle(error));
      return () => {
        clearTimeout(patience);
        socket.destroy();
      };
    },
  );
}

function lossOf(reader: HttpAnswerReader, cause: Error | undefined): string {
  if (!reader.isEmpty) return `it ended the connection within the header of its answer, ${reader.beginning}`;
  return cause === undefined ? 'it closed the connection without an answer' : reasonOf(cause);
}

function open({ url, authority }: HttpRequest, connected: () => void): Socket {
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  if (!isSecure) return connectTcp({ host, port }, connected);
  const trust = authority === undefined ? {} : { ca: authority, allowPartialTrustChain: true };
  return connectTls(
    {
      host,
      port,
      servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '',
      ...trust,
      checkServerIdentity: (_, peer) =>
        authority !== undefined && isPinned(peer, authority) ? undefined : checkServerIdentity(host, peer),
    },
    connected,
  );
}

/** A device's own certificate names it however it likes: being the one of the lab file identifies it. */
function isPinned({ raw }: PeerCertificate, authority: string): boolean {
  const blocks = authority.split('-----END CERTIFICATE-----').slice(0, -1);
  return blocks.some(block => {
    const start = block.indexOf('-----BEGIN CERTIFICATE-----');
    return (
      start >= 0 && raw.equals(new X509Certificate(`${block.slice(start)}-----END CERTIFICATE-----`).raw)
    );
  });
}

function textOf({ url, method, headers, body }: HttpRequest): string {
  const given = new Set(Object.keys(headers).map(name => name.toLowerCase()));
  const own = {
    Host: url.host,
    Accept: '*/*',
    ...(body !== undefined && {
      'Content-Type': 'text/plain;charset=UTF-8',
      'Content-Length': String(Buffer.byteLength(body)),
    }),
    Connection: 'close',
  };
  const lines = [
    ...Object.entries(own).filter(([name]) => !given.has(name.toLowerCase())),
    ...Object.entries(headers),
  ];
  return [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
    '',
    body ?? '',
  ].join('\r\n');
}
