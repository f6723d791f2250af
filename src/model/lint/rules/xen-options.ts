/** The build of Xen and its command line. */
import type { Configuration } from '../configuration.ts';
import { hasSciSeries } from '../../xen/version.ts';
import type { Place } from '../finding.ts';
import { document, type Rule } from '../rule.ts';

export const xenOptionRules: readonly Rule[] = [
  {
    id: 'sci-build-single-agent',
    severity: 'error',
    title: 'Dom0 asks for an agent of a Xen with the single-agent driver',
    consequence:
      'Dom0 asks for the multi-agent mediator whenever `xen,dom0-sci-agent-id` is there; the other driver refuses it (-22), and Xen panics.',
    hint: 'Build Xen with CONFIG_SCMI_SMC_MA=y (CONFIG_SCMI_SMC is the default of that choice), or remove the property.',
    documented: ['D24', 'v11-T5', document.booting],
    shows: ['dom0.create-failed', 'scmi-smc.already-registered'],
    *check({ subject: { xen }, container, dom0 }) {
      if (xen.mediator !== 'single-agent' || !hasSciSeries(xen)) return;
      if (container === undefined || dom0.agentId === undefined || !dom0.exists) return;
      yield {
        place: { node: container.path, property: 'xen,dom0-sci-agent-id' },
        message: `it is ${dom0.agentId}`,
      };
    },
  },
  {
    id: 'sci-build-other-mediator',
    severity: 'warning',
    title: 'This build of Xen does not serve the container',
    consequence: 'The `xen,sci` container is ignored: no domain gets an agent of its list.',
    hint: 'Build Xen with the series and CONFIG_SCMI_SMC_MA=y.',
    documented: ['D24', document.scmi],
    *check({ subject: { xen }, isMultiAgent, container, dom0 }) {
      if (isMultiAgent || container === undefined) return;
      if (xen.mediator === 'single-agent' && hasSciSeries(xen) && dom0.agentId !== undefined) return;
      const driver = { 'multi-agent': 'multi-agent', 'single-agent': 'single-agent', none: 'no' }[
        xen.mediator
      ];
      const version = xen.version === undefined ? '' : `Xen ${xen.version} with `;
      yield { place: { node: container.path }, message: `${version}${driver} SCMI driver` };
    },
  },
  {
    id: 'sci-single-agent-passthrough',
    severity: 'error',
    title: 'A domain asks for `scmi_smc` without `scmi-smc-passthrough`',
    consequence:
      'The single-agent driver serves Dom0 then, and refuses the domain with -EINVAL: xl fails, and a dom0less domain is a panic.',
    hint: "Add `scmi-smc-passthrough` to Xen's command line; Dom0 then has no SCMI.",
    documented: ['v11-T5', document.commandLine],
    shows: ['libxl.create.refused', 'dom0less.create-failed'],
    *check({ subject: { xen }, commandLine, domains }) {
      if (xen.mediator !== 'single-agent' || commandLine.scmiSmcPassthrough) return;
      for (const { name, sciType, place } of domains) {
        if (sciType === 'scmi_smc') yield { place, message: `${name} asks for scmi_smc` };
      }
    },
  },
  {
    id: 'sci-log-level',
    severity: 'note',
    title: "Xen does not print the mediator's debug lines",
    consequence:
      'Of a mediator that works nothing is seen but `scmi: Acquire channel id`: neither the probe, nor the messages, nor `Free domain`.',
    hint: "Add `loglvl=all` to Xen's command line.",
    documented: [document.commandLine],
    *check(configuration) {
      const { isMultiAgent, container, commandLine } = configuration;
      if (!isMultiAgent || container === undefined || commandLine.log.upper > debugLevel) return;
      yield { place: bootargs(configuration), message: levelMessage(configuration, 'loglvl') };
    },
  },
  {
    id: 'sci-guest-log-level',
    severity: 'note',
    title: 'Xen does not print what it says of guests',
    consequence:
      'A call with a function id that is not the domain’s is refused without `Unhandled SMC/HVC` being printed.',
    hint: "Add `guest_loglvl=all` to Xen's command line.",
    documented: [document.commandLine],
    *check(configuration) {
      const { isMultiAgent, container, commandLine } = configuration;
      if (!isMultiAgent || container === undefined || commandLine.guestLog.upper > infoLevel) return;
      yield { place: bootargs(configuration), message: levelMessage(configuration, 'guest_loglvl') };
    },
  },
  {
    id: 'sci-release-build',
    severity: 'note',
    title: 'A release build of Xen has no dprintk lines',
    consequence: 'A domain whose SCI type the driver refuses fails without `scmi: Unsupported ARM_SCI type`.',
    hint: 'Use a build with CONFIG_DEBUG=y while a configuration is brought up.',
    documented: [document.driver],
    *check({ isMultiAgent, container, subject: { xen } }) {
      if (!isMultiAgent || container === undefined || xen.debug) return;
      yield { place: { node: container.path }, message: 'Xen is built with debug=n' };
    },
  },
  {
    id: 'sci-console-timestamps',
    severity: 'note',
    title: 'Xen puts times into its lines',
    consequence: 'A time in brackets follows `(XEN) `; scripts that match line beginnings have to know it.',
    hint: 'Remove `console_timestamps` where others read the log.',
    documented: [document.commandLine],
    *check(configuration) {
      const { isMultiAgent, container, commandLine } = configuration;
      if (!isMultiAgent || container === undefined) return;
      const argument = /(?:^|\s)(console_timestamps(?:=(?!none\b|no\b|0\b|off\b|false\b)\S+)?)(?:\s|$)/.exec(
        commandLine.text,
      )?.[1];
      if (argument !== undefined) yield { place: bootargs(configuration), message: argument };
    },
  },
  {
    id: 'sci-no-noreboot',
    severity: 'note',
    title: 'A panic of Xen reboots the board',
    consequence:
      'Five seconds after a panic the board boots again, and again; what follows on the console is another boot.',
    hint: "Add `noreboot` to Xen's command line.",
    documented: [document.commandLine],
    *check(configuration) {
      const { isMultiAgent, container, commandLine } = configuration;
      if (!isMultiAgent || container === undefined || commandLine.noreboot) return;
      yield { place: bootargs(configuration), message: "noreboot is not on Xen's command line" };
    },
  },
];

/** Of XENLOG_INFO and XENLOG_DEBUG: a threshold has to be above them. */
const infoLevel = 2;
const debugLevel = 3;

function bootargs({ tree }: Configuration): Place {
  const property = tree.node('/chosen')?.has('xen,xen-bootargs') === true ? 'xen,xen-bootargs' : 'bootargs';
  return { node: '/chosen', property };
}

function levelMessage({ commandLine, subject }: Configuration, option: string): string {
  const argument = new RegExp(`(?:^|\\s)(${option}=\\S+)`).exec(commandLine.text)?.[1];
  return (
    argument ?? `no ${option}, and the default of a ${subject.xen.debug ? 'debug' : 'release'} build is lower`
  );
}
