import { messageOf } from '../../../config/text.ts';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Agreement } from './options.ts';
import { dataPacket, errorPacket, optionAcknowledgement, readPacket, tftpError } from './packet.ts';
import type { Source } from './source.ts';
import { createWindow, type Window } from './window.ts';

/** How a transfer ended. */
export type TransferEnd =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'ended';
      readonly why: 'client-error' | 'timeout' | 'closed' | 'read-error';
      readonly detail: string;
    };

export interface TransferCounts {
  /** Acknowledged by the client. */
  readonly bytes: number;
  /** Sent at least once. */
  readonly blocks: number;
  /** Data packets sent again. */
  readonly resent: number;
}

export interface TransferPlan {
  /** Address of this machine to send from. */
  readonly local: string;
  readonly client: { readonly address: string; readonly port: number };
  readonly source: Source;
  readonly agreement: Agreement;
  /** Milliseconds until what is not acknowledged is sent again. */
  readonly retransmit: number;
  /** How often in a row, without progress, before the client is given up. */
  readonly retries: number;
  /** Called when the client has acknowledged more. */
  progress(bytes: number): void;
  /** Called once; nothing is called after it. */
  ended(end: TransferEnd, counts: TransferCounts): void;
}

export interface Transfer {
  /** Settles when its socket and its file are closed. */
  readonly closed: Promise<void>;
  /** Whether the client has answered at all. */
  readonly isAcknowledged: boolean;
  /**
   * Whether the same request, coming again, may be the client's repetition of the one that is being answered. Once
   * the last block is sent to a client that answered, it is a new one: the last acknowledgement was lost.
   */
  readonly mayBeRepeated: boolean;
  /** Ends it where it is still running, and tells a client that has answered. */
  end(why: 'closed' | 'timeout', detail: string): void;
  /** Ends it without a packet: a client that asked anew from the same port would take it for the answer. */
  abandon(detail: string): void;
}

/** Packets to an address that has not answered: it may be forged, and its owner the target. */
const mostUnanswered = 3;

/**
 * Sends one file to one client from a socket of its own (its transfer identifier). A window goes out when the
 * one before is acknowledged, and again when nothing is heard for a while.
 */
export function startTransfer(plan: TransferPlan): Transfer {
  return new FileTransfer(plan);
}

class FileTransfer implements Transfer {
  readonly closed: Promise<void>;
  readonly #plan: TransferPlan;
  readonly #window: Window;
  readonly #socket: Socket;
  /** The client has yet to acknowledge the options. */
  #negotiating: boolean;
  #running = true;
  #retries = 0;
  #sending = false;
  /** The window is to be sent from its beginning, as soon as the block that is being read is at hand. */
  #restart = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the client was heard last. */
  #heard: number | undefined;
  #trouble = '';

