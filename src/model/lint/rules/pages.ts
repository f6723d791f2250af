/** Shared memory: where the pages of channels are. */
import { nodeReg } from '../../dt/address.ts';
import type { DtNode } from '../../dt/tree.ts';
import { abortingRanges } from '../../predict/machine-map.ts';
import { nodesWithoutRanges, type Page } from '../agent-list.ts';
import type { Configuration } from '../configuration.ts';
import { pageSize } from '../domains.ts';
import { document, hex, type Rule } from '../rule.ts';

export const pageRules: readonly Rule[] = [
  {
    id: 'sci-management-no-page',
    severity: 'error',
    title: "Xen's own node has no `shmem`",
    consequence: 'The probe fails with -ENOENT, without a message: there is no mediator.',
    hint: 'Add `shmem`, with the page that firmware reads for its function id.',
    documented: [document.scmi, document.booting],
    shows: ['vsmc.unhandled', 'linux.scmi.no-answer'],
    *check({ isMultiAgent, management }) {
      if (!isMultiAgent || management === undefined || management.node.has('shmem')) return;
      yield { place: { node: management.node.path }, message: 'shmem is missing' };
    },
  },
  {
    id: 'sci-management-page-phandle',
    severity: 'error',
    title: "`shmem` of Xen's own node names no node",
    consequence:
      'The driver goes on with an address and a size that nothing has set: what happens is not defined; seen were a refusal for lack of alignment.',
    hint: 'Refer to the `arm,scmi-shmem` node by its label.',
    documented: [document.driver],
    shows: ['smc-multiagent.no-shmem-node'],
    *check({ isMultiAgent, management }) {
      if (!isMultiAgent || management?.node.has('shmem') !== true || management.page !== undefined) return;
      yield {
        place: { node: management.node.path, property: 'shmem' },
        message: `phandle ${hex(management.node.u32('shmem') ?? 0)} means no node`,
      };
    },
  },
  {
    id: 'sci-page-no-address',
    severity: 'error',
    title: 'The page of a channel has no address that translates',
    consequence: 'The probe fails: there is no mediator.',
    hint: 'Give the node a `reg`, and the nodes above it cell counts and ranges that cover it.',
    documented: [document.booting],
    shows: ['smc-multiagent.collect.no-address', 'device-tree.address-error', 'vsmc.unhandled'],
    *check(configuration) {
      for (const { page, words } of channelPages(configuration)) {
        if (page.address !== undefined || nodesWithoutRanges(page).length > 0) continue;
        const reg = nodeReg(page.node);
        const why = reg.ok ? '' : `${reg.reason}${reg.bus === undefined ? '' : ` (${reg.bus})`}`;
        yield { place: { node: page.node.path, property: 'reg' }, message: `the page of ${words}: ${why}` };
      }
    },
  },
  {
    id: 'sci-page-not-aligned',
    severity: 'error',
    title: 'A page is not made of whole 4 KiB pages',
    consequence: 'The probe fails with -EINVAL: there is no mediator.',
    hint: 'Use an address and a size that are multiples of 0x1000.',
    documented: ['D1', 'v10-1', document.driver],
    shows: ['smc-multiagent.not-aligned', 'smc-multiagent.collect.not-aligned'],
    *check(configuration) {
      for (const { page, words, isManagement } of channelPages(configuration)) {
        const { address = 0, size = 0 } = page;
        const isAligned = size % pageSize === 0 && (isManagement || address % pageSize === 0);
        if (isAligned) continue;
        yield {
          place: { node: page.node.path, property: 'reg' },
          message: `the page of ${words} is at ${hex(address)}, size ${hex(size)}`,
        };
      }
    },
  },
  {
    id: 'sci-management-page-not-aligned',
    severity: 'error',
    title: "The address of Xen's own page is not aligned",
    consequence:
      'Nothing checks it, unlike those of the list: the message is put where firmware does not look, the channel stays busy (-16), and the probe fails.',
    hint: 'Use the address that firmware has for the channel.',
    documented: ['v10-1', document.driver],
    shows: ['smc-multiagent.response'],
    *check(configuration) {
      for (const { page, isManagement } of channelPages(configuration)) {
        if (!isManagement || page.address === undefined || page.address % pageSize === 0) continue;
        yield { place: { node: page.node.path, property: 'reg' }, message: `it is ${hex(page.address)}` };
      }
    },
  },
  {
    id: 'sci-page-zero',
    severity: 'error',
    title: 'A page that Xen maps is at address 0',
    consequence: 'A debug build of Xen fails an assertion and panics; a release build talks to address 0.',
    hint: 'Use the address that firmware has for the channel.',
    documented: [document.driver],
    shows: ['smc-multiagent.assertion', 'assertion'],
    *check(configuration) {
      for (const { page, words, isManagement } of channelPages(configuration)) {
        if (page.address !== 0 || !(isManagement || configuration.list.cells === 2)) continue;
        yield { place: { node: page.node.path, property: 'reg' }, message: `the page of ${words} is at 0` };
      }
    },
  },
  {
    id: 'sci-page-size-zero',
    severity: 'warning',
    title: 'A page has size 0',
    consequence:
      'Xen takes it and maps a whole page all the same; Linux, which maps what the node says, cannot use it.',
    hint: 'Set the size to 0x1000.',
    documented: [document.driver],
    *check(configuration) {
      for (const { page, words } of channelPages(configuration)) {
        if (page.size !== 0) continue;
        yield {
          place: { node: page.node.path, property: 'reg' },
          message: `the page of ${words} has size 0`,
        };
      }
    },
  },
  {
    id: 'sci-page-aborts',
    severity: 'error',
    title: "Xen's own page is where the machine answers with an abort",
    consequence: 'Xen maps the page to mark it free, takes a data abort, and panics.',
    hint: 'Use memory of the non-secure world that firmware shares.',
    documented: ['D6', document.driver],
    shows: ['traps.hypervisor-abort', 'traps.unexpected'],
    *check(configuration) {
      const { firmware } = configuration;
      if (firmware === null) return;
      const holes = abortingRanges(firmware.profile.name);
      for (const { page, words, isManagement } of channelPages(configuration)) {
        if (!isManagement && configuration.list.cells !== 2) continue;
        const { address = 0, size = 1 } = page;
        // Address 0, and what is not aligned, are mistakes with rules of their own.
        if (address === 0 || address % pageSize !== 0 || size % pageSize !== 0) continue;
        const hole = holes.find(each => address >= each.base && address < each.base + each.size);
        if (hole === undefined) continue;
        const what = hole.reason === 'secure' ? 'secure memory' : 'backed by nothing';
        yield {
          place: { node: page.node.path, property: 'reg' },
          message: `the page of ${words}, at ${hex(address)}, is ${what}`,
        };
      }
    },
  },
  {
    id: 'sci-page-in-ram',
    severity: 'warning',
    title: 'A page is inside memory that is given to Linux',
    consequence:
      'Xen may give the page to a domain as memory, and Linux does not map as a device what it has as memory: its SCMI probe fails, or messages are overwritten.',
    hint: 'Put the page into /reserved-memory, with `no-map`, or take it out of the memory node.',
    documented: ['D1', document.reservedMemory],
    *check(configuration) {
      const { tree } = configuration;
      const memory = [...tree.root.walk()].filter(node => node.string('device_type') === 'memory');
      const ram = memory.flatMap(regions);
      const reserved = tree.node('/reserved-memory')?.children ?? [];
      const withoutMap = reserved.filter(node => node.has('no-map')).flatMap(regions);
      const others = [...reserved.filter(node => !node.has('no-map')).flatMap(regions), ...tree.reservations];
      for (const page of pagesOfTree(configuration)) {
        if (!covers(ram, page.address) || covers(withoutMap, page.address)) continue;
        const isReserved = covers(others, page.address);
        yield {
          place: { node: page.node.path, property: 'reg' },
          message: isReserved
            ? `${hex(page.address)} is reserved memory, but without no-map`
            : `${hex(page.address)} is memory, and nothing reserves it`,
        };
      }
    },
  },
];

