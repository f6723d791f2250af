/** Opens a board of the lab: its drivers, its images, its keys. */
import { accessSync, constants } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import type { PowerDriver } from './drivers/power/power.ts';
import type { SerialDriver } from './drivers/serial/serial.ts';
import { withToolstack } from './images/toolstack.ts';
import { keepsItsName, returning } from './drivers/serial/returning.ts';
import { transientWith } from './drivers/serial/transient.ts';
import { sshClient } from './drivers/ssh/client.ts';
import type { SshTarget } from './drivers/ssh/ssh.ts';
import { acquireTftp } from './drivers/tftp/shared.ts';
import { stagingTftp } from './drivers/tftp/staging.ts';
import type { TftpServer } from './drivers/tftp/tftp.ts';
import type { Deviations } from '../model/predict/deviations.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { claimsOf } from './claims.ts';
import { readIdentity } from './identity.ts';
import { readSecretLine } from './secret-names.ts';
import type { LabBoard, LabShell } from './lab.ts';
import { acquireBoard, type HeldPlace } from './acquire-place.ts';
import type { LabSerial } from './lab-serial.ts';
import { below } from './lab-tftp.ts';
import { type BoardEntry, isEmulated, isVirtual, type WiredBoard } from './load-lab.ts';
import { requireImages } from './needed-images.ts';
import type { BoardUart, ConsoleLogin } from './drivers/board.ts';
import type { OpenBoard, Software } from './open-board.ts';
import { openEmulated } from './open-emulated.ts';
import { openPower } from './open-power.ts';
import { consoleSecrets, serialOf, uartOf } from './open-serial.ts';
import { faultDeadlines, stretchedDeadlines, type VirtualFaults } from './virtual-faults.ts';
import { displayName } from '../config/yaml-file.ts';
import { zephyrText } from '../verdict/console/vocabulary/zephyr.ts';

export interface OpenOptions {
  /** For the SSH agent's socket. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The board type's unless given. */
  readonly software?: Software;
  /** Bug of the software: only on a virtual board. */
  readonly deviations?: Deviations;
  /** Fault of the lab: only on a virtual board. */
  readonly faults?: VirtualFaults;
  /** The place that it is, once it is acquired (acquire-place.ts). */
  readonly held?: HeldPlace | undefined;
}

/**
 * Opens a board for a run. The caller closes it.
 * @throws ConfigurationError where an image or a key cannot be read
 * @throws DriverError where the TFTP server's port cannot be had
 */
