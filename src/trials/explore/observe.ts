/**
 * A run of a scenario on a machine of the model, observed as a virtual board shows it, without the
 * board's transports. Thousands of runs take seconds.
 */
import type { SignSeen } from '../../verdict/console/sign.ts';
import { lookQuestion, lookQuestions } from '../../model/linux/look.ts';
import { rawMessageCommand } from '../../model/linux/raw-mode.ts';
import type { LinuxView } from '../../model/linux/view.ts';
import { FirmwareAlone } from '../../model/predict/firmware-alone.ts';
import type { Deviations } from '../../model/predict/deviations.ts';
import type { ConsoleLine } from '../../model/trace/observation.ts';
import type { Platform } from '../../model/predict/platform.ts';
import { probeReady } from '../../model/predict/predict-payload.ts';
import { probeOutcomes } from '../../model/probe/answer.ts';
import { commandText } from '../../model/probe/command.ts';
import { commandOfStep, type ProbeStep, type ScmiStep } from '../../model/probe/of-step.ts';
import type { Phase, Prediction } from '../../model/predict/prediction.ts';
import type { Scenario, Step } from '../../model/predict/scenario.ts';
import type {
  Observations,
  SeenAnswer,
  SeenFault,
  SeenLine,
  SeenMilestone,
  SeenSign,
} from '../../verdict/verify/observation.ts';
import {
  type GuestEndStep,
  ScenarioMachine,
  type StepListener,
  type ToolstackCall,
  type ToolstackStep,
} from '../../model/predict/walk.ts';

/** Runs a command line in a domain; `xl` says what Dom0's xl prints, by the words after it. */
export type AskDomain = (
  view: LinuxView,
  command: string,
  xl?: (words: readonly string[]) => string | undefined,
) => Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>;

export interface ObserveOptions {
  readonly scenario: Scenario;
  /** Commands of a look depend on the kernel's version. */
  readonly prediction: Prediction;
  /** Directory in Dom0 that guests' configurations are put in. */
  readonly directory: string;
  /** The bug of the machine; absent: none. */
  readonly deviations?: Deviations;
  readonly ask: AskDomain;
}

/** Boots the scenario's machine, takes its steps, and keeps what would have been recorded. */
export async function observe(options: ObserveOptions): Promise<Observations> {
  const run = new ObservedRun(options);
  run.boot();
  for (const [index, step] of options.scenario.steps.entries()) await run.step(index, step);
  return run.observations();
}

/** Whether a guest is there to be asked something, as far as the commands so far tell (machines/domain.ts). */
type GuestState = 'absent' | 'refused' | 'created' | 'unknown';

class ObservedRun implements StepListener<Promise<void>> {
  readonly #options: ObserveOptions;
  readonly #machine: ScenarioMachine;
  readonly #platform: Platform;
  /** The machine whose boot loader starts the probe; null where it starts Xen. */
  readonly #alone: FirmwareAlone | null;
  readonly #lines: SeenLine[] = [];
  readonly #signs: SeenSign[] = [];
  readonly #milestones: SeenMilestone[] = [];
  readonly #answers: SeenAnswer[] = [];
  readonly #faults: SeenFault[] = [];
  readonly #begun = new Set<Phase>(['boot']);
  readonly #notDone = new Map<Phase, string>();
  readonly #guests = new Map<string, GuestState>();
  #xl: string[] = [];
  #phase: Phase = 'boot';
  #place = 1;

