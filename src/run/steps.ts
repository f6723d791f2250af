/** Actions of each kind of step. Commands and answers are recorded between the step's start and its end. */
import { escaped } from '../config/text.ts';
import { failure, type Fault } from '../../machines/fault.ts';
import type { StepResult } from '../../machines/steps.ts';
import type { Expectation, Prediction } from '../model/predict/prediction.ts';
import type { ConsoleMark } from '../verdict/console/expect.ts';
import { commandText } from '../model/probe/command.ts';
import { commandOfStep, type ProbeStep, type ScmiStep } from '../model/probe/of-step.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import type { Step } from '../model/predict/scenario.ts';
import type { BoardConsole } from './board-console.ts';
import { deadline, pause, type RunClock } from './clock.ts';
import { toolstackOf } from './domain-commands.ts';
import type { Guests } from './guests.ts';
import { lookQuestions } from '../model/linux/look.ts';
import type { Probes } from './probes.ts';
import { sendRaw } from './raw-mode.ts';
import { couldNotRun } from './shells/framed-command.ts';
import { dom0, type ShellPool } from './shells/pool.ts';

export interface StepActor {
  readonly console: BoardConsole;
  readonly shells: ShellPool;
  readonly guests: Guests;
  readonly probes: Probes;
  readonly recorder: Recorder;
  readonly clock: RunClock;
  readonly prediction: Prediction;
  /** Milliseconds that Xen gets to print what it prints after a step. */
  readonly settleFor: number;
}

/** Runs one step; a fault of a guest is not the end of the steps. */
export async function runStep(
  index: number,
  step: Step,
  actor: StepActor,
  signal: AbortSignal,
): Promise<StepResult> {
  const record = (phase: 'started' | 'finished', detail?: string) =>
    actor.recorder.record('run', {
      kind: 'step',
      data: { index, do: step.do, phase, ...(detail !== undefined && { detail }) },
    });
  record('started', subject(step));
  const mark = actor.console.mark();
  try {
    const { fault, detail } = await perform(index, step, actor, signal);
    if (fault === null) await settle(index, step, mark, actor, signal);
    await actor.console.quiet(signal);
    record('finished', fault?.what ?? detail);
    // Steps after a failure of the lab would be judged by its consequences.
    return { faults: fault === null ? [] : [fault], goOn: fault?.class !== 'infrastructure' };
  } catch (error) {
    const fault = failure(`step ${index + 1} (${step.do})`, error, 'board');
    // Cut short from outside, the step is not over: what it had still to show is not missing.
    if (!signal.aborted) record('finished', fault.what);
    return { faults: [fault], goOn: false };
  }
}

/**
 * Waits for what the step still has to show: Xen frees a domain, and its agent, seconds after `xl destroy` has
 * returned, and a guest touches its pages seconds after `xl create`. A release build prints nothing of it, so the
 * list of domains tells. What does not come by the deadline is for the verdict.
 */