interface ChannelPage {
  readonly page: Page;
  /** The owner of the page. */
  readonly words: string;
  readonly isManagement: boolean;
}

/** Each page that the mediator reads the address of, once. */
function channelPages({ isMultiAgent, management, entries }: Configuration): ChannelPage[] {
  if (!isMultiAgent || management === undefined) return [];
  const own =
    management.page === undefined ? [] : [{ page: management.page, words: 'Xen', isManagement: true }];
  const listed = entries.flatMap(({ page, index }) =>
    page === undefined ? [] : [{ page, words: `entry ${index} of the list`, isManagement: false }],
  );
  return [...own, ...listed].filter(
    (each, index, all) => all.findIndex(({ page }) => page.node === each.page.node) === index,
  );
}

/** Pages of channels and of Dom0's node, each address once. */
function pagesOfTree({ isMultiAgent, management, entries, dom0 }: Configuration) {
  const listed = isMultiAgent ? [management?.page, ...entries.map(({ page }) => page)] : [];
  const byAddress = new Map<number, { node: DtNode; address: number }>();
  for (const page of [dom0.page, ...listed]) {
    if (page?.address === undefined || byAddress.has(page.address)) continue;
    byAddress.set(page.address, { node: page.node, address: page.address });
  }
  return byAddress.values();
}

interface Region {
  readonly address: number | bigint;
  readonly size: number | bigint;
}

function regions(node: DtNode): Region[] {
  const found: Region[] = [];
  for (let reg = nodeReg(node); reg.ok; reg = nodeReg(node, found.length)) {
    found.push({ address: reg.address, size: reg.size });
  }
  return found;
}

function covers(all: readonly Region[], address: number): boolean {
  return all.some(
    region => address >= region.address && address < BigInt(region.address) + BigInt(region.size),
  );
}