  constructor(options: ObserveOptions) {
    const { scenario, deviations, directory } = options;
    const { firmware } = scenario;
    this.#options = options;
    const unheard = { console: () => {}, message: () => {} };
    this.#alone =
      scenario.payload === undefined ? null : new FirmwareAlone({ firmware, observer: unheard, deviations });
    const observer = { ...unheard, console: (line: ConsoleLine) => this.#hear(line) };
    this.#machine = new ScenarioMachine(scenario, { directory, observer, deviations });
    this.#platform = this.#machine.platform;
  }

  boot(): void {
    if (this.#alone !== null) return this.#reach(probeReady);
    this.#sign({ name: 'xen-banner', kind: 'milestone', talker: 'xen', text: 'Xen version' });
    this.#platform.boot();
    const { panic } = this.#platform;
    if (panic !== null) {
      this.#say('xen', 'Panic on CPU 0:');
      this.#sign({
        name: 'xen-panic',
        kind: 'fatal',
        talker: 'xen',
        text: 'Panic on CPU 0:',
        detail: panic.text,
      });
      return;
    }
    this.#sign({ name: 'xen-booted', kind: 'milestone', talker: 'xen', text: 'Freed 400kB init memory.' });
    if (this.#platform.isDom0Up) this.#reach('dom0-login');
  }

  /** Without Dom0 nobody can do anything. */
  async step(index: number, step: Step): Promise<void> {
    if (this.#alone === null && !this.#platform.isDom0Up) return;
    this.#phase = index;
    this.#begun.add(index);
    await this.#machine.take(step, this);
    this.#xl = [];
  }

  observations(): Observations {
    return {
      form: 'recording',
      board: 'model',
      scenario: this.#options.scenario.name,
      lines: this.#lines,
      signs: this.#signs,
      milestones: this.#milestones,
      answers: this.#answers,
      faults: this.#faults,
      gaps: [],
      begun: this.#begun,
      finished: this.#begun,
      notDone: this.#notDone,
      heardAlone: new Set(),
      ended: null,
      endedBy: 'interrupted',
    };
  }

  async toolstack({ do: what, guest }: ToolstackStep, { command, run }: ToolstackCall): Promise<void> {
    const isToCreate = this.#options.scenario.guests.has(guest);
    const state = this.#guests.get(guest) ?? (isToCreate ? 'absent' : 'created');
    const isThere = state === 'created' || state === 'unknown';
    if (!isThere && (what === 'shutdown' || what === 'reboot')) return;
    const { rc } = run();
    this.#answer('dom0', command, { status: rc, ...outputs(this.#xl) });
    const { succeeded, failed } = statesAfter[what];
    this.#guests.set(guest, rc === 0 ? succeeded : what === 'create' && isThere ? 'created' : failed);
    if (what === 'create' && rc === 0) this.#reach('domain-created', this.#machine.nameOf(guest));
  }

  async guestEnds({ guest }: GuestEndStep, end: () => unknown): Promise<void> {
    const name = this.#machine.nameOf(guest);
    if (this.#reachable(guest) === undefined) return;
    end();
    const isThere = this.#platform
      .domains()
      .some(domain => domain.name === name && domain.state === 'running');
    this.#guests.set(guest, isThere ? 'created' : 'absent');
  }

  async assignDevice(): Promise<void> {
    this.#notDone.set(this.#phase, 'no program in Dom0 issues XEN_DOMCTL_assign_device');
  }

  async look({ domain }: { readonly domain: string }): Promise<void> {
    for (const command of this.#lookCommands()) await this.#ask(domain, command);
  }

  async command({ domain, run }: { readonly domain: string; readonly run: string }): Promise<void> {
    await this.#ask(domain, run);
  }

  async #ask(domain: string, command: string): Promise<void> {
    const view = this.#reachable(domain);
    if (view === undefined) return;
    const isDom0 = view.kernel.machine.domid === 0;
    const answer = lookQuestion(command)?.answer(view);
    const given =
      answer === undefined
        ? await this.#options.ask(view, command, isDom0 ? words => this.#xlPrints(words) : undefined)
        : { status: answer.exitStatus, stdout: answer.text === '' ? '' : `${answer.text}\n`, stderr: '' };
    this.#answer(isDom0 ? 'dom0' : this.#machine.nameOf(domain), command, given);
  }

  async probe(step: ProbeStep): Promise<void> {
    const command = commandOfStep(step);
    const name = this.#machine.nameOf(step.domain);
    const probe = this.#alone?.probe ?? this.#platform.probe(name);
    if (command === undefined || probe === undefined) {
      this.#notDone.set(this.#phase, `${step.domain} runs no probe`);
      return;
    }
    const { outcome, text } = probe.obey(command);
    const status = probeOutcomes.indexOf(outcome);
    this.#answer(name, commandText(command), { status, stdout: text, stderr: '' });
  }

  async raw(step: ScmiStep): Promise<void> {
    const view = this.#reachable(step.domain);
    if (view === undefined) return;
    const { version, raw } = view.kernel;
    if (version.rawMode === 'none' || raw.length === 0) {
      this.#notDone.set(this.#phase, `the kernel of ${step.domain} has no SCMI raw mode`);
      return;
    }
    await this.#ask(step.domain, rawMessageCommand([step.header, ...step.payload]));
  }

  #xlPrints([command]: readonly string[]): string | undefined {
    if (command === 'list') return `${this.#platform.xlList().text}\n`;
    const log = this.#lines.filter(({ talker }) => talker === 'xen').map(({ text }) => `(XEN) ${text}\n`);
    return command === 'dmesg' ? log.join('') : undefined;
  }

  /** The domain's shell; where there is none the step says why. */
  #reachable(domain: string): LinuxView | undefined {
    if (domain === 'dom0') return this.#platform.view('dom0');
    const state = this.#guests.get(domain);
    const isAbsent = this.#options.scenario.guests.has(domain) && state === undefined;
    if (isAbsent || state === 'absent' || state === 'refused') {
      this.#notDone.set(this.#phase, `${domain} does not run`);
      return undefined;
    }
    const view = this.#platform.view(this.#machine.nameOf(domain));
    if (view === undefined) this.#fault(`waited for ${domain} to answer SSH`);
    return view;
  }

  #lookCommands(): readonly string[] {
    const { expectations } = this.#options.prediction;
    const asked = expectations.flatMap(({ kind, phase, command }) =>
      kind === 'answer' && phase === this.#phase && command !== undefined ? [command] : [],
    );
    return [...new Set([...lookQuestions.map(({ command }) => command), ...asked])];
  }

