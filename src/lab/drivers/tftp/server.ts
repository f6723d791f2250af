import { createSocket } from 'node:dgram';
import { lookUp } from './files.ts';
import { agree } from './options.ts';
import { errorPacket, plainAddress, readPacket, tftpError, type TftpRequest } from './packet.ts';
import { type Client, openUdpPort, type RequestPort } from './request-port.ts';
import { createRoster, type Entry } from './roster.ts';
import { joinSharedPort } from './shared-port.ts';
import { openSource, type Source, SourceError } from './source.ts';
import type { TftpBoard, TftpServer } from './tftp.ts';
import { startTransfer, type Transfer, type TransferCounts, type TransferEnd } from './transfer.ts';

export interface TftpListenOptions {
  /** Address of this machine; `0.0.0.0` for all. */
  readonly address: string;
  /** 69 is the one that boot ROMs ask; 0 for any that is free. */
  readonly port: number;
  /** Milliseconds until an unacknowledged window is sent again, where the client does not say. */
  readonly retransmit?: number;
  /** How often in a row before a silent client is given up. */
  readonly retries?: number;
}

/**
 * Transfers at once to one address: a board fetches one file at a time. A request more takes the place of the oldest
 * that was never acknowledged, so that a flood of requests keeps nobody out.
 */
const mostPerClient = 8;
/** Transfers at once to addresses that no board claims. Those of boards have their places beside. */
const mostUnclaimed = 128;
/** Refusals on their way at once; more are not answered. */
const mostRefusals = 32;
/** Bytes between two progress events. */
const progressStep = 256 * 1024;
/** Milliseconds after which less is told too: a slow transfer is no stalled one. */
const progressInterval = 500;

/**
 * Starts a TFTP server for reading, in `octet` mode (RFC 1350, 2347, 2348, 2349, 7440). `netascii` would change
 * an image on the way, and no boot loader asks for it: it is refused, as are writes. An address that is no board's
 * gets no answer: it may be forged, and its owner the target.
 *
 * @throws DriverError where the address or port cannot be had
 */
export async function listenTftp(options: TftpListenOptions): Promise<TftpServer> {
  return new Server(await openUdpPort(options.address, options.port), options);
}

/**
 * As `listenTftp`, on a port that all runs of this machine share, whichever users started them.
 *
 * @throws DriverError where the address or port cannot be had
 */
export async function shareTftp(options: TftpListenOptions): Promise<TftpServer> {
  return new Server(await joinSharedPort(options.address, options.port), options);
}

/** A request that is being answered. */
interface Answered {
  readonly address: string;
  readonly entry: Entry | undefined;
  /** The name and the options as they were asked for. */
  readonly asked: string;
  /** Absent while its file is being opened. */
  transfer?: Transfer;
}

class Server implements TftpServer {
  readonly address: string;
  readonly port: number;
  readonly observes = true;
  readonly #requests: RequestPort;
  readonly #local: string;
  readonly #retransmit: number;
  readonly #retries: number;
  readonly #roster = createRoster();
  /** By client address and port, the oldest first. */
  readonly #answered = new Map<string, Answered>();
  /** Transfers that must end before the server is closed. */
  readonly #pending = new Set<Promise<void>>();
  #transfers = 0;
  #refusals = 0;
  #closing: Promise<void> | undefined;

  constructor(requests: RequestPort, { address, retransmit = 1000, retries = 5 }: TftpListenOptions) {
    this.#requests = requests;
    this.#local = address;
    this.#retransmit = retransmit;
    this.#retries = retries;
    ({ address: this.address, port: this.port } = requests);
    requests.listen((bytes, from) => {
      const packet = readPacket(bytes);
      if (this.#closing === undefined && (packet?.kind === 'read' || packet?.kind === 'write')) {
        this.#settle(this.#onRequest(packet, from));
      }
    });
  }

