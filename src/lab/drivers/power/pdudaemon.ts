import { type HttpAccount, schemeOf } from './http-call.ts';
import { powerHttp } from './http.ts';
import type { PowerDriver } from './power.ts';

export interface PduDaemon {
  readonly host: string;
  readonly port: number;
  /** Name of the PDU in PDUDaemon's configuration. */
  readonly pdu: string;
  readonly outlet: string;
  /** Absent: plain HTTP. `authority`: PEM of what is trusted in place of the system's authorities. */
  readonly tls?: Pick<HttpAccount, 'authority'> | undefined;
}

/**
 * An outlet that PDUDaemon works, by its HTTP listener (`/power/control/on?hostname=PDU&port=OUTLET`). It puts
 * requests into a queue and answers before they are done; it cannot be asked for the state.
 */
export function powerPduDaemon({ host, port, pdu, outlet, tls }: PduDaemon): PowerDriver {
  const query = new URLSearchParams({ hostname: pdu, port: outlet });
  const call = (to: string) => ({
    url: `${schemeOf(tls)}://${host}:${port}/power/control/${to}?${query.toString()}`,
  });
  return {
    ...powerHttp({ on: call('on'), off: call('off') }, tls),
    name: `pdudaemon ${host}:${port}, ${pdu} outlet ${outlet}`,
  };
}