  /** Lines of the board's console, and lines of xl. */
  #hear({ source, domid, text, newline }: ConsoleLine): void {
    if (source === 'xl') this.#xl.push(text);
    if (source === 'xen') this.#say('xen', text, newline === false ? { unterminated: true } : {});
    // Xen shows what a domain prints that it has made itself (src/run/deploy/boot-modules.ts).
    if (source !== 'linux' || domid === undefined || (domid > 0 && this.#phase !== 'boot')) return;
    this.#say('linux', text, { domid });
    const detail = /^Kernel panic - not syncing: (.*)/.exec(text)?.[1];
    if (detail === undefined) return;
    this.#sign({ name: 'kernel-panic', kind: 'fatal', talker: 'linux', domid, text, detail });
  }

  #answer(domain: string, command: string, answer: Pick<SeenAnswer, 'status' | 'stdout' | 'stderr'>): void {
    this.#answers.push({ ...this.#here(), domain, command, ...answer });
    if (!/^\s*xl\b/.test(command)) return;
    for (const text of `${answer.stdout}\n${answer.stderr}`.split('\n'))
      if (text !== '') this.#say('xl', text);
  }

  #say(
    talker: SeenLine['talker'],
    text: string,
    more: { readonly domid?: number; readonly unterminated?: true } = {},
  ): void {
    this.#lines.push({ ...this.#here(), talker, text, ...more });
  }

  #sign(sign: Omit<SignSeen, 't' | 'number'>): void {
    this.#signs.push({ ...this.#here(), sign: { ...sign, t: 0, number: this.#place } });
  }

  #reach(name: string, domain?: string): void {
    const of = domain === undefined ? {} : { domain };
    this.#milestones.push({ ...this.#here(), name, text: name, ...of });
  }

  #fault(what: string): void {
    this.#faults.push({ ...this.#here(), class: 'board', what });
  }

  #here(): { readonly line: number; readonly phase: Phase } {
    return { line: this.#place++, phase: this.#phase };
  }
}

/** A guest after a command of the toolstack. */
const statesAfter = {
  create: { succeeded: 'created', failed: 'refused' },
  destroy: { succeeded: 'absent', failed: 'unknown' },
  shutdown: { succeeded: 'absent', failed: 'unknown' },
  reboot: { succeeded: 'created', failed: 'created' },
} as const satisfies Readonly<
  Record<ToolstackStep['do'], { readonly succeeded: GuestState; readonly failed: GuestState }>
>;

function outputs(printed: readonly string[]): { readonly stdout: string; readonly stderr: string } {
  const { output: stdout = [], error: stderr = [] } = Object.groupBy(printed, text =>
    text.startsWith('Parsing config') ? 'output' : 'error',
  );
  return { stdout: joined(stdout), stderr: joined(stderr) };
}

function joined(lines: readonly string[]): string {
  return lines.map(text => `${text}\n`).join('');
}
