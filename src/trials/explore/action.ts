/** One thing that can be done to a machine from outside: by the toolstack, or by a domain. */
import type { OutgoingMessage } from '../../model/scmi/shared-memory.ts';

export type Action =
  /** A guest that asks for an agent (null: none) and is given the page of one. */
  | {
      readonly do: 'create';
      readonly guest: string;
      readonly agent: number | null;
      readonly page: number | null;
    }
  | { readonly do: 'destroy'; readonly guest: string }
  /** XEN_DOMCTL_assign_device */
  | { readonly do: 'assign-device'; readonly guest: string; readonly device: number }
  /** A domain rings a doorbell: after a message in its page, or (null) as the page is. */
  | {
      readonly do: 'smc';
      readonly domain: string;
      readonly functionId: number;
      readonly message: DomainMessage | null;
    };

/** Message that a domain writes into its page before it rings. */
export interface DomainMessage {
  /** `BASE_PROTOCOL_VERSION` */
  readonly name: string;
  readonly message: OutgoingMessage;
  /** Bytes that the length word says, where that is not what the message has. */
  readonly length?: number;
  /** Device that the message concerns, by itself or through a resource of it. */
  readonly device?: number;
  /** Index of the resource that it changes, and whether the caller takes it or gives it back. */
  readonly use?: { readonly resource: number; readonly takes: boolean };
  /** Agent that it names, where that is not the caller's own. */
  readonly about?: number;
}

/** An action as a person would say it: `guest1 rings 0x82000004 with BASE_PROTOCOL_VERSION`. */
export function actionWords(action: Action): string {
  switch (action.do) {
    case 'create': {
      const agent = action.agent === null ? 'without agent' : `with agent ${action.agent}`;
      const page = action.page === action.agent ? '' : `, with the page of agent ${action.page}`;
      return `create ${action.guest} ${agent}${action.page === null ? '' : page}`;
    }
    case 'destroy':
      return `destroy ${action.guest}`;
    case 'assign-device':
      return `assign device ${action.device} to ${action.guest}`;
    default: {
      const said = action.message === null ? 'without a message' : `with ${action.message.name}`;
      return `${action.domain} rings 0x${action.functionId.toString(16)} ${said}`;
    }
  }
}
