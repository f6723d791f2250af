/**
 * The messages of labgrid's coordinator (package `labgrid`, service `Coordinator`, labgrid 25 and 26), as far as a client
 * needs them. gRPC ignores what is not named here.
 */
import { type GrpcObject, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** Field numbers are the protocol's. */
const messages = {
  Sync: { fields: { id: { type: 'uint64', id: 1 } } },
  Startup: { fields: { version: { type: 'string', id: 1 }, name: { type: 'string', id: 2 } } },
  Subscribe: {
    oneofs: { kind: { oneof: ['all_places', 'all_resources'] } },
    fields: { all_places: { type: 'bool', id: 2 }, all_resources: { type: 'bool', id: 3 } },
  },
  ClientInMessage: {
    oneofs: { kind: { oneof: ['sync', 'startup', 'subscribe'] } },
    fields: {
      sync: { type: 'Sync', id: 1 },
      startup: { type: 'Startup', id: 2 },
      subscribe: { type: 'Subscribe', id: 3 },
    },
  },
  ResourcePath: {
    fields: {
      exporter_name: { type: 'string', id: 1 },
      group_name: { type: 'string', id: 2 },
      resource_name: { type: 'string', id: 3 },
    },
  },
  Value: {
    oneofs: { kind: { oneof: ['bool_value', 'int_value', 'uint_value', 'float_value', 'string_value'] } },
    fields: {
      bool_value: { type: 'bool', id: 1 },
      int_value: { type: 'int64', id: 2 },
      uint_value: { type: 'uint64', id: 3 },
      float_value: { type: 'double', id: 4 },
      string_value: { type: 'string', id: 5 },
    },
  },
  Resource: {
    fields: {
      path: { type: 'ResourcePath', id: 1 },
      cls: { type: 'string', id: 2 },
      params: { keyType: 'string', type: 'Value', id: 3 },
      extra: { keyType: 'string', type: 'Value', id: 4 },
      acquired: { type: 'string', id: 5 },
      avail: { type: 'bool', id: 6 },
    },
  },
  Place: {
    fields: {
      name: { type: 'string', id: 1 },
      tags: { keyType: 'string', type: 'string', id: 4 },
      acquired: { type: 'string', id: 6 },
      reservation: { type: 'string', id: 11 },
    },
  },
  Update: {
    oneofs: { kind: { oneof: ['resource', 'del_resource', 'place', 'del_place'] } },
    fields: {
      resource: { type: 'Resource', id: 1 },
      del_resource: { type: 'ResourcePath', id: 2 },
      place: { type: 'Place', id: 3 },
      del_place: { type: 'string', id: 4 },
    },
  },
  ClientOutMessage: {
    fields: { sync: { type: 'Sync', id: 1 }, updates: { rule: 'repeated', type: 'Update', id: 2 } },
  },
  AcquirePlaceRequest: { fields: { placename: { type: 'string', id: 1 } } },
  ReleasePlaceRequest: {
    fields: { placename: { type: 'string', id: 1 }, fromuser: { type: 'string', id: 2 } },
  },
  Filter: { fields: { filter: { keyType: 'string', type: 'string', id: 1 } } },
  Reservation: {
    fields: {
      owner: { type: 'string', id: 1 },
      token: { type: 'string', id: 2 },
      state: { type: 'int32', id: 3 },
      allocations: { keyType: 'string', type: 'string', id: 6 },
    },
  },
  CreateReservationRequest: {
    fields: { filters: { keyType: 'string', type: 'Filter', id: 1 }, prio: { type: 'double', id: 2 } },
  },
  Token: { fields: { token: { type: 'string', id: 1 } } },
  ReservationAnswer: { fields: { reservation: { type: 'Reservation', id: 1 } } },
  Nothing: { fields: {} },
};

const methods = {
  ClientStream: {
    requestType: 'ClientInMessage',
    requestStream: true,
    responseType: 'ClientOutMessage',
    responseStream: true,
    comment: '',
  },
  AcquirePlace: { requestType: 'AcquirePlaceRequest', responseType: 'Nothing', comment: '' },
  ReleasePlace: { requestType: 'ReleasePlaceRequest', responseType: 'Nothing', comment: '' },
  CreateReservation: {
    requestType: 'CreateReservationRequest',
    responseType: 'ReservationAnswer',
    comment: '',
  },
  PollReservation: { requestType: 'Token', responseType: 'ReservationAnswer', comment: '' },
  CancelReservation: { requestType: 'Token', responseType: 'Nothing', comment: '' },
};

const definition = fromJSON(
  { nested: { labgrid: { nested: { ...messages, Coordinator: { methods } } } } },
  { keepCase: true, longs: Number, oneofs: true },
);

/** Makes clients of the service. */
export const coordinatorService = (loadPackageDefinition(definition)['labgrid'] as GrpcObject)[
  'Coordinator'
] as ServiceClientConstructor;

/** A value of `params` and `extra`; `kind` names the field that is set. */
interface WireValue {
  readonly kind?: string;
  readonly [field: string]: unknown;
}

export interface WireResource {
  readonly path?: {
    readonly exporter_name?: string;
    readonly group_name: string;
    readonly resource_name: string;
  };
  readonly cls: string;
  readonly params?: Readonly<Record<string, WireValue>>;
  readonly extra?: Readonly<Record<string, WireValue>>;
  readonly acquired?: string;
  readonly avail?: boolean;
}

export interface WirePlace {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly acquired?: string;
}

export interface WireReservation {
  readonly token: string;
  /** 0 waiting, 1 allocated, 2 acquired, 3 expired, 4 invalid. */
  readonly state?: number;
  readonly allocations?: Readonly<Record<string, string>>;
}

export interface WireUpdates {
  readonly sync?: { readonly id?: number };
  readonly updates?: readonly {
    readonly resource?: WireResource;
    readonly del_resource?: WireResource['path'];
    readonly place?: WirePlace;
    readonly del_place?: string;
  }[];
}
