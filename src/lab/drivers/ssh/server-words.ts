import type { Duplex } from 'node:stream';

/** Characters that are kept. */
const kept = 400;

/**
 * A server's text for people: the lines before its identification (RFC 4253, section 4.2), in which OpenSSH says
 * "Not allowed at this time" and "Exceeded MaxStartups", and its banner (RFC 4252, section 5.4).
 */
export class ServerWords {
  #text = '';

  /** @param connection from its beginning */
  constructor(connection: Duplex) {
    const listen = (bytes: Uint8Array) => {
      const text = this.#text + Buffer.from(bytes).toString('utf8');
      const identification = /^SSH-/m.exec(text);
      this.#text = text.slice(0, Math.min(identification?.index ?? kept, kept));
      if (identification !== null || this.#text.length >= kept) connection.off('data', listen);
    };
    connection.on('data', listen);
  }

  add(banner: string): void {
    this.#text = `${this.#text}\n${banner}`.trimStart().slice(0, kept);
  }

  /** For the end of a sentence; empty where it said nothing. */
  get quoted(): string {
    const words = this.#text.replace(/\s+/g, ' ').trim();
    return words === '' ? '' : `; the server says "${words}"`;
  }
}
