/** Prediction of a scenario's boot and steps: the platform is driven through them, and all it shows is kept. */
import { escaped } from '../../config/text.ts';
import { lookQuestion, type LookQuestion, lookQuestions } from '../linux/look.ts';
import { commandText } from '../probe/command.ts';
import { commandOfStep, type ProbeStep, type ScmiStep } from '../probe/of-step.ts';
import type { Scenario, Step } from './scenario.ts';
import type { FirmwareMessage } from '../scmi/firmware-message.ts';
import { dom0Bootargs } from '../xen/modules.ts';
import { Expectations, patternOf } from './expectations.ts';
import { DomainHistory } from './history.ts';
import type { ConsoleLine, Reason } from '../trace/observation.ts';
import type { Platform } from './platform.ts';
import { predictPayload } from './predict-payload.ts';
import { predictedMessage } from './predicted-message.ts';
import type { Phase, PredictedLine, PredictedToolstackCall, Prediction } from './prediction.ts';
import { predictProbe } from './probe-answer.ts';
import { predictRaw } from './raw-answer.ts';
import {
  type GuestEndStep,
  ScenarioMachine,
  type StepListener,
  type ToolstackCall,
  type ToolstackStep,
} from './walk.ts';
import { claimsOf, type PredictedCommand, type PredictedConsoleLine } from './statements.ts';

export interface PredictOptions {
  /** Directory in Dom0 that guests' configurations are in, `/root` where absent: it stands in typed commands. */
  readonly directory?: string;
  /**
   * The deployment adds Dom0's kernel to the tree, and to the nodes of dom0less domains what they lack. Where absent:
   * it does if the tree names no boot module at all or one without its place, since no Xen is started with such a tree.
   */
  readonly dom0KernelIsAdded?: boolean | undefined;
  /**
   * `zephyr`: Dom0 is xen-troops' zephyr-dom0-xt. What it asks the firmware is not predicted; its toolstack, `xu`, makes
   * domains that are configured in its image, without SCMI (zephyr-xenlib, xen-dom-mgmt.c, arch_prepare_domain_cfg).
   */
  readonly dom0System?: 'zephyr' | undefined;
}

/**
 * Predicts a scenario.
 * @returns what a run of it has to show, each part with its reason
 * @throws {RangeError} for a firmware fault or quirk that does not exist
 */
export function predict(scenario: Scenario, options: PredictOptions = {}): Prediction {
  if (scenario.payload !== undefined) return predictPayload(scenario, scenario.payload);
  const run = new PredictedRun(scenario, options);
  run.boot();
  for (const [index, step] of scenario.steps.entries()) {
    run.step(index, step, scenario.steps[index + 1]);
  }
  return run.prediction();
}

const known = new WeakMap<Scenario, Map<string, Prediction>>();

/**
 * `predict`, once for as long as the scenario is there: what loads a scenario and what checks it ask for the same. A scenario
 * does not change once it is loaded.
 */
export function predictOnce(scenario: Scenario, options: PredictOptions = {}): Prediction {
  const { directory = defaultDirectory, dom0KernelIsAdded, dom0System } = options;
  const key = JSON.stringify([directory, dom0KernelIsAdded, dom0System]);
  const all = known.get(scenario) ?? new Map<string, Prediction>();
  const prediction = all.get(key) ?? predict(scenario, options);
  known.set(scenario, all.set(key, prediction));
  return prediction;
}

const defaultDirectory = '/root';

class PredictedRun implements StepListener<void> {
  readonly #scenario: Scenario;
  readonly #isZephyr: boolean;
  readonly #machine: ScenarioMachine;
  readonly #platform: Platform;
  readonly #expectations = new Expectations();
  readonly #lines: PredictedLine[] = [];
  readonly #predictedLines: PredictedConsoleLine[] = [];
  readonly #messages: FirmwareMessage[] = [];
  /** Observations of the machine during the running step. */
  #heard: ConsoleLine[] = [];
  readonly #calls: PredictedToolstackCall[] = [];
  readonly #commands = new Map<number, PredictedCommand>();
  readonly #milestones: string[] = [];
  readonly #history: DomainHistory;
  #phase: Phase = 'boot';

