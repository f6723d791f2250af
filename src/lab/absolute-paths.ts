/** Paths of a lab file, made absolute. */
import os from 'node:os';
import path from 'node:path';
import type { LabBoard, LabShell } from './lab.ts';
import type { LabPower } from './lab-power.ts';
import type { LabSerial } from './lab-serial.ts';

export function withAbsoluteImages(images: LabBoard['images'], directory: string): LabBoard['images'] {
  return withAll(images, file => absolutePath(file, directory));
}

function absolutePath(file: string, directory: string): string {
  return path.resolve(directory, file.replace(/^~(?=\/)/, os.homedir()));
}

/** A physical board of a lab file; relative paths start at the file. */
export function withAbsolutePaths(setup: LabBoard, directory: string): LabBoard {
  const absolute = (file: string) => absolutePath(file, directory);
  return {
    ...setup,
    ...withAbsoluteWires(setup, directory),
    images: withAbsoluteImages(setup.images, directory),
    tftp: setup.tftp.kind === 'directory' ? { ...setup.tftp, path: absolute(setup.tftp.path) } : setup.tftp,
    ssh: { ...setup.ssh, identity: identityWith(setup.ssh.identity, absolute) },
    dom0: shellWith(setup.dom0, absolute),
    guests: Object.fromEntries(
      Object.entries(setup.guests).map(([name, shell]) => [name, shellWith(shell, absolute)]),
    ),
  };
}

type Wires = Pick<LabBoard, 'serial' | 'uarts' | 'power'>;

/** The consoles and the switch of a physical board alone. */
export function withAbsoluteWires({ serial, uarts, power }: Wires, directory: string): Wires {
  const absolute = (file: string) => absolutePath(file, directory);
  return {
    serial: serialWith(serial, absolute),
    uarts: Object.fromEntries(
      Object.entries(uarts).map(([name, line]) => [name, serialWith(line, absolute)]),
    ),
    power: powerWith(power, absolute),
  };
}

/** Devices have absolute paths anyway. */
function serialWith<Line extends LabSerial>(line: Line, absolute: (file: string) => string): Line {
  if (line.kind === 'command') return { ...line, secrets: withAll(line.secrets, absolute) };
  return line.kind === 'unix' ? { ...line, path: absolute(line.path) } : line;
}

function powerWith(switched: LabPower, absolute: (file: string) => string): LabPower {
  return {
    ...switched,
    ...('passwordFile' in switched &&
      switched.passwordFile !== undefined && { passwordFile: absolute(switched.passwordFile) }),
    ...('tls' in switched &&
      typeof switched.tls === 'object' && { tls: { authority: absolute(switched.tls.authority) } }),
    ...('secrets' in switched && { secrets: withAll(switched.secrets, absolute) }),
  };
}

function withAll(
  files: Readonly<Record<string, string>>,
  absolute: (file: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, absolute(file)]));
}

function shellWith<Shell extends LabShell>(shell: Shell, absolute: (file: string) => string): Shell {
  return shell.passwordFile === undefined ? shell : { ...shell, passwordFile: absolute(shell.passwordFile) };
}

type Identity = LabBoard['ssh']['identity'];

function identityWith(identity: Identity, absolute: (file: string) => string): Identity {
  if (identity.kind === 'agent') return identity;
  if (identity.kind === 'password') return { ...identity, file: absolute(identity.file) };
  const { passphraseFile } = identity;
  const key = { ...identity, path: absolute(identity.path) };
  return passphraseFile === undefined ? key : { ...key, passphraseFile: absolute(passphraseFile) };
}
