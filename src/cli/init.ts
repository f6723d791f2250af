/** `scmi-hil init`: writes a first lab file from what is plugged in and what somebody answers. */
import { messageOf } from '../config/text.ts';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { displayName } from '../config/yaml-file.ts';
import { ownAddresses } from '../lab/init/addresses.ts';
import { type Found, interview } from '../lab/init/interview.ts';
import { type Answers, labText } from '../lab/init/lab-text.ts';
import { Answerer, LeftEarly, type Person } from '../lab/init/question.ts';
import { findSerialAdapters } from '../lab/init/serial-adapters.ts';
import { personAt } from '../lab/init/terminal.ts';
import { requireNoLab, requirePlace, writeLab } from '../lab/init/write-lab.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { makeDirectory } from '../verdict/recording/make-directory.ts';
import { repeated } from './repeated.ts';

interface InitOptions {
  readonly lab: string;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly image?: readonly string[];
  readonly name?: string;
  readonly type?: string;
  readonly boot?: string;
  readonly serial?: string;
  readonly power?: string;
  readonly powerOn?: string;
  readonly powerOff?: string;
  readonly powerState?: string;
  readonly server?: string;
  readonly address?: string;
  readonly mac?: string;
  readonly serialNumber?: string;
  readonly key?: string;
}

export const addInit: AddCommand = (program, process, done) => {
  const command = program
    .command('init')
    .description(
      'Writes a first lab file for one board: finds serial adapters and addresses of this machine, and asks for ' +
        'the rest. What an option says is not asked.',
    )
    .option('--lab <file>', 'where to write', 'lab.yaml')
    .option('--force', 'where there is one already, keep it beside as FILE.old')
    .option('--yes', 'ask nothing, take the defaults')
    .option('--type <type>', 'type of the board, or a .yaml file of one')
    .option('--name <name>', 'name of the board')
    .option('--boot <name>', 'way to boot, where the type has several')
    .option('--serial <port>', 'a device, rfc2217://HOST:PORT or tcp://HOST:PORT')
    .option('--power-on <command>', 'shell command that switches the supply on')
    .option('--power-off <command>', 'shell command that switches it off')
    .option('--power-state <command>', 'shell command that prints on or off')
    .option(
      '--power <fields>',
      'another switch as in the lab file: ask, "{ kind: uhubctl, location: 1-1, port: 2 }"',
    )
    .option('--server <address>', "address of this machine on the board's network")
    .option('--address <address>', 'address of the board')
    .option('--mac <address>', "the board's Ethernet address")
    .option('--serial-number <number>', 'of a Raspberry Pi')
    .option('--key <file>', "SSH key that Dom0's root lets in; agent: those of the SSH agent")
    .option('--image <name=path>', 'a file to deploy; may be repeated', repeated)
    .action(async (options: InitOptions) => {
      done(await init(options, process));
    });
  addHelpNotes(command, {
    examples: [
      ['init', 'asks, then writes ./lab.yaml'],
      [
        'init --yes --type rpi5 --serial /dev/ttyUSB0 --power ask --server 10.0.0.1 --address 10.0.0.2',
        'asks nothing',
      ],
    ],
    exits: {
      met: 'written',
      usage: `${commonExits.usage}; there is a lab file; or an answer is missing and there is nobody to ask`,
      interrupted: 'left by Ctrl-C or Ctrl-D; nothing is written',
    },
  });
};

async function init(options: InitOptions, process: CliProcess): Promise<number> {
  const { stdin, stdout, stderr, cwd, env, signal } = process;
  const file = path.resolve(cwd, options.lab);
  const force = options.force === true;
  requirePlace(file);
  requireNoLab(file, force);
  const given = givenBy(options);
  const found: Found = {
    adapters: await findSerialAdapters('/'),
    addresses: ownAddresses(os.networkInterfaces()),
    home: env['HOME'] ?? os.homedir(),
  };
  const isAttended = options.yes !== true && 'isTTY' in stdin && stdin.isTTY === true;
  using person = isAttended ? personAt(stdin, stdout, signal) : undefined;
  if (person !== undefined) introduce(person, found);
  try {
    const answers = await askFor(given, person, found, { cwd, lab: path.dirname(file) });
    makePlace(file);
    writeLab(file, labText(answers), force);
    stdout.write(farewell(file, answers, options));
    return exitCode.met;
  } catch (error) {
    if (!(error instanceof LeftEarly)) throw error;
    stderr.write('scmi-hil: nothing was written\n');
    return exitCode.interrupted;
  }
}

async function askFor(
  given: ReadonlyMap<string, string>,
  person: Person | undefined,
  found: Found,
  directories: { readonly cwd: string; readonly lab: string },
): Promise<Answers> {
  const answerer = new Answerer(given, person);
  const answers = await interview(answerer, found, directories);
  if (answers !== null) return answers;
  throw new UsageError(
    `nobody to ask for ${answerer.missing.join(', ')}`,
    'give these options, or run scmi-hil init at a terminal (without --yes)',
  );
}

/** Options that answer a question, under the names that questions have. */
function givenBy(options: InitOptions): Map<string, string> {
  const { image = [], power, serial, server, address, mac, key, name, type, boot } = options;
  const texts = {
    power,
    serial,
    server,
    address,
    mac,
    key,
    name,
    type,
    boot,
    'power-on': options.powerOn,
    'power-off': options.powerOff,
    'power-state': options.powerState,
    'serial-number': options.serialNumber,
  };
  const given = new Map<string, string>();
  for (const [option, text] of Object.entries(texts)) if (text !== undefined) given.set(option, text);
  for (const text of image) {
    const at = text.indexOf('=');
    if (at < 1)
      throw new UsageError(`--image ${text}: NAME=PATH is expected`, 'for instance --image xen=./xen');
    given.set(`image ${text.slice(0, at)}`, text.slice(at + 1));
  }
  return given;
}

function introduce({ say }: Person, { adapters, addresses }: Found): void {
  say(`Serial ports found: ${adapters.length}. Network addresses: ${addresses.length}.`);
  say('Enter takes what stands in brackets; Ctrl-C leaves without writing.');
}

function makePlace(file: string): void {
  try {
    makeDirectory(path.dirname(file));
  } catch (error) {
    const why = messageOf(error);
    throw new UsageError(`cannot write ${displayName(file)}: ${why}`, 'name another with --lab FILE', {
      cause: error,
    });
  }
}

function farewell(file: string, { name, images, serial }: Answers, { lab }: InitOptions): string {
  const option = lab === 'lab.yaml' ? '' : ` --lab ${lab}`;
  const isUnplugged = serial.kind === 'device' && !/[*?]/.test(serial.path) && !existsSync(serial.path);
  const absent = [
    ...(isUnplugged ? ['serial port'] : []),
    ...images.filter(({ isThere }) => !isThere).map(image => image.name),
  ];
  const missing =
    absent.length === 0
      ? ''
      : `  not there yet: ${absent.join(', ')}; the file says where each is looked for\n`;
  return (
    `wrote ${displayName(file)}\n${missing}next:\n` +
    `  scmi-hil doctor ${name}${option}\n` +
    `  scmi-hil images check ${name}${option}\n` +
    `  scmi-hil run dom0-and-guest --board ${name}${option}\n`
  );
}