  constructor(scenario: Scenario, options: PredictOptions) {
    this.#scenario = scenario;
    this.#isZephyr = options.dom0System === 'zephyr';
    this.#machine = new ScenarioMachine(scenario, {
      ...options,
      directory: options.directory ?? defaultDirectory,
      observer: {
        console: line => this.#print(line),
        message: message => this.#messages.push(message),
      },
    });
    this.#platform = this.#machine.platform;
    this.#history = new DomainHistory(this.#platform, scenario);
  }

  boot(): void {
    if (!this.#platform.isXenSilent) {
      this.#reach('xen-banner', 'Xen starts', {
        rule: 'boot.xen',
        because: 'the boot loader hands over to Xen, which prints its banner',
      });
    }
    this.#platform.boot();
    this.#history.look();
    const { panic } = this.#platform;
    if (panic !== null && !this.#platform.isXenSilent)
      this.#reach('xen-panic', `Xen panics: ${panic.text}`, panicReason(panic));
    else if (this.#platform.isDom0Up && !this.#hasOwnInit()) {
      this.#reach('dom0-login', 'Dom0 can be logged in to', {
        rule: 'boot.dom0',
        because: 'Dom0 boots to its login',
      });
    }
  }

  /**
   * Without Dom0 nobody is there to use the toolstack. A device that is assigned right after a `create` is the guest's
   * before its kernel asks for it.
   */
  step(index: number, step: Step, next: Step | undefined): void {
    const inDomain = step.do === 'look' || step.do === 'command';
    this.#heard = [];
    if (this.#platform.panic !== null || !(inDomain || this.#platform.isDom0Up)) return;
    this.#phase = index;
    if (next?.do === 'assign-device') this.#platform.holdKernels();
    if (!this.#isZephyr || !this.#isOfZephyr(step)) this.#machine.take(step, this);
    if (next?.do !== 'assign-device') this.#platform.releaseKernels();
    this.#history.look();
  }

  toolstack(step: ToolstackStep, call: ToolstackCall): void {
    const { do: what, guest } = step;
    const before = this.#lines.length;
    const result = call.run();
    const { rc } = result;
    if (what === 'create') this.#history.created(this.#nameOf(guest), result);
    const words = what === 'create' ? `guest ${guest} is created` : `step of the scenario: ${what} ${guest}`;
    const printed = this.#lines.slice(before).filter(({ source }) => source === 'xl');
    const first = printed.find(line => line.optional === undefined && !isHarmless(line.reason.rule, what));
    const cause = (first ?? printed.at(-1))?.reason;
    const reason: Reason =
      rc === 0 || cause === undefined
        ? { rule: `xl.${what}`, because: rc === 0 ? `${words}, and nothing stands against it` : words }
        : { ...cause, because: `${words}, which fails: ${cause.because}` };
    this.#calls.push({ do: what, rc });
    this.#expectations.command(call.command, rc, this.#phase, reason);
    const output = printed.map(({ text }) => text).join('\n');
    this.#known({ command: call.command, exitStatus: rc, output }, 'dom0');
  }

  guestEnds({ do: what }: GuestEndStep, end: () => { readonly rc: number }): void {
    this.#calls.push({ do: what, rc: end().rc });
  }

  assignDevice({ do: what }: Step, assign: () => number): void {
    this.#calls.push({ do: what, rc: assign() });
  }

  look({ domain }: { readonly domain: string }): void {
    this.#known(unknownCommand(`look at ${domain}`), domain);
    for (const question of lookQuestions) this.#ask(domain, question);
  }

  command({ domain, run }: { readonly domain: string; readonly run: string }): void {
    const question = lookQuestion(run);
    this.#known(unknownCommand(run), domain);
    if (question !== undefined) this.#ask(domain, question);
  }

  /** Steps on a Dom0 without Linux: only the toolstack's making and ending of domains is predicted. */
  #isOfZephyr(step: Step): boolean {
    const subject = 'guest' in step ? step.guest : 'domain' in step ? step.domain : undefined;
    const isGuest = subject !== undefined && this.#scenario.guests.has(subject);
    if (!isGuest && subject !== 'dom0') return false;
    if (step.do === 'create' || step.do === 'destroy') {
      const reason = { rule: `xu.${step.do}`, because: `step of the scenario: ${step.do} ${step.guest}` };
      this.#expectations.command(`xu ${step.do} ${this.#nameOf(step.guest)}`, 0, this.#phase, reason);
    }
    return true;
  }

  prediction(): Prediction {
    this.#forbid();
    const { registered, errno, node, agentId, channels } = this.#platform.mediator;
    const panic = this.#platform.panic;
    const end = panic === null ? null : panicReason(panic);
    for (const claim of claimsOf(this.#scenario, {
      lines: this.#predictedLines,
      commands: this.#commands,
      milestones: this.#milestones,
      end,
    })) {
      this.#expectations.claim(claim);
    }
    return {
      schema: 2,
      xen: this.#scenario.xen,
      linux: this.#scenario.linux,
      mediator: { kind: this.#scenario.xen.mediator, registered, errno, node, agentId },
      agents: channels.map(channel => ({
        agentId: channel.agentId,
        functionId: hexadecimal(channel.functionId),
        shmem: hexadecimal(channel.address),
        domid: channel.domid,
      })),
      domains: this.#history.domains(),
      panic: panic?.text ?? null,
      console: this.#lines,
      toolstack: this.#calls,
      firmware: this.#messages.map(predictedMessage),
      expectations: this.#expectations.all,
      undefined: this.#platform.undefinedBehaviour,
    };
  }

  #ask(domain: string, question: LookQuestion): void {
    const view = this.#platform.view(this.#nameOf(domain));
    if (view === undefined) return;
    const { domid } = view.kernel.machine;
    this.#expectations.look(question, question.answer(view), domid, this.#phase, domain);
  }

  /** A domain that does not run the probe cannot be asked such things. */
  probe(step: ProbeStep): void {
    const command = commandOfStep(step);
    const name = this.#nameOf(step.domain);
    const program = this.#platform.probe(name);
    if (command === undefined || program === undefined) {
      this.#known(unknownCommand(command === undefined ? step.do : commandText(command)), step.domain);
      return;
    }
    const before = this.#messages.length;
    const answer = predictProbe(program, command, step.domain, () => ({
      lines: this.#heard,
      messages: this.#messages.slice(before),
    }));
    const domid = this.#platform.domains().find(domain => domain.name === name)?.domid;
    this.#expectations.answer('probe', answer, this.#phase, domid);
    this.#known(answer.predicted, step.domain);
  }

  /**
   * A message by Linux's raw mode. Whether the kernel has that, the run asks the domain: the answer is predicted in any
   * case.
   */
  raw(step: ScmiStep): void {
    const kernel = this.#platform.view(this.#nameOf(step.domain))?.kernel;
    const raw = kernel?.raw[0];
    if (kernel === undefined || raw === undefined) {
      this.#known(unknownCommand(step.do), step.domain);
      return;
    }
    const before = this.#messages.length;
    const answer = predictRaw(raw, step, () => ({
      lines: this.#heard,
      messages: this.#messages.slice(before),
    }));
    this.#expectations.answer('linux', answer, this.#phase, kernel.machine.domid);
    this.#known(answer.predicted, step.domain);
  }

  /** Keeps the command of the running step, with its answer, for the statements of the scenario. */
  #known(command: PredictedCommand, domain: string): void {
    if (typeof this.#phase !== 'number') return;
    const name = this.#nameOf(domain);
    const domid = domain === 'dom0' ? 0 : this.#platform.domains().find(each => each.name === name)?.domid;
    this.#commands.set(this.#phase, { ...command, domid });
  }

  #print(line: ConsoleLine): void {
    this.#heard.push(line);
    const { source, domid, level, text, reason, optional, free = [] } = line;
    const pattern = patternOf(line);
    this.#lines.push({
      source,
      ...(domid === undefined ? {} : { domid }),
      ...(level === undefined ? {} : { level }),
      text,
      pattern,
      reason,
      ...(optional === undefined ? {} : { optional }),
      ...(free.length === 0 ? {} : { free }),
    });
    // Of the others nobody judges what is neither owed nor forbidden.
    if (optional !== undefined && source !== 'xen') return;
    this.#predictedLines.push({ source, domid, level, text, phase: this.#phase, reason });
    this.#expectations.line(line, this.#phase);
  }

  #reach(name: string, text: string, reason: Reason): void {
    this.#milestones.push(name);
    this.#expectations.milestone(name, text, reason);
  }

  /** With an init of its own Dom0 may come to no login. */
  #hasOwnInit(): boolean {
    return /(?:^|\s)(?:rd)?init=/.test(dom0Bootargs(this.#scenario.hostTree) ?? '');
  }

  /** Lines that nothing in the configuration leads to. */
  #forbid(): void {
    if (this.#platform.panic === null) {
      this.#expectations.absent('panic', 'xen', 'Xen does not panic', '^Panic on CPU \\d+:$', {
        rule: 'model.no-panic',
        because: 'nothing in this configuration makes Xen panic',
      });
    }
    if (!this.#platform.showsInfo) {
      this.#expectations.absent('xen-version', 'xen', 'no message of level info', '^Xen version \\d', {
        rule: 'console.threshold',
        because: "Xen's command line holds back messages of level info, as the one of its version is",
      });
    }
    const predicted = this.#lines.filter(({ source }) => source === 'xen').map(predictedPattern);
    const others = predicted.length === 0 ? '' : `(?!${[...new Set(predicted)].join('|')})`;
    this.#expectations.absent(
      'mediator-error',
      'xen',
      'no error of the mediator beside those predicted',
      `^${others}(?:${mediatorErrors.map(escaped).join('|')}).*$`,
      {
        rule: 'model.no-error',
        because: 'the model predicts every message of the mediator, and none of these',
      },
    );
  }

  #nameOf(guest: string): string {
    return this.#machine.nameOf(guest);
  }
}

