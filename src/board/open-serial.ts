/** The driver of a board's console. */
import { serialCommand } from '../drivers/serial/command.ts';
import { serialDevice } from '../drivers/serial/device.ts';
import { serialRfc2217 } from '../drivers/serial/rfc2217.ts';
import type { SerialDriver } from '../drivers/serial/serial.ts';
import { serialTcp } from '../drivers/serial/tcp.ts';
import { typedSlowly } from '../drivers/serial/typed-slowly.ts';
import { serialUnix } from '../drivers/serial/unix.ts';
import type { BoardType } from './board-type.ts';
import type { LabSerial } from './lab-serial.ts';

/** @param type for the speed where the lab gives none */
export function serialOf(line: LabSerial, type: BoardType): SerialDriver {
  const driver = transportOf(line, type);
  const { charactersPerSecond } = line;
  return charactersPerSecond === undefined ? driver : typedSlowly(driver, charactersPerSecond);
}

function transportOf(line: LabSerial, { console }: BoardType): SerialDriver {
  if (line.kind === 'tcp') return serialTcp(line);
  if (line.kind === 'unix') return serialUnix(line);
  if (line.kind === 'command') return serialCommand(line);
  const baudRate = line.baudRate ?? console.baudRate;
  return line.kind === 'rfc2217'
    ? serialRfc2217({ host: line.host, port: line.port, baudRate })
    : serialDevice({ path: line.path, baudRate });
}
