/**
 * Access to the page. Without a token only this machine has it: the server listens on loopback, and a request has to name
 * it so, which a page of another site that resolves its own name to 127.0.0.1 does not. With a token the browser gets a
 * cookie for it that other sites' requests do not carry.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';

export interface Access {
  /** Undefined: all who reach the address may read. */
  readonly token: string | undefined;
  /** Whether `Host` has to be a name of loopback. */
  readonly onlyLoopback: boolean;
}

const cookie = 'scmi-hil-token';
/** Names of this machine in `Host`, without the port. */
const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Refuses requests that may not be answered; `?token=...` of a page's address becomes a cookie. */
export function requireAccess({ token, onlyLoopback }: Access): MiddlewareHandler {
  return async (context, next) => {
    const host = (context.req.header('host') ?? '').replace(/:\d+$/, '');
    if (onlyLoopback && !loopbackNames.has(host)) {
      return context.text('This page is for this machine only: open it as http://127.0.0.1.\n', 403);
    }
    if (!isSameOrigin(context)) return context.text('A page of another site sent this request.\n', 403);
    if (token === undefined) return next();
    const given = context.req.query('token');
    if (given !== undefined && isSame(given, token)) {
      setCookie(context, cookie, token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      return context.redirect(context.req.path);
    }
    if (isSame(getCookie(context, cookie) ?? bearer(context) ?? '', token)) return next();
    return context.text('Open the address that scmi-hil serve printed: it has the token.\n', 401);
  };
}

/** Requests that change something come from the page itself; a program sends no Origin. */
function isSameOrigin(context: Context): boolean {
  const origin = context.req.header('origin');
  if (context.req.method === 'GET' || origin === undefined) return true;
  try {
    return new URL(origin).host === context.req.header('host');
  } catch {
    return false;
  }
}

function bearer(context: Context): string | undefined {
  return /^Bearer (.+)$/.exec(context.req.header('authorization') ?? '')?.[1];
}

/** Takes the same time wherever two tokens differ. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other));
}

function digestOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}