/**
 * A predicted line for use in front of others. The driver's one message without a newline may be seen alone, or with
 * anything behind it.
 */
function predictedPattern({ text, pattern }: PredictedLine): string {
  const [unfinished] = /^scmi: could not assign dev for .*? \(-?\d+\)/.exec(text) ?? [];
  return unfinished === undefined ? `(?:${pattern.replace(/^\^/, '')})` : escaped(unfinished);
}

const unknownCommand = (command: string): PredictedCommand => ({ command, exitStatus: null, output: null });

function panicReason({ rule, why, place }: { rule: string; why: string; place: string | undefined }): Reason {
  return place === undefined ? { rule, because: why } : { rule, because: why, place };
}

const hexadecimal = (value: number): string => `0x${value.toString(16)}`;

/** Whether a line of the toolstack is none of a failure: what follows the first of those cleans up after it. */
function isHarmless(rule: string, step: ToolstackStep['do']): boolean {
  return rule === `xl.${step}` || rule === 'xl.warning' || rule === 'libxl.type.converted';
}

/** How the mediator's error messages begin. */
const mediatorErrors = [
  'scmi: Failed',
  'scmi: Could not',
  'scmi: could not',
  'scmi: Invalid',
  'scmi: No ',
  'scmi: Wrong',
  'scmi: Not enough',
  'scmi: Unable',
  'scmi: unable',
  'scmi: shmem memory',
  'scmi: Device tree error',
  'scmi: Error received',
  'SCMI: mediator already',
  'SCMI: Only one',
  'SCMI: No ',
];
