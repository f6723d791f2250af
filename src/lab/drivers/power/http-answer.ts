/** Reads an HTTP/1 answer as it comes (RFC 9112), with the mistakes that curl forgives. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

export interface HttpAnswer {
  readonly status: number;
  /** Values of the WWW-Authenticate headers. */
  readonly challenges: readonly string[];
  readonly body: string;
}

interface Head {
  readonly status: number;
  /** By name in lower case; a header may come several times. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** Bytes of a header, and of a whole answer. A device that sends more is no switch. */
const longestHead = 64 * 1024;
const longestAnswer = 4 * 1024 * 1024;
/** Characters of a beginning that are shown. */
const shown = 80;

export class HttpAnswerReader {
  #head: Head | undefined;
  /** Bytes of the header until it is whole. */
  #pending: Buffer = Buffer.alloc(0);
  #body: Body | undefined;
  #bytes = 0;
  #begin = '';
  #failure: Error | undefined;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Whether the answer has its announced end. */
  get isWhole(): boolean {
    return this.#failure !== undefined || this.#body?.isWhole === true;
  }

  /** Whether more came than was announced: the length was wrong, and only silence tells the end. */
  get isOverlong(): boolean {
    return this.#body?.isOverlong === true;
  }

  /** The first line, quoted. */
  get beginning(): string {
    const [line = ''] = this.#begin.split(/[\r\n]/, 1);
    return JSON.stringify(line.slice(0, shown));
  }

  take(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#begin.length < shown) this.#begin += bytes.toString('latin1', 0, shown);
    if (this.#bytes > longestAnswer)
      this.#failure = new Error(`its answer is longer than ${longestAnswer} bytes`);
    else if (this.#body !== undefined) this.#body.take(bytes);
    else this.#takeHead(bytes);
  }

  /**
   * The answer, as far as it came: now that the connection is over, or `isWhole`.
   * @returns undefined where its header is not whole
   * @throws Error where it is not HTTP
   */
  answer(): HttpAnswer | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#head === undefined && !this.isEmpty && !startsAsHttp(this.#pending)) throw this.#notHttp();
    if (this.#head === undefined || this.#body === undefined) return undefined;
    const { status, headers } = this.#head;
    const coding = headers.get('content-encoding')?.join(',').trim().toLowerCase() ?? '';
    const body = decoded(this.#body.bytes(), coding).toString('utf8');
    return { status, challenges: headers.get('www-authenticate') ?? [], body };
  }

  #takeHead(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (!startsAsHttp(this.#pending)) {
      // Without a header (HTTP/0.9), nothing tells the end but the end of the connection.
      if (this.#pending.length > longestHead) this.#failure = this.#notHttp();
      return;
    }
    const end = endOfHead(this.#pending);
    if (end === undefined) {
      if (this.#pending.length > longestHead)
        this.#failure = new Error('the header of its answer has no end');
      return;
    }
    const head = readHead(this.#pending.subarray(0, end).toString('latin1'));
    const rest = this.#pending.subarray(end);
    this.#pending = Buffer.alloc(0);
    if (head === undefined) this.#failure = this.#notHttp();
    // 100 Continue and its like are no answers yet.
    else if (head.status < 200 && head.status !== 101) this.#takeHead(rest);
    else {
      this.#head = head;
      this.#body = bodyOf(head);
      this.#body.take(rest);
    }
  }

  #notHttp(): Error {
    return new Error(`its answer is not HTTP: ${this.beginning}`);
  }
}

/** Also where fewer bytes than `HTTP` have come. */
function startsAsHttp(bytes: Buffer): boolean {
  return 'HTTP'.startsWith(bytes.toString('latin1', 0, 4));
}

/** Position behind the empty line; lines end with LF, with or without CR. */
function endOfHead(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return undefined;
}

/** Version and reason may be missing. */
const statusLine = /^HTTP(?:\/[\d.]*)?[ \t]+(\d{3})(?!\d)/;

function readHead(text: string): Head | undefined {
  const [first = '', ...lines] = text.split('\n');
  const status = Number(statusLine.exec(first)?.[1]);
  if (Number.isNaN(status)) return undefined;
  const headers = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (/^[ \t]/.test(line) && last !== undefined) {
      // A folded line goes on with the value above it.
      last.push(`${last.pop()} ${line.trim()}`);
    } else if (colon > 0) {
      const name = line.slice(0, colon).trim().toLowerCase();
      last = headers.get(name) ?? [];
      last.push(line.slice(colon + 1).trim());
      headers.set(name, last);
    }
  }
  return { status, headers };
}

/** Some devices compress what nobody asked them to. */
function decoded(bytes: Buffer, coding: string): Buffer {
  const decode = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync }[
    coding
  ];
  try {
    return decode === undefined ? bytes : decode(bytes, { maxOutputLength: longestAnswer });
  } catch {
    return bytes;
  }
}

interface Body {
  readonly isWhole: boolean;
  readonly isOverlong: boolean;
  take(bytes: Buffer): void;
  bytes(): Buffer;
}

function bodyOf({ status, headers }: Head): Body {
  if (status === 204 || status === 304 || status === 101) return new PlainBody(0);
  const codings = (headers.get('transfer-encoding') ?? []).join(',').toLowerCase();
  if (codings.includes('chunked')) return new ChunkedBody();
  const lengths = new Set((headers.get('content-length') ?? []).flatMap(each => each.split(',')).map(Number));
  const [length] = lengths;
  // Two lengths cannot both be right: the end of the connection tells.
  const isGiven = lengths.size === 1 && length !== undefined && Number.isSafeInteger(length) && length >= 0;
  return new PlainBody(isGiven ? length : undefined);
}

class PlainBody implements Body {
  readonly #chunks: Buffer[] = [];
  readonly #length: number | undefined;
  #bytes = 0;

  /** @param length bytes, as announced */
  constructor(length: number | undefined) {
    this.#length = length;
  }

  get isWhole(): boolean {
    return this.#bytes === this.#length;
  }

  get isOverlong(): boolean {
    return this.#length !== undefined && this.#bytes > this.#length;
  }

  take(bytes: Buffer): void {
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** RFC 9112, section 7.1. */
class ChunkedBody implements Body {
  readonly isOverlong = false;
  readonly #content = new PlainBody(undefined);
  /** Bytes of the chunk that are due; 0: a line is, with the size of the next. */
  #due = 0;
  #line = '';
  #isWhole = false;

  get isWhole(): boolean {
    return this.#isWhole;
  }

  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#isWhole; ) {
      const end = this.#due > 0 ? at + this.#due : bytes.indexOf(0x0a, at) + 1 || bytes.length;
      const part = bytes.subarray(at, end);
      at += part.length;
      if (this.#due > 0) {
        this.#content.take(part);
        this.#due -= part.length;
      } else this.#takeLine(part.toString('latin1'));
    }
  }

  bytes(): Buffer {
    return this.#content.bytes();
  }

  /** The size of a chunk, or the empty line behind one. */
  #takeLine(part: string): void {
    this.#line += part;
    if (!this.#line.endsWith('\n')) return;
    const digits = /^[ \t]*([0-9a-f]{1,8})/i.exec(this.#line)?.[1];
    this.#line = '';
    if (digits === undefined) return;
    this.#due = Number.parseInt(digits, 16);
    this.#isWhole = this.#due === 0;
  }
}
