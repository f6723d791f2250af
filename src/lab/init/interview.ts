/** Everything that a first lab file needs to know of a board, in the order in which it is asked. */
import { existsSync, statSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import path from 'node:path';
import type { BoardType } from '../../board/board-type.ts';
import { boardTypeNames, loadBoardType, loadBoardTypeBooting } from '../../board/board-types.ts';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { labSchema } from '../lab.ts';
import { imageNames } from '../needed-images.ts';
import { hintAt } from '../../config/nearest-name.ts';
import { isInNetwork, type OwnAddress } from './addresses.ts';
import type { Answers, Image } from './lab-text.ts';
import { powerOf } from './power-questions.ts';
import type { Answerer } from './question.ts';
import type { SerialAdapter } from './serial-adapters.ts';
import { serialOf } from './serial-question.ts';

/** Devices and addresses found on this machine. */
export interface Found {
  readonly adapters: readonly SerialAdapter[];
  readonly addresses: readonly OwnAddress[];
  readonly home: string;
}

/** Where relative paths start: as they are typed, and as the lab file says them. */
export interface Directories {
  readonly cwd: string;
  readonly lab: string;
}

/**
 * @returns the answers; null where some are missing, which `answerer` names
 * @throws ConfigurationError where an option's answer is wrong; LeftEarly where the person leaves
 */
export async function interview(
  answerer: Answerer,
  found: Found,
  directories: Directories,
): Promise<Answers | null> {
  const type = await typeOf(answerer, directories);
  const name = await answerer.answer({
    option: 'name',
    text: 'Name of the board in this lab',
    fallback: type === undefined ? undefined : `${type.loaded.type}-01`,
    check: checkName,
  });
  const boot = type && (await bootOf(answerer, type));
  const serial = await serialOf(answerer, found.adapters, type?.loaded.type ?? '');
  const power = await powerOf(answerer);
  const network = await networkOf(answerer, found.addresses, boot?.type);
  const identity = await identityOf(answerer, found.home, directories);
  if (type === undefined || boot === undefined || name === undefined || serial === undefined) return null;
  if (power === undefined || network === undefined) return null;
  const images = await imagesOf(answerer, name, boot.type, found.home, directories);
  const typeTitle = type.loaded.title;
  const lacksSerialNumber = boot.type.boot.eeprom !== undefined && network.serialNumber === undefined;
  return {
    name,
    type: type.written,
    typeTitle,
    boot: boot.name,
    ...serial,
    power,
    network,
    lacksSerialNumber,
    identity,
    images,
  };
}

interface GivenType {
  /** As the lab file says it. */
  readonly written: string;
  readonly file: string;
  readonly loaded: BoardType;
}

async function typeOf(answerer: Answerer, directories: Directories): Promise<GivenType | undefined> {
  // One in QEMU stands in no lab.
  const real = boardTypeNames()
    .map(type => loadBoardType(type))
    .filter(({ emulator }) => emulator === undefined);
  return answerer.answer({
    option: 'type',
    text: 'Type of the board (or a .yaml file of one)',
    choices: real.map(({ type, title }) => ({ value: type, title })),
    check: text => {
      const isOwn = /\.ya?ml$/.test(text);
      const file = isOwn ? path.resolve(directories.cwd, text) : text;
      const loaded = loadBoardType(file);
      if (loaded.emulator !== undefined) {
        throw new ConfigurationError(
          `${text} is emulated: it needs no lab file`,
          `scmi-hil run dom0-and-guest --board ${text}`,
        );
      }
      return { written: isOwn ? writtenPath(text, directories) : text, file, loaded };
    },
  });
}

function checkName(text: string): string {
  const result = labSchema.shape.boards.keyType.safeParse(text);
  if (result.success) return text;
  throw new ConfigurationError(`${text}: expected ${result.error.issues[0]?.message ?? 'another name'}`);
}

async function bootOf(
  answerer: Answerer,
  { file, loaded }: GivenType,
): Promise<{ readonly name: string | undefined; readonly type: BoardType } | undefined> {
  const check = (text: string) => loadBoardTypeBooting(file, text);
  const usual = loaded.boot.name;
  const question = { option: 'boot', text: 'Way to boot', fallback: usual, check };
  const isAsked = loaded.boots.length > 1 || answerer.given('boot') !== undefined;
  const choices = loaded.boots.map(value => ({ value, title: '' }));
  const type = isAsked ? await answerer.answer({ ...question, choices }) : loaded;
  return type && { name: type.boot.name === usual ? undefined : type.boot.name, type };
}

async function networkOf(
  answerer: Answerer,
  own: readonly OwnAddress[],
  type: BoardType | undefined,
): Promise<Answers['network'] | undefined> {
  const server = await answerer.answer({
    option: 'server',
    text: "Address of this machine on the board's network",
    fallback: own.length === 1 ? own[0]?.address : undefined,
    choices: own.map(each => ({ value: each.address, title: each.interface })),
    check: checkServer,
  });
  const net = own.find(each => each.address === server);
  const address = await answerer.answer({
    option: 'address',
    text: 'Address of the board itself',
    check: text => {
      checkAddress(text);
      if (text === server) throw new ConfigurationError(`${text} is this machine's own address`);
      if (net === undefined || isInNetwork(text, net)) return text;
      throw new ConfigurationError(
        `${text} is not in the network of ${net.address} (${net.interface}, netmask ${net.netmask})`,
        'TFTP of boot loaders stays on its own network',
      );
    },
  });
  const macAddress = await answerer.answer({
    option: 'mac',
    text: "The board's Ethernet address, for scmi-hil dhcp-config",
    otherwise: 'later',
    check: text =>
      matching(
        /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/,
        text.toLowerCase().replaceAll('-', ':'),
        'an address such as d8:3a:dd:01:02:03',
      ),
  });
  const asksForNumber = type?.boot.eeprom !== undefined || answerer.given('serial-number') !== undefined;
  const serialNumber = asksForNumber
    ? await answerer.answer({
        option: 'serial-number',
        text: 'Serial number of the Raspberry Pi (end of /proc/cpuinfo there)',
        otherwise: 'later',
        check: text =>
          matching(/^([0-9a-f]{8}|[0-9a-f]{16})$/, text.toLowerCase(), '8 or 16 digits, 0 to 9 and a to f'),
      })
    : undefined;
  if (server === undefined || address === undefined) return undefined;
  return {
    address,
    server,
    ...(net === undefined ? {} : { netmask: net.netmask }),
    ...(macAddress === undefined ? {} : { macAddress }),
    ...(serialNumber === undefined ? {} : { serialNumber }),
  };
}

/** @throws ConfigurationError for one that no board can reach */
function checkServer(text: string): string {
  if (!checkAddress(text).startsWith('127.')) return text;
  throw new ConfigurationError(
    `${text} is this machine to itself alone`,
    'its address on the network of the board: ip -brief address',
  );
}

function checkAddress(text: string): string {
  if (isIPv4(text)) return text;
  throw new ConfigurationError(`${text}: not an IPv4 address`, 'such as 192.168.1.2');
}

function matching(pattern: RegExp, text: string, expected: string): string {
  if (pattern.test(text)) return text;
  throw new ConfigurationError(`${text}: expected ${expected}`);
}

/** Names of the keys that OpenSSH tries by itself (ssh_config(5), IdentityFile). */
const usualKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

async function identityOf(
  answerer: Answerer,
  home: string,
  directories: Directories,
): Promise<Answers['identity']> {
  const key = usualKeys.find(each => existsSync(path.join(home, '.ssh', each)));
  const answer = await answerer.answer({
    option: 'key',
    text: "SSH key that Dom0's root lets in (a file, or agent)",
    fallback: key === undefined ? 'agent' : `~/.ssh/${key}`,
    check: text => {
      if (text === 'agent') return text;
      const file = fullPath(text, home, directories);
      if (text.endsWith('.pub')) {
        throw new ConfigurationError(
          `${text}: the public half of a key, which logs nobody in`,
          `the private one is ${text.slice(0, -'.pub'.length)}`,
        );
      }
      if (isFile(file)) return text;
      throw new ConfigurationError(noFile(text, file), 'or agent, for the keys of the SSH agent');
    },
  });
  if (answer === undefined || answer === 'agent') return { kind: 'agent' };
  return { kind: 'key', path: writtenPath(answer, directories) };
}

async function imagesOf(
  answerer: Answerer,
  board: string,
  type: BoardType,
  home: string,
  directories: Directories,
): Promise<Image[]> {
  const images: Image[] = [];
  for (const name of wantedImages(answerer, type)) {
    const later = { name, path: `images/${board}/${name}`, isThere: false };
    const laterPath = path.join(directories.lab, later.path);
    const image = await answerer.answer({
      option: `image ${name}`,
      text:
        name === 'dtb' ? 'Path of its own device tree (the shipped one is cut down)' : `Path of its ${name}`,
      otherwise: `later: ${later.path}`,
      check: text => {
        const file = fullPath(text, home, directories);
        if (isFile(file)) return { name, path: writtenPath(text, directories), isThere: true };
        throw new ConfigurationError(noFile(text, file), 'it may be left for later');
      },
    });
    images.push(image ?? { ...later, isThere: isFile(laterPath) });
  }
  return images;
}

/** The shipped dtb is cut down: each board has its own. */
function wantedImages(answerer: Answerer, type: BoardType): string[] {
  const given = answerer.options.flatMap(option => /^image (.*)$/.exec(option)?.[1] ?? []);
  const known = [...imageNames(type), 'dtb'];
  const unknown = given.find(name => !known.includes(name));
  if (unknown !== undefined) {
    throw new ConfigurationError(
      `--image ${unknown}: a ${type.type} has no such image`,
      hintAt(unknown, known),
    );
  }
  return known;
}

function isFile(file: string): boolean {
  return existsSync(file) && statSync(file).isFile();
}

function noFile(text: string, file: string): string {
  return existsSync(file) ? `${text}: is no file` : `${text}: there is no such file`;
}

function fullPath(text: string, home: string, { cwd }: Directories): string {
  return path.resolve(cwd, text.replace(/^~(?=\/)/, home));
}

/** Relative paths of a lab file are relative to it. */
function writtenPath(text: string, { cwd, lab }: Directories): string {
  if (path.isAbsolute(text) || text.startsWith('~/')) return text;
  return path.relative(lab, path.resolve(cwd, text));
}