  constructor(plan: TransferPlan) {
    this.#plan = plan;
    const { source, agreement, local } = plan;
    this.#window = createWindow(source.size, agreement.blockSize, agreement.windowSize);
    this.#negotiating = agreement.accepted.size > 0;
    this.#socket = createSocket(local.includes(':') ? 'udp6' : 'udp4');
    this.closed = new Promise<void>(resolve => {
      this.#socket.once('close', () => void source.close().then(resolve, resolve));
    });
    this.#socket.on('message', (bytes, from) => this.#onMessage(bytes, from));
    this.#socket.on('error', error => this.#finish({ kind: 'ended', why: 'closed', detail: error.message }));
    this.#socket.bind(0, local, () => {
      if (this.#running) this.#transmit();
    });
  }

  get isAcknowledged(): boolean {
    return this.#heard !== undefined;
  }

  get mayBeRepeated(): boolean {
    if (this.#heard === undefined) return true;
    const isAllSent = this.#window.sent === this.#window.total;
    return !isAllSent && performance.now() - this.#heard < this.#plan.retransmit;
  }

  end(why: 'closed' | 'timeout', detail: string): void {
    this.#fail(why, detail, detail);
  }

  abandon(detail: string): void {
    this.#finish({ kind: 'ended', why: 'client-error', detail });
  }

  get #acknowledgedBytes(): number {
    return Math.min(this.#window.acknowledged * this.#plan.agreement.blockSize, this.#plan.source.size);
  }

  #send(
    packet: Uint8Array,
    to: { readonly address: string; readonly port: number } = this.#plan.client,
  ): void {
    this.#socket.send(packet, to.port, to.address, error => {
      this.#trouble = error ? `; the last packet could not be sent: ${error.message}` : '';
    });
  }

  #finish(end: TransferEnd): void {
    if (!this.#running) return;
    this.#running = false;
    clearTimeout(this.#timer);
    const { sent: blocks, resent } = this.#window;
    this.#plan.ended(end, { bytes: this.#acknowledgedBytes, blocks, resent });
    // Packets that were handed to the socket go out first.
    setImmediate(() => this.#socket.close());
  }

  #fail(why: 'timeout' | 'closed' | 'read-error', detail: string, told: string): void {
    if (!this.#running) return;
    const isAllowed = this.isAcknowledged || this.#retries < mostUnanswered - 1;
    if (isAllowed) this.#send(errorPacket(tftpError.notDefined, told));
    this.#finish({ kind: 'ended', why, detail });
  }

  #transmit(): void {
    clearTimeout(this.#timer);
    // A client that has not answered is sent less, over the same time.
    const patience = this.isAcknowledged ? 1 : this.#retries + 1;
    this.#timer = setTimeout(() => this.#onSilence(), patience * this.#plan.retransmit);
    if (this.#negotiating) this.#send(optionAcknowledgement(this.#plan.agreement.accepted));
    else if (this.#sending) this.#restart = true;
    else void this.#sendWindow();
  }

  #onSilence(): void {
    const { retries, retransmit } = this.#plan;
    if (this.#retries < (this.isAcknowledged ? retries : Math.min(retries, mostUnanswered - 1))) {
      this.#retries += 1;
      this.#transmit();
      return;
    }
    const isAllSent = this.#window.sent === this.#window.total;
    const block = isAllSent ? 'the last block' : `block ${this.#window.acknowledged + 1}`;
    const what = this.#negotiating ? 'the answer to the options' : block;
    const pace = this.isAcknowledged ? `${retransmit} ms apart` : `${retransmit} ms apart and more`;
    const often = `${this.#retries + 1} times, ${pace}`;
    this.#fail('timeout', `${what} was sent ${often}, and not acknowledged${this.#trouble}`, 'time-out');
  }

  async #sendWindow(): Promise<void> {
    this.#sending = true;
    try {
      for (let block = this.#window.acknowledged + 1; block <= this.#window.last; block += 1) {
        const bytes = this.#readBlock(block);
        const payload = bytes instanceof Uint8Array ? bytes : await bytes;
        if (!this.#running) return;
        if (this.#restart) {
          this.#restart = false;
          block = this.#window.acknowledged;
        } else {
          this.#send(dataPacket(block & 0xffff, payload));
          this.#window.markSent(block);
        }
      }
    } catch (error) {
      const why = messageOf(error);
      this.#fail('read-error', why, 'the file cannot be read');
    } finally {
      this.#sending = false;
      this.#restart = false;
    }
  }

  #readBlock(block: number): Uint8Array | Promise<Uint8Array> {
    const { source, agreement } = this.#plan;
    const offset = (block - 1) * agreement.blockSize;
    return source.read(offset, Math.min(agreement.blockSize, source.size - offset));
  }

  #onMessage(bytes: Uint8Array, from: RemoteInfo): void {
    if (!this.#running) return;
    const { client } = this.#plan;
    if (from.address !== client.address || from.port !== client.port) {
      this.#send(errorPacket(tftpError.unknownTransfer, 'unknown transfer'), from);
      return;
    }
    this.#heard = performance.now();
    const packet = readPacket(bytes);
    if (packet?.kind === 'acknowledgement') {
      this.#onAcknowledgement(packet.block);
    } else if (packet?.kind === 'error') {
      const detail = `${packet.message} (error ${packet.code})`;
      this.#finish({ kind: 'ended', why: 'client-error', detail });
    }
  }

  #onAcknowledgement(wire: number): void {
    if (this.#negotiating ? wire !== 0 : !this.#window.acknowledge(wire)) return;
    this.#negotiating = false;
    this.#retries = 0;
    if (this.#window.acknowledged > 0) this.#plan.progress(this.#acknowledgedBytes);
    if (this.#window.acknowledged === this.#window.total) this.#finish({ kind: 'done' });
    else this.#transmit();
  }
}
