import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { loadFirmwareProfile } from '../../../src/board/firmware-profile.ts';
import { parseFlat } from '../../../src/model/dt/flat.ts';
import { bootKernel } from '../../../src/model/linux/kernel.ts';
import type { ConsoleLine, Observer } from '../../../src/model/trace/observation.ts';
import { Firmware } from '../../../src/model/scmi/firmware.ts';
import { PhysicalMemory } from '../../../src/model/scmi/memory.ts';
import type { Domctl } from '../../../src/model/xen/domctl.ts';
import { Hypervisor } from '../../../src/model/xen/hypervisor.ts';
import { Toolstack } from '../../../src/model/xl/xl.ts';
import { caseDirectories } from '../../corpus/cases.ts';

/** All but the one that prints Xen's log again. */
const cases = caseDirectories().filter(({ name }) => /^(?:y-)?xl-/.test(name) && name !== 'y-xl-dmesg');

if (cases.length === 0) test.skip('commands of xl end as on the board (no corpus)', t => t.pass());
for (const { name, directory } of cases) {
  const file = (path: string) => readFileSync(join(directory, path));
  test(`commands of xl in ${name} end as on the board`, t => {
    const record = JSON.parse(file('case.json').toString('utf8')) as CorpusCase;
    const printed: ConsoleLine[] = [];
    const observer: Observer = { console: line => printed.push(line), message: () => {} };
    const { toolstack, messages, domctl } = machine(
      file('host.dtb'),
      record,
      path => file(path.replace('/root/', '')),
      observer,
    );
    printed.length = 0;

    const codes = record.toolstack.map(step =>
      perform(toolstack, domctl, step, path => file(path).toString('utf8')),
    );
    t.deepEqual(
      codes.filter((_, index) => record.toolstack[index]?.rc !== undefined),
      record.toolstack.flatMap(step => (step.rc === undefined ? [] : [step.rc])),
    );

    const log = terminal(file('console.log').toString('latin1'));
    t.deepEqual(
      printed
        .filter(({ source, optional }) => source === 'xl' && optional === undefined)
        .map(line => line.text),
      log.xl,
    );
    t.deepEqual(
      printed.filter(isMediatorLine).map(line => line.text.replace('<3>', '')),
      log.xen,
    );
    const last = log.listings.at(-1);
    if (last !== undefined && record.toolstack.at(-1)?.do === 'create') {
      t.regex(last, new RegExp(`^(?:${toolstack.list().pattern})$`));
    }
    const logged = file('el3.log').toString('latin1');
    const resets = [...logged.matchAll(/proto 0x10 msg 0xb .* status (-?\d+)/g)].map(match =>
      Number(match[1]),
    );
    t.deepEqual(
      messages.filter(each => each.protocol === 0x10 && each.message === 0xb).map(each => each.status),
      resets,
    );
  });
}

interface CorpusCase {
  readonly firmware: { readonly profile: string; readonly faults: readonly string[] };
  readonly guests?: readonly { readonly node: string; readonly partialTree: string }[];
  readonly toolstack: ReadonlyArray<{
    readonly do: string;
    readonly config?: string;
    readonly domain?: string;
    readonly domid?: number;
    readonly path?: string;
    readonly rc?: number;
  }>;
}

function machine(
  blob: Uint8Array,
  { firmware: { profile, faults }, guests = [] }: CorpusCase,
  files: (path: string) => Uint8Array | undefined,
  observer: Observer,
) {
  const memory = new PhysicalMemory();
  const messages: Array<{ protocol: number; message: number; status: number }> = [];
  const firmware = new Firmware(loadFirmwareProfile(profile), {
    memory,
    faults,
    onMessage: message => messages.push(message),
  });
  const hypervisor = new Hypervisor({
    build: { mediator: 'multi-agent', debug: true },
    hostTree: parseFlat(blob),
    machine: { memory, smcccVersion: 0x1_0002, smc: id => firmware.smc(id) },
    partialTrees: new Map(
      guests.map(({ node, partialTree }) => [node, parseFlat(files(partialTree) ?? new Uint8Array())]),
    ),
    observer,
  });
  hypervisor.boot();
  bootKernel(hypervisor.guest(0), '6.12', observer);
  const toolstack = new Toolstack({
    domctl: hypervisor.domctl,
    files,
    observer,
    start: ({ domid, tree }) => bootKernel(hypervisor.guest(domid, tree), '6.12', observer).state,
  });
  return { toolstack, messages, domctl: hypervisor.domctl };
}

function perform(
  toolstack: Toolstack,
  domctl: Domctl,
  step: CorpusCase['toolstack'][number],
  text: (path: string) => string,
): number {
  const { config = '', domain = '', domid = 0, path = '' } = step;
  if (step.do === 'create') {
    // A later version of a configuration lies beside the first, and had its name on the board.
    return toolstack.create(`/root/${config.replace(/-\d+\.cfg$/, '.cfg')}`, text(config)).rc;
  }
  if (step.do === 'destroy') return toolstack.destroy(domain).rc;
  if (step.do === 'shutdown') return toolstack.shutdown(domain).rc;
  if (step.do === 'reboot') return toolstack.reboot(domain).rc;
  if (step.do === 'assign-device') return domctl.assignDevice(domid, path);
  return 0;
}

/** Text on the terminal from the first use of xl on, by talker. */
function terminal(log: string) {
  const text = log
    .replaceAll('\r', '')
    .replaceAll('\x1b[6n', '')
    .replace(/^.*?\n(?:dom0# |CASE: xl )/s, '');
  const xl =
    /^(?:libxl: (?:error|warning)|Parsing config|destroy failed|An invalid ARM_SCI|Unknown ARM_SCI|Shutting down|Waiting for|Domain \d+ has|Rebooting).*$/gm;
  const xen = /(?:\(XEN\) |<3>)((?:scmi|sci): .*?)(?:xcdt .*)?$/gm;
  const list = /^Name +ID .*\n(?:(?!dom0#|CASE|\(XEN\)).*\n)+/gm;
  return {
    xl: [...text.matchAll(xl)].map(match => match[0]),
    xen: [...text.matchAll(xen)].map(match => match[1] ?? ''),
    listings: [...text.matchAll(list)].map(match => match[0].trimEnd()),
  };
}

function isMediatorLine({ source, text }: ConsoleLine): boolean {
  return source === 'xen' && /^(?:<3>)?(?:scmi|sci): /.test(text);
}
