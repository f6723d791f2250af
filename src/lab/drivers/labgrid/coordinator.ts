/** A session with labgrid's coordinator: the places and resources of a farm, and the calls that change who has them. */
import { credentials, type Client, type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { messageOf } from '../../../config/text.ts';
import { DriverError } from '../driver-error.ts';
import {
  coordinatorService,
  type WirePlace,
  type WireReservation,
  type WireResource,
  type WireUpdates,
} from './protocol.ts';

export interface Place {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** `host/user` of its holder; undefined: nobody has it. */
  readonly acquired: string | undefined;
}

export interface Resource {
  /** As exporters name it: `exporter/group/name`. */
  readonly path: string;
  readonly name: string;
  /** `NetworkSerialPort`, `NetworkPowerPort`, ... */
  readonly kind: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly extra: Readonly<Record<string, string | number | boolean>>;
  /** The place that has it. */
  readonly place: string | undefined;
}

export interface SessionOptions {
  /** `host:port`. */
  readonly address: string;
  /** `host/user`, as others see the holder of a place. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Another client has the place, or a reservation keeps it for another. */
export class PlaceHeldError extends DriverError {}

/**
 * A session is known by its TCP connection: two of one process must not share one. Pings of an idle connection, and the
 * time that one may go without an answer, in milliseconds, are those of labgrid's own client.
 */
const channelOptions = {
  'grpc.use_local_subchannel_pool': 1,
  'grpc.keepalive_time_ms': 7500,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
};
/** Milliseconds for the coordinator to answer a call; it waits up to 10 s for each exporter of a place. */
const patience = 30_000;
/** The version of labgrid whose messages these are; the coordinator logs it. */
const version = '26.0';

/** The coordinator that the lab file or the environment names: `host` or `host:port`. */
export function coordinatorAddress(given: string | undefined): string {
  const address = (given ?? '127.0.0.1').replace(/^(?:ws|http)s?:\/\//, '').replace(/\/.*$/, '');
  return /:\d+$/.test(address) ? address : `${address}:20408`;
}

type UpdateStream = ClientDuplexStream<unknown, WireUpdates>;

export class Coordinator implements AsyncDisposable {
  readonly places = new Map<string, Place>();
  readonly resources = new Map<string, Resource>();
  readonly #client: Client;
  readonly #stream: UpdateStream;
  readonly #address: string;
  readonly #listeners = new Set<() => void>();
  #lost: DriverError | undefined;
  #syncs = 0;
  #synced = 0;

  /**
   * Opens a session and reads all places and resources.
   * @throws DriverError where the coordinator cannot be reached; the signal's reason
   */
  static async open(options: SessionOptions): Promise<Coordinator> {
    const session = new Coordinator(options);
    try {
      await session.sync(options.signal);
      return session;
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor({ address, name }: SessionOptions) {
    this.#address = address;
    this.#client = new coordinatorService(address, credentials.createInsecure(), channelOptions);
    const call = (this.#client as unknown as Record<string, () => UpdateStream>)['ClientStream'];
    if (call === undefined) throw new Error('the service has no ClientStream');
    this.#stream = call.call(this.#client);
    this.#stream.on('data', (message: WireUpdates) => this.#take(message));
    this.#stream.on('error', (error: ServiceError) => this.#end(error));
    this.#stream.on('end', () => this.#end(new Error('the coordinator has ended the session')));
    // In this order: the coordinator takes a session without a name for none.
    this.#stream.write({ startup: { version, name } });
    this.#stream.write({ subscribe: { all_places: true } });
    this.#stream.write({ subscribe: { all_resources: true } });
  }

  /** Waits until all that the coordinator knew when it was asked has come. */
  async sync(signal: AbortSignal): Promise<void> {
    const id = ++this.#syncs;
    this.#stream.write({ sync: { id } });
    await this.until(() => this.#synced >= id, signal);
  }

  /**
   * Waits until the places and resources are as wanted; asked again after each news.
   * @throws DriverError where the session is lost, or nothing came in time
   */
  async until(isSo: () => boolean, signal: AbortSignal, most = patience): Promise<void> {
    const either = AbortSignal.any([signal, AbortSignal.timeout(most)]);
    for (;;) {
      if (this.#lost !== undefined) throw this.#lost;
      if (isSo()) return;
      signal.throwIfAborted();
      if (either.aborted) {
        throw this.#failure(`it did not answer within ${most / 1000} s`);
      }
      await new Promise<void>(resolve => {
        const done = () => {
          this.#listeners.delete(done);
          either.removeEventListener('abort', done);
          resolve();
        };
        this.#listeners.add(done);
        either.addEventListener('abort', done, { once: true });
      });
    }
  }

  /** @throws PlaceHeldError where another has it; DriverError where its exporter does not give it */
  async acquire(place: string): Promise<void> {
    try {
      await this.#call('AcquirePlace', { placename: place });
    } catch (error) {
      const held = error instanceof CallError && /already acquired|was not reserved for/.test(error.message);
      if (!held) throw error;
      throw new PlaceHeldError(
        `acquire place ${place}`,
        error.message,
        'wait for it: --wait 30m; labgrid-client who',
      );
    }
  }

  /** Gives a place back; nothing is done where another than `holder` has it. */
  async release(place: string, holder: string): Promise<void> {
    await this.#call('ReleasePlace', { placename: place, fromuser: holder });
  }

  /** Enters the queue for a place with these tags (`name` is one of each). */
  reserve(tags: Readonly<Record<string, string>>): Promise<WireReservation> {
    return this.#reservation('CreateReservation', { filters: { main: { filter: tags } }, prio: 0 });
  }

  /** State of a reservation, which is kept for another minute by this. */
  poll(token: string): Promise<WireReservation> {
    return this.#reservation('PollReservation', { token });
  }

  async cancel(token: string): Promise<void> {
    await this.#call('CancelReservation', { token });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lost ??= this.#failure('the session was closed');
    this.#stream.cancel();
    this.#client.close();
    await Promise.resolve();
  }

  async #reservation(method: string, request: object): Promise<WireReservation> {
    const { reservation } = (await this.#call(method, request)) as { reservation?: WireReservation };
    if (reservation === undefined) throw this.#failure('it answered without a reservation');
    return reservation;
  }

  #call(method: string, request: object): Promise<unknown> {
    type Call = (
      request: object,
      options: { deadline: number },
      done: (error: ServiceError | null, answer: unknown) => void,
    ) => void;
    const call = (this.#client as unknown as Record<string, Call>)[method];
    return new Promise((resolve, reject) => {
      if (call === undefined) throw new Error(`the service has no ${method}`);
      call.call(this.#client, request, { deadline: Date.now() + patience }, (error, answer) => {
        if (error === null) resolve(answer);
        else if (error.code === status.FAILED_PRECONDITION || error.code === status.PERMISSION_DENIED) {
          reject(new CallError(error.details));
        } else reject(this.#failure(error.details || error.message));
      });
    });
  }

  #take({ sync, updates = [] }: WireUpdates): void {
    if (sync?.id !== undefined) this.#synced = Math.max(this.#synced, sync.id);
    for (const { resource, del_resource: goneResource, place, del_place: gonePlace } of updates) {
      if (resource) this.resources.set(pathOf(resource.path), resourceOf(resource));
      if (goneResource) this.resources.delete(pathOf(goneResource));
      if (place) this.places.set(place.name, placeOf(place));
      if (gonePlace) this.places.delete(gonePlace);
    }
    for (const listener of this.#listeners) listener();
  }

  #end(error: Error): void {
    this.#lost ??= this.#failure(messageOf(error));
    for (const listener of this.#listeners) listener();
  }

  #failure(why: string): DriverError {
    return new DriverError(
      `labgrid coordinator ${this.#address}`,
      why,
      'see that it runs (labgrid-coordinator), and --coordinator, LG_COORDINATOR or labgrid.coordinator of the lab file',
    );
  }
}

/** The coordinator has refused a call, and says why. */
class CallError extends Error {}

function placeOf({ name, tags = {}, acquired }: WirePlace): Place {
  return { name, tags, acquired: acquired === '' ? undefined : acquired };
}

function resourceOf({ path, cls, params = {}, extra = {}, acquired }: WireResource): Resource {
  return {
    path: pathOf(path),
    name: path?.resource_name ?? '',
    kind: cls,
    parameters: valuesOf(params),
    extra: valuesOf(extra),
    place: acquired === '' ? undefined : acquired,
  };
}

function pathOf(path: WireResource['path']): string {
  return [path?.exporter_name ?? '', path?.group_name ?? '', path?.resource_name ?? ''].join('/');
}

function valuesOf(values: NonNullable<WireResource['params']>): Resource['parameters'] {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const known = value.kind === undefined ? undefined : value[value.kind];
      return known === undefined ? [] : [[name, known as string | number | boolean]];
    }),
  );
}