export async function openBoard(
  entry: BoardEntry,
  { env, software, deviations, faults, held }: OpenOptions,
): Promise<OpenBoard> {
  const { name, type, setup } = entry;
  if (isVirtual(setup)) return openVirtual(entry, { software, deviations, faults });
  requireImages(entry);
  requireImageFiles(name, setup.images);
  if (isEmulated(setup)) {
    return openEmulated(entry, { ...setup, env, ...(software && { firmware: software.firmware }) });
  }
  const { network, ssh } = setup;
  const identity = readIdentity(ssh.identity, env);
  const dom0 = {
    host: ssh.host ?? network.address,
    port: ssh.port ?? type.dom0.sshPort,
    user: ssh.user ?? type.dom0.user,
    identity,
    ...(ssh.hostKey === undefined ? {} : { hostKey: ssh.hostKey }),
  };
  const tftp = await filesOf(setup);
  const close = () => tftp.close();
  const isZephyr = setup.dom0.shell === 'zephyr';
  return {
    name,
    type: isZephyr ? { ...type, dom0: { ...type.dom0, login: zephyrText.waits } } : type,
    ...(isZephyr && { dom0System: 'zephyr' as const }),
    ...(ssh.domain !== undefined && { gateway: ssh.domain }),
    shared: { claims: await claimsOf(entry), power: setup.power, held },
    virtual: false,
    ...wiresOf(entry, setup, env),
    tftp,
    ssh: sshClient(),
    network: {
      address: network.address,
      server: network.server,
      ...(network.netmask === undefined ? {} : { netmask: network.netmask }),
      ...(network.gateway === undefined ? {} : { gateway: network.gateway }),
      prefixes: prefixesOf(setup),
    },
    dom0,
    consoleLogin: consoleLoginOf(setup.dom0, dom0),
    guestLogins: new Map(
      Object.entries(setup.guests).map(([guest, shell]) => [guest, guestLoginOf(guest, shell)]),
    ),
    guest: domain => {
      const host = ssh.guests[domain];
      return host === undefined ? undefined : { host, port: 22, user: 'root', identity };
    },
    ...withToolstack(new Map(Object.entries(setup.images))),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function consoleLoginOf(
  { by, user, passwordFile }: LabShell,
  ssh: Pick<SshTarget, 'user' | 'identity'>,
): ConsoleLogin {
  const only = by === 'console';
  const who = user ?? ssh.user;
  if (passwordFile !== undefined)
    return { user: who, password: readSecretLine(passwordFile, 'dom0.passwordFile'), only };
  const { identity } = ssh;
  return identity.kind === 'password'
    ? { user: who, password: identity.password, only }
    : { user: who, only };
}

function guestLoginOf(name: string, { by, user = 'root', passwordFile }: LabShell): ConsoleLogin {
  const only = by === 'console';
  if (passwordFile === undefined) return { user, only };
  return { user, password: readSecretLine(passwordFile, `guests.${name}.passwordFile`), only };
}

async function filesOf({ network, tftp }: LabBoard): Promise<TftpServer> {
  const { server, tftpPort, serialNumber } = network;
  if (tftp.kind === 'server') return acquireTftp(server, tftpPort);
  return stagingTftp({
    address: server,
    port: tftpPort,
    root: tftp.path,
    below: below(tftp, serialNumber),
  });
}

/** Possible prefixes of the names that the board asks for. */
export function prefixesOf({ network: { serialNumber }, tftp }: LabBoard): string[] {
  const own = serialNumber === undefined ? [] : [`${serialNumber.slice(-8)}/`];
  return tftp.kind === 'directory' && tftp.below !== undefined ? [tftp.below, ...own] : own;
}

/** A board's consoles and switch, without what only a run needs (images, keys, the TFTP port). */
export interface Wires extends AsyncDisposable {
  readonly power: PowerDriver;
  readonly serial: SerialDriver;
  readonly uarts?: ReadonlyMap<string, BoardUart>;
}

/** Milliseconds to acquire the place of a farm. */
const acquireDeadline = 60_000;

/** A virtual board's wires are those of a board made for this; it is gone when they are closed. */
export async function openWires(entry: WiredBoard): Promise<Wires> {
  const { setup } = entry;
  if (isVirtual(setup)) return openVirtual(entry);
  if (isEmulated(setup)) return openEmulated(entry, { ...setup, env: process.env });
  const { env } = process;
  const acquired = await acquireBoard(
    { ...entry, setup },
    { env, signal: AbortSignal.timeout(acquireDeadline) },
  );
  return {
    ...wiresOf(entry, acquired.board.setup, env),
    [Symbol.asyncDispose]: () => acquired[Symbol.asyncDispose](),
  };
}

type VirtualOptions = {
  readonly [name in 'software' | 'deviations' | 'faults']?: OpenOptions[name] | undefined;
};

async function openVirtual(
  { name, type }: Pick<BoardEntry, 'name' | 'type'>,
  { software, deviations, faults }: VirtualOptions = {},
): Promise<OpenBoard> {
  const { openVirtualBoard } = await import('./virtual/open.ts');
  const { firmware, ...built } = software ?? {};
  // A virtual board's Xen has said everything when a command returns.
  const deadlines =
    faults === undefined
      ? { ...type.deadlines, settle: faultDeadlines.settle }
      : stretchedDeadlines(loadavg()[0] ?? 0, availableParallelism());
  return openVirtualBoard(
    { ...type, ...built, deadlines },
    { name, ...(firmware && { firmware }), ...(deviations && { deviations }), ...(faults && { faults }) },
  );
}

/** They belong together where an adapter is fed by the board. */
function wiresOf(
  { name, type }: WiredBoard,
  setup: Pick<LabBoard, 'serial' | 'uarts' | 'power'>,
  env: OpenOptions['env'],
): Pick<OpenBoard, 'power' | 'serial' | 'uarts' | 'secrets'> {
  const { power: switched, secrets } = openPower(name, setup.power, env);
  let power = switched;
  const fed = (line: LabSerial, driver: SerialDriver): SerialDriver => {
    if (line.kind !== 'device') return driver;
    if (!line.transient) return keepsItsName(line.path) ? returning(driver) : driver;
    const both = transientWith(driver, power);
    power = both.power;
    return both.serial;
  };
  const serial = fed(setup.serial, serialOf(setup.serial, type.console.baudRate));
  const uarts = new Map<string, BoardUart>();
  for (const [uart, line] of Object.entries(setup.uarts)) {
    const opened = uartOf(uart, line, type);
    uarts.set(uart, { ...opened, serial: fed(line, opened.serial) });
  }
  const lines = [setup.serial, ...Object.values(setup.uarts)];
  return { power, serial, uarts, secrets: [...secrets, ...lines.flatMap(consoleSecrets)] };
}

/** Missing files are found before the board is touched, not when it asks for them. */
function requireImageFiles(board: string, images: LabBoard['images']): void {
  const missing = Object.entries(images).filter(([, file]) => !isReadable(file));
  if (missing.length === 0) return;
  throw new ConfigurationError(
    `board ${board}: cannot read ${missing.map(([name, file]) => `${name} (${displayName(file)})`).join(', ')}`,
    `correct boards.${board}.images of the lab file (or --image), or put the files there`,
  );
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
