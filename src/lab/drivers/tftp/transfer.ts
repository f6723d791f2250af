import { createSocket, type RemoteInfo } from 'node:dgram';
import type { Agreement } from './options.ts';
import { dataPacket, errorPacket, optionAcknowledgement, readPacket, tftpError } from './packet.ts';
import type { Source } from './source.ts';
import { createWindow } from './window.ts';

/** How a transfer ended. */
type TransferEnd =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'ended';
      readonly why: 'client-error' | 'timeout' | 'closed' | 'read-error';
      readonly detail: string;
    };

interface TransferCounts {
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
  /** Whether the client was heard within the last retransmission interval, or has yet to answer at all. */
  isFresh(): boolean;
  /** Ends it where it is still running, and tells the client. */
  end(why: 'closed' | 'client-error', detail: string): void;
}

/**
 * Sends one file to one client from a socket of its own (its transfer identifier). A window goes out when the
 * one before is acknowledged, and again when nothing is heard for a while.
 */
export function startTransfer(plan: TransferPlan): Transfer {
  const { client, source, agreement, retransmit } = plan;
  const { blockSize } = agreement;
  const window = createWindow(source.size, blockSize, agreement.windowSize);
  const socket = createSocket(plan.local.includes(':') ? 'udp6' : 'udp4');
  const closed = new Promise<void>(resolve => {
    socket.once('close', () => {
      void source.close().then(resolve, resolve);
    });
  });

  let negotiating = agreement.accepted.size > 0;
  let running = true;
  let retries = 0;
  let sending = false;
  let restart = false;
  let timer: NodeJS.Timeout | undefined;
  let heard: number | undefined;
  let trouble = '';

  const acknowledgedBytes = () => Math.min(window.acknowledged * blockSize, source.size);

  const send = (packet: Uint8Array, to = client) => {
    socket.send(packet, to.port, to.address, error => {
      trouble = error ? `; the last packet could not be sent: ${error.message}` : '';
    });
  };

  const finish = (end: TransferEnd) => {
    if (running) {
      running = false;
      clearTimeout(timer);
      plan.ended(end, { bytes: acknowledgedBytes(), blocks: window.sent, resent: window.resent });
      // What was handed to the socket goes out first.
      setImmediate(() => socket.close());
    }
  };

  const fail = (why: 'timeout' | 'closed' | 'read-error' | 'client-error', detail: string, told: string) => {
    if (running) {
      send(errorPacket(tftpError.notDefined, told));
      finish({ kind: 'ended', why, detail });
    }
  };

  const transmit = () => {
    clearTimeout(timer);
    timer = setTimeout(onSilence, retransmit);
    if (negotiating) {
      send(optionAcknowledgement(agreement.accepted));
    } else if (sending) {
      restart = true;
    } else {
      void sendWindow();
    }
  };

  const onSilence = () => {
    if (retries < plan.retries) {
      retries += 1;
      transmit();
      return;
    }

    const lastBlock = window.sent === window.total ? 'the last block' : `block ${window.acknowledged + 1}`;
    const what = negotiating ? 'the answer to the options' : lastBlock;
    const often = `${retries + 1} times, ${retransmit} ms apart`;
    fail('timeout', `${what} was sent ${often}, and not acknowledged${trouble}`, 'time-out');
  };

  const sendWindow = async () => {
    sending = true;
    try {
      for (let block = window.acknowledged + 1; block <= window.last; block += 1) {
        const bytes = readBlock(block);
        const payload = bytes instanceof Uint8Array ? bytes : await bytes;
        if (!running) {
          return;
        }

        if (restart) {
          restart = false;
          block = window.acknowledged;
        } else {
          send(dataPacket(block & 0xffff, payload));
          window.markSent(block);
        }
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      fail('read-error', why, 'the file cannot be read');
    } finally {
      sending = false;
      restart = false;
    }
  };

  const readBlock = (block: number) => {
    const offset = (block - 1) * blockSize;
    return source.read(offset, Math.min(blockSize, source.size - offset));
  };

  const onAcknowledgement = (wire: number) => {
    if (negotiating ? wire !== 0 : !window.acknowledge(wire)) {
      return;
    }

    negotiating = false;
    retries = 0;
    if (window.acknowledged > 0) {
      plan.progress(acknowledgedBytes());
    }

    if (window.acknowledged === window.total) {
      finish({ kind: 'done' });
    } else {
      transmit();
    }
  };

  const onMessage = (bytes: Uint8Array, from: RemoteInfo) => {
    if (!running) {
      return;
    }

    if (from.address !== client.address || from.port !== client.port) {
      send(errorPacket(tftpError.unknownTransfer, 'unknown transfer'), from);
      return;
    }

    heard = performance.now();
    const packet = readPacket(bytes);
    if (packet?.kind === 'acknowledgement') {
      onAcknowledgement(packet.block);
    } else if (packet?.kind === 'error') {
      finish({ kind: 'ended', why: 'client-error', detail: `${packet.message} (error ${packet.code})` });
    }
  };

  socket.on('message', onMessage);
  socket.on('error', error => finish({ kind: 'ended', why: 'closed', detail: error.message }));
  socket.bind(0, plan.local, () => {
    if (running) {
      transmit();
    }
  });

  return {
    closed,
    isFresh: () => heard === undefined || performance.now() - heard < retransmit,
    end: (why, detail) => fail(why, detail, detail),
  };
}
