/** The SCMI messages that a recorded secure console names, in order. */
export interface RecordedMessage {
  readonly functionId: string;
  readonly agent: number;
  readonly protocol: number;
  readonly message: number;
  readonly status: number;
}

/** @param bytes el3.log as it is; only the first boot in it counts */
export function readFirmwareLog(bytes: Uint8Array): readonly RecordedMessage[] {
  const text = new TextDecoder('latin1').decode(bytes);
  const banner = 'SCMI: server ready';
  const second = text.indexOf(banner, text.indexOf(banner) + 1);
  const boot = second < 0 ? text : text.slice(0, second);
  return [...boot.matchAll(line)].map(([, functionId = '', agent, protocol, message, status]) => ({
    functionId,
    agent: Number(agent),
    protocol: Number(protocol),
    message: Number(message),
    status: Number(status),
  }));
}

const line =
  /SCMI: smc (0x[0-9a-f]+) agent (\d+) proto (0x[0-9a-f]+) msg (0x[0-9a-f]+) len .* -> status (-?\d+)/g;
