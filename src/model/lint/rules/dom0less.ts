/** Domains that Xen creates: their nodes in /chosen and their partial trees. */
import type { DtNode } from '../../dt/tree.ts';
import { document, hex, type Rule } from '../rule.ts';
import { channels, served } from './guest.ts';

export const dom0lessRules: readonly Rule[] = [
  {
    id: 'sci-dom0less-type',
    severity: 'error',
    title: '`xen,sci_type` is none that this Xen serves',
    consequence: 'Xen panics before the domain is built.',
    hint: 'Use "scmi_smc_multiagent" with the multi-agent build, "scmi_smc" with the single-agent one, or "none".',
    documented: ['D22', document.booting],
    shows: [
      'dom0less.sci-type',
      'dom0less.sci-configuration',
      'dom0less.create-failed',
      'smc-multiagent.unsupported-type',
    ],
    *check({ dom0lessDomains, isMultiAgent, subject: { xen }, hasNoMediator }) {
      if (xen.mediator === 'none') return;
      for (const { node, name } of dom0lessDomains) {
        const type = node.string('xen,sci_type');
        if (!node.has('xen,sci_type') || type === 'none') continue;
        const own = isMultiAgent ? 'scmi_smc_multiagent' : 'scmi_smc';
        const isUnknown = type !== 'scmi_smc' && type !== 'scmi_smc_multiagent';
        // Without a mediator a type that is known is accepted, and means nothing.
        if (type === own || (!isUnknown && hasNoMediator)) continue;
        yield {
          place: { node: node.path, property: 'xen,sci_type' },
          message: `${name} asks for "${type ?? ''}", and this build serves ${own}`,
        };
      }
    },
  },
  {
    id: 'sci-dom0less-agent-id',
    severity: 'error',
    title: '`xen,sci-agent-id` is missing or above 254',
    consequence: 'Xen panics before the domain is built.',
    hint: 'Set it to the id of a listed agent.',
    documented: ['D22', 'v8-2', document.booting],
    shows: ['dom0less.sci-configuration'],
    *check({ dom0lessDomains, isMultiAgent }) {
      if (!isMultiAgent) return;
      for (const { node, sciType, agentId } of dom0lessDomains) {
        if (sciType !== 'scmi_smc_multiagent' || agentId !== undefined) continue;
        const written = node.u32('xen,sci-agent-id');
        yield {
          place: { node: node.path, property: 'xen,sci-agent-id' },
          message: written === undefined ? 'it is missing' : `it is ${written}`,
        };
      }
    },
  },
  {
    id: 'sci-dom0less-incomplete',
    severity: 'error',
    title: 'A node of a dom0less partial tree lacks part of its pass-through',
    consequence: 'Xen does not build the domain, and panics.',
    hint: 'A page needs `xen,reg` and `xen,force-assign-without-iommu`; a device needs `xen,reg` and `xen,path`, and the former too where it has no IOMMU.',
    documented: ['D22', 'D23', document.booting, document.dom0less],
    shows: [
      'dom0less.passthrough-incomplete',
      'dom0less.assign-failed',
      'dom0less.no-host-node',
      'dom0less.set-up-failed',
    ],
    *check({ dom0lessDomains, tree }) {
      for (const { partial } of dom0lessDomains) {
        for (const node of partial?.nodes ?? []) {
          const message = whyIncomplete(node, path => tree.node(path));
          if (message !== undefined && partial !== undefined) yield { place: partial.at(node), message };
        }
      }
    },
  },
  {
    id: 'sci-dom0less-next-page',
    severity: 'note',
    title: 'A dom0less domain may be given the page after its own',
    consequence:
      'Xen rounds the end of `xen,reg` up by a page: the page is not mapped, but the domain has the right to it.',
    hint: 'Nothing in the configuration helps but an agent whose next page is no channel.',
    documented: ['D22', document.dom0less],
    *check(configuration) {
      for (const { kind, name, mappings } of served(configuration)) {
        if (kind !== 'dom0less') continue;
        for (const { machine, size, place } of mappings) {
          const next = channels(configuration).find(({ address }) => address === machine + size);
          if (next !== undefined)
            yield { place, message: `${name} has a right to ${hex(next.address)} of ${next.whose}` };
        }
      }
    },
  },
];

function whyIncomplete(node: DtNode, hostNode: (path: string) => DtNode | undefined): string | undefined {
  const path = node.string('xen,path');
  const force = node.has('xen,force-assign-without-iommu');
  if (path === undefined) {
    return node.has('xen,reg') && !force
      ? 'xen,reg without xen,path or xen,force-assign-without-iommu'
      : undefined;
  }
  if (!node.has('xen,reg')) return 'xen,path without xen,reg';
  const device = hostNode(path);
  if (device === undefined) return `xen,path names ${path}, which the host tree lacks`;
  return device.has('iommus') || force
    ? undefined
    : `${path} has no iommus, and xen,force-assign-without-iommu is missing`;
}
