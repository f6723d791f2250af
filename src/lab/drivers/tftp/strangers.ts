/** Requests of addresses that no board of the lab has: the first of each are told, the others counted. */
import type { TftpBoard } from './tftp.ts';

/** Addresses whose requests are told: one of them may be the board, with another address than expected. */
const mostAddresses = 20;
/** Requests of one address that are told. */
const mostRequests = 5;

type Request = Parameters<NonNullable<TftpBoard['onStranger']>>[0];

export class Strangers {
  readonly #board: Pick<TftpBoard, 'onStranger' | 'onNote'>;
  /** Requests by address; of no more addresses than are told. */
  readonly #requests = new Map<string, number>();
  #untold = 0;

  constructor(board: Pick<TftpBoard, 'onStranger' | 'onNote'>) {
    this.#board = board;
  }

  heard(request: Request): void {
    const { client = '' } = request;
    const before = this.#requests.get(client) ?? (this.#requests.size < mostAddresses ? 0 : mostRequests);
    if (before >= mostRequests) {
      this.#untold += 1;
      return;
    }
    this.#requests.set(client, before + 1);
    this.#board.onStranger?.(request);
  }

  /** Tells how many there were more. */
  summarize(): void {
    if (this.#untold === 0) return;
    this.#board.onNote?.(
      `${this.#untold} more TFTP requests came from addresses that no board of the lab has; they were not answered`,
    );
    this.#untold = 0;
  }
}