async function settle(
  index: number,
  step: Step,
  mark: ConsoleMark,
  { console, shells, guests, clock, prediction, settleFor }: StepActor,
  signal: AbortSignal,
): Promise<void> {
  const due = prediction.expectations.filter(
    ({ kind, phase, source, claim }) =>
      kind === 'line' && phase === index && source === 'xen' && claim === undefined,
  );
  using limit = deadline(clock, settleFor, 'what Xen still prints', signal);
  try {
    await console.until(() => (allSaid(due, console.xenSince(mark)) ? true : undefined), limit.signal);
    const isEnd = step.do === 'destroy' || step.do === 'shutdown';
    if (!isEnd || due.some(({ text }) => /Free domain/.test(text)) || !guests.isGone(step.guest)) return;
    const listed = new RegExp(`^(?:${escaped(guests.nameOf(step.guest))}|\\(null\\)) `, 'm');
    while (listed.test((await shells.read(dom0, toolstackOf({}).list, { signal })).stdout)) {
      await pause(clock, betweenLists, limit.signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.signal.aborted) throw error;
  }
}

/** Each expected line takes one that was printed, so that two alike need two. */
function allSaid(due: readonly Expectation[], said: readonly string[]): boolean {
  const left = [...said];
  return due.every(({ pattern }) => {
    const at = left.findIndex(text => new RegExp(pattern).test(text.trimEnd()));
    if (at < 0) return false;
    left.splice(at, 1);
    return true;
  });
}

const betweenLists = 250;

interface Performed {
  readonly fault: Fault | null;
  readonly detail?: string;
}

const fine: Performed = { fault: null };

async function perform(index: number, step: Step, actor: StepActor, signal: AbortSignal): Promise<Performed> {
  const { guests, clock, probes } = actor;
  switch (step.do) {
    case 'create':
    case 'destroy':
    case 'shutdown':
    case 'reboot':
      if (!guests.canBe(step.do)) {
        return { fault: null, detail: `not done: the toolstack of this Dom0 has no ${step.do}` };
      }
      await probes.forget(guests.nameOf(step.guest));
      return { fault: await guests.tell(step.guest, { type: step.do }, signal) };
    case 'guest-powers-off':
    case 'guest-reboots':
    case 'guest-crashes':
      return inDomain(step.guest, actor, signal, async () => {
        const end = await guests.endByItself(step.guest, step.do, signal);
        return end === 'unchanged' ? `${step.guest} still runs` : undefined;
      });
    case 'look':
      if (guests.whatRuns(step.domain) === 'zephyr') {
        return { fault: null, detail: `not done: ${step.domain} runs Zephyr, which has nothing to look at` };
      }
      if (isToPanic(guests.nameOf(step.domain), actor.prediction)) {
        return { fault: null, detail: `not looked at: the kernel of ${step.domain} is predicted to panic` };
      }
      return inDomain(step.domain, actor, signal, async () => {
        const commands = lookCommands(index, actor.prediction);
        const domain = guests.nameOf(step.domain);
        const ready = {
          command: mountSysfs,
          attempt: `look at ${step.domain}: mount sysfs on its empty /sys`,
          hint: `mount sysfs on /sys in the image of ${step.domain}`,
        };
        await actor.shells.runAll(domain, ready, commands, { signal });
      });
    case 'command':
      return inDomain(step.domain, actor, signal, async () => {
        const mayBeMissing = expectsMissing(index, actor.prediction);
        await actor.shells.run(guests.nameOf(step.domain), step.run, { signal, mayBeMissing });
      });
    case 'assign-device':
      return { fault: null, detail: 'not done: Dom0 has no program that issues XEN_DOMCTL_assign_device' };
    case 'scmi':
      return guests.whatRuns(step.domain) === 'linux'
        ? askKernel(step, actor, signal)
        : askProbe(step, actor, signal);
    case 'smc':
    case 'memory':
      return askProbe(step, actor, signal);
    case 'wait':
      await pause(clock, step.milliseconds, signal);
      return fine;
    default:
      return step satisfies never;
  }
}

/** An image whose init mounts neither sysfs nor debugfs says nothing about its kernel. */
const mountSysfs =
  'ls /sys/kernel/debug/clk >/dev/null 2>&1 || mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; ls /sys/bus >/dev/null 2>&1 || mount -t sysfs sysfs /sys';

/** Whether the kernel of a guest is predicted to panic: nothing in it can be asked then. */
function isToPanic(name: string, { domains, expectations }: Prediction): boolean {
  const domid = domains.findLast(domain => domain.name === name && domain.domid !== 0)?.domid;
  return (
    domid !== undefined &&
    expectations.some(
      ({ kind, source, domid: whose, text }) =>
        kind === 'line' &&
        source === 'linux' &&
        whose === domid &&
        text.includes('Kernel panic - not syncing'),
    )
  );
}

/** Whether a step is predicted to find no program: exit status 126 or 127. */
function expectsMissing(index: number, { expectations }: Prediction): boolean {
  return expectations.some(
    ({ kind, phase, exitStatus = 0 }) =>
      kind === 'answer' && phase === index && couldNotRun({ status: exitStatus }),
  );
}

/** Sends a message by the domain's Linux, or says why it is not sent. */
async function askKernel(step: ScmiStep, actor: StepActor, signal: AbortSignal): Promise<Performed> {
  const domain = actor.guests.nameOf(step.domain);
  return inDomain(step.domain, actor, signal, () => sendRaw(domain, step, actor.shells, signal));
}

/** Asks a probe, or says why it is not asked. */
async function askProbe(step: ProbeStep, actor: StepActor, signal: AbortSignal): Promise<Performed> {
  const { guests, probes } = actor;
  const { domain } = step;
  const command = commandOfStep(step);
  const runs = guests.whatRuns(domain);
  if (command === undefined || runs === 'linux') {
    return { fault: null, detail: `not done: the Linux of ${domain} has no way to do it` };
  }
  if (runs === 'probe' && !guests.mayRun(domain)) return { fault: null, detail: `${domain} does not run` };
  try {
    await probes.ask(guests.nameOf(domain), commandText(command), signal);
    return fine;
  } catch (error) {
    if (runs === 'payload' || signal.aborted) throw error;
    await probes.forget(guests.nameOf(domain));
    return { fault: failure(`ask the probe in ${domain}`, error, 'board') };
  }
}

/** Does something in a domain that can be reached, or says why not. */
async function inDomain(
  domain: string,
  { guests, shells }: StepActor,
  signal: AbortSignal,
  act: () => Promise<string | undefined | void>,
): Promise<Performed> {
  if (domain !== dom0) {
    if (guests.whatRuns(domain) === 'probe') {
      return { fault: null, detail: `not done: ${domain} runs the probe, which has no shell` };
    }
    if (!guests.mayRun(domain)) return { fault: null, detail: `${domain} does not run` };
    if (!shells.canReach(guests.nameOf(domain)))
      return { fault: null, detail: `the lab names no address of ${domain}` };
    const fault = await guests.tell(domain, { type: 'reach' }, signal);
    if (fault !== null) return { fault };
  }
  try {
    const detail = await act();
    return typeof detail === 'string' ? { fault: null, detail } : fine;
  } catch (error) {
    // Without Dom0 there is nothing to go on with; a guest may be lost alone.
    if (domain === dom0 || signal.aborted) throw error;
    await shells.read(dom0, 'true', { signal });
    await guests.tell(domain, { type: 'lost' }, signal);
    return { fault: failure(`ask ${domain}`, error, 'board') };
  }
}

function subject(step: Step): string | undefined {
  if ('guest' in step) return step.guest;
  return 'domain' in step ? step.domain : undefined;
}

/**
 * @param index the step's
 * @returns each command once: the questions that every look asks, then what the prediction asks beside them
 */
function lookCommands(index: number, prediction: Prediction): string[] {
  const asked = prediction.expectations
    .filter(({ kind, phase }) => kind === 'answer' && phase === index)
    .flatMap(({ command }) => command ?? []);
  return [...new Set([...lookQuestions.map(({ command }) => command), ...asked])];
}