  /** Nothing is copied: a path is opened when the board asks for it. */
  async serve(board: TftpBoard): Promise<AsyncDisposable> {
    const entry = this.#roster.add(board);
    const claim = await this.#requests.claim(board).catch((error: unknown) => {
      this.#roster.remove(entry);
      throw error;
    });
    return {
      [Symbol.asyncDispose]: async () => {
        this.#roster.remove(entry);
        await claim[Symbol.asyncDispose]();
        for (const each of this.#answered.values()) {
          if (each.entry === entry)
            each.transfer?.end('closed', `the files of ${board.name} were taken away`);
        }
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const { transfer } of this.#answered.values()) transfer?.end('closed', 'the server was closed');
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    await this.#requests.close();
  }

  #settle(work: Promise<void>): void {
    this.#pending.add(work);
    void work.finally(() => this.#pending.delete(work));
  }

  async #onRequest(request: TftpRequest, from: Client): Promise<void> {
    const key = `${from.address} ${from.port}`;
    const asked = JSON.stringify([request.file, ...request.options]);
    const before = this.#answered.get(key);
    if (before !== undefined) {
      // The same request twice on the way, or the client's own repetition of it.
      if (before.transfer === undefined || (before.asked === asked && before.transfer.mayBeRepeated)) return;
      before.transfer.abandon(`the client asked for ${request.file} from the same port`);
    }
    const address = plainAddress(from.address);
    const answered: Answered = { address, entry: this.#roster.find(address), asked };
    this.#answered.set(key, answered);
    try {
      await this.#answer(answered, request, from);
    } finally {
      if (answered.transfer === undefined && this.#answered.get(key) === answered) this.#answered.delete(key);
    }
  }

  async #answer(answered: Answered, request: TftpRequest, from: Client): Promise<void> {
    const { address: client, entry } = answered;
    const refuse = (code: number, why: string) => {
      if (entry !== undefined) this.#refuse(from, code, why);
      this.#roster.report(entry, { kind: 'refused', client, file: request.file, code, why });
    };
    if (entry === undefined) return refuse(tftpError.accessViolation, 'no board has this address');
    const refusal = refusalOf(request);
    if (refusal !== undefined) return refuse(...refusal);
    const found = lookUp(entry.table, request.file, this.#roster.others(entry));
    if (found.kind === 'refused') return refuse(found.code, found.why);
    const full = this.#makeRoom(answered);
    if (full !== undefined) return refuse(tftpError.notDefined, full);
    const source = await openSource(found.source).catch(asSourceError);
    if (source instanceof SourceError) return refuse(source.code, source.message);
    if (this.#closing !== undefined || !this.#roster.has(entry)) return source.close();
    this.#begin(answered, entry, found.name, request, source, from);
  }

  /** @returns why there is no place for one more, which is among those answered already; undefined: there is */
  #makeRoom({ address, entry }: Answered): string | undefined {
    const isClaimed = entry?.board.clients !== undefined;
    const all = [...this.#answered.values()];
    const ofClient = all.filter(each => each.address === address);
    const unclaimed = isClaimed ? [] : all.filter(each => each.entry?.board.clients === undefined);
    for (const [group, most, whose] of [
      [ofClient, mostPerClient, `to ${address}`],
      [unclaimed, mostUnclaimed, 'to addresses that no board claims'],
    ] as const) {
      if (group.length <= most) continue;
      const idle = group.find(({ transfer }) => transfer?.isAcknowledged === false);
      if (idle?.transfer === undefined) return `${most} transfers ${whose} are running already`;
      idle.transfer.end('timeout', 'it was never acknowledged, and its place was needed');
    }
    return undefined;
  }

  #begin(
    answered: Answered,
    { board: { onEvent } }: Entry,
    file: string,
    request: TftpRequest,
    source: Source,
    from: Client,
  ): void {
    const number = (this.#transfers += 1);
    const started = performance.now();
    const agreement = agree(request.options, source.size);
    const { address: client } = answered;
    const options = Object.fromEntries(request.options);
    onEvent({ kind: 'request', transfer: number, client, file, options });
    const mayTell = progressPace(started);
    const transfer = startTransfer({
      local: this.#local,
      client: { address: from.address, port: from.port },
      source,
      agreement,
      retransmit: agreement.retransmit ?? this.#retransmit,
      retries: this.#retries,
      progress: bytes => {
        if (mayTell(bytes)) onEvent({ kind: 'progress', transfer: number, file, bytes, size: source.size });
      },
      ended: (end: TransferEnd, { bytes, blocks, resent }: TransferCounts) => {
        const key = `${from.address} ${from.port}`;
        if (this.#answered.get(key) === answered) this.#answered.delete(key);
        const milliseconds = Math.round(performance.now() - started);
        onEvent(
          end.kind === 'done'
            ? { kind: 'done', transfer: number, file, bytes, blocks, resent, milliseconds }
            : { kind: 'ended', transfer: number, file, bytes, why: end.why, detail: end.detail },
        );
      },
    });
    answered.transfer = transfer;
    this.#settle(transfer.closed);
  }

  /** The answer comes from a new port, as a transfer's would. */
  #refuse(to: Client, code: number, why: string): void {
    if (this.#refusals >= mostRefusals) return;
    this.#refusals += 1;
    const socket = createSocket(this.#local.includes(':') ? 'udp6' : 'udp4');
    const sent = new Promise<void>(resolve => {
      socket.once('close', () => {
        this.#refusals -= 1;
        resolve();
      });
      socket.once('error', () => socket.close());
      socket.bind(0, this.#local, () => {
        socket.send(errorPacket(code, why), to.port, to.address, () => socket.close());
      });
    });
    this.#settle(sent);
  }
}

/** Tells which progress is worth an event: enough bytes since the last one, or enough time. */
function progressPace(started: number): (bytes: number) => boolean {
  let [reported, reportedAt] = [0, started];
  return bytes => {
    const now = performance.now();
    if (bytes - reported < progressStep && now - reportedAt < progressInterval) return false;
    [reported, reportedAt] = [bytes, now];
    return true;
  };
}

function asSourceError(error: unknown): SourceError {
  return error instanceof SourceError ? error : new SourceError(tftpError.notDefined, String(error));
}

function refusalOf({ kind, mode }: TftpRequest): readonly [code: number, why: string] | undefined {
  if (kind === 'write') return [tftpError.accessViolation, 'nothing may be written here'];
  return mode === 'octet'
    ? undefined
    : [tftpError.illegalOperation, `mode ${mode} is not served, ask for octet`];
}
