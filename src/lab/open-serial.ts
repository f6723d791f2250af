/** The driver of a board's console. */
import { serialCommand } from './drivers/serial/command.ts';
import { serialDevice } from './drivers/serial/device.ts';
import { serialRfc2217 } from './drivers/serial/rfc2217.ts';
import type { SerialDriver } from './drivers/serial/serial.ts';
import { serialTcp } from './drivers/serial/tcp.ts';
import { typedSlowly } from './drivers/serial/typed-slowly.ts';
import { serialUnix } from './drivers/serial/unix.ts';
import type { BoardType } from '../board/board-type.ts';
import type { LabSerial, LabUart } from './lab-serial.ts';
import type { BoardUart } from './drivers/board.ts';
import { NamedSecrets } from './secret-names.ts';

/** @param baudRate where the lab gives none */
export function serialOf(line: LabSerial, baudRate: number): SerialDriver {
  const driver = transportOf(line, baudRate);
  const { charactersPerSecond } = line;
  return charactersPerSecond === undefined ? driver : typedSlowly(driver, charactersPerSecond);
}

/** A further port, which the type may know by its name. */
export function uartOf(name: string, line: LabUart, { uarts, console }: BoardType): BoardUart {
  const known = uarts[name];
  return {
    serial: serialOf(line, known?.baudRate ?? console.baudRate),
    talkers: line.talkers ?? known?.talkers ?? [],
  };
}

function transportOf(line: LabSerial, typical: number): SerialDriver {
  if (line.kind === 'tcp') return serialTcp(line);
  if (line.kind === 'unix') return serialUnix(line);
  if (line.kind === 'command') {
    const environment = () => ({ ...process.env, ...secretsOf(line).variables });
    return serialCommand(line.command, environment);
  }
  if (line.kind === 'labgrid') throw new Error('the place of the console is not acquired');
  const baudRate = line.baudRate ?? typical;
  return line.kind === 'rfc2217'
    ? serialRfc2217({ host: line.host, port: line.port, baudRate })
    : serialDevice({ path: line.path, baudRate, shared: line.shared });
}

/**
 * The secrets of a console, for the recorder to keep out of what it writes.
 * @throws ConfigurationError where a file cannot be read
 */
export function consoleSecrets(line: LabSerial): readonly string[] {
  return line.kind === 'command' ? secretsOf(line).all : [];
}

function secretsOf({ secrets }: Extract<LabSerial, { kind: 'command' }>): NamedSecrets {
  return new NamedSecrets(secrets, {}, 'serial');
}
