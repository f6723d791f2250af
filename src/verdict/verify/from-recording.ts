/** A run's recording as observations. */
import type { ConsoleTalker } from '../console/line.ts';
import { ConsoleReader } from '../console/reader.ts';
import { troubleOf } from '../console/signs.ts';
import type { Phase, Prediction } from '../../model/predict/prediction.ts';
import { bytesOf } from '../recording/bytes.ts';
import type { CpuTime, RecordedEvent, RunHeader } from '../recording/event.ts';
import type {
  Observations,
  Place,
  SeenAnswer,
  SeenFault,
  SeenGap,
  SeenMilestone,
  SeenSign,
} from './observation.ts';
import { Kept } from './evidence/kept.ts';
import { Log } from './evidence/log.ts';
import { linesOf } from './evidence/text-lines.ts';
import { OneRun } from './one-run.ts';
import { isMissed } from './passed-over.ts';

/** The observations of a run, made of the events of its recording as they are read. */
export class RunSeen {
  readonly #consoles = new Map<string, ConsoleReader>();
  /** UARTs beside the console, each with who writes there. */
  readonly #uarts = new Map<string, readonly string[]>();
  readonly #kept: Kept;
  readonly #milestones: SeenMilestone[] = [];
  readonly #answers: SeenAnswer[] = [];
  readonly #faults: SeenFault[] = [];
  readonly #gaps: SeenGap[] = [];
  readonly #retried: string[] = [];
  readonly #begun = new Set<Phase>(['boot']);
  readonly #finished = new Set<Phase>();
  /** Detail of a step at its end. */
  readonly #details = new Map<Phase, string>();
  /** Kind of each step. */
  readonly #kinds = new Map<Phase, string>();
  /** Steps in which something was asked. */
  readonly #asked = new Set<Phase>();
  #phase: Phase = 'boot';
  #place: Place = { line: 1 };
  readonly #oneRun = new OneRun();
  #header: RunHeader | undefined;
  #outcome: string | undefined;
  #cpu: CpuTime | undefined;
  #logs: NonNullable<Observations['logs']> = {};
  /** Line of the recording at which a step was over, or a milestone was reached: logs were not yet read then. */
  #settled = 0;
  #startedAgain = false;
  /** By this run. */
  #poweredOn = false;
  /** Time of the last power-on. */
  #onSince: number | undefined;
  /** The board was switched off since it was last switched on. */
  #wasOff = false;
  /** The lab has failed: what comes now is of no run. */
  #isOver = false;
  #isCutting = false;
  #isAtEnd = false;
  /** Consoles of which the next line may be the end of one whose begin nobody heard. */
  readonly #torn = new Set<string>();

  /** @param prediction that the run is held to */
  constructor(prediction: Pick<Prediction, 'expectations'>) {
    this.#kept = new Kept(prediction);
  }

  /** @param place line of recording.jsonl */
  take(event: RecordedEvent, line: number): void {
    const place = { line, t: event.t };
    this.#place = place;
    this.#oneRun.take(event, line);
    const here = { ...place, phase: this.#phase };
    if (this.#isOver && event.kind !== 'fault' && event.kind !== 'run-finished') return;
    switch (event.kind) {
      case 'run-started':
        this.#header ??= event.data;
        for (const [name, talkers] of Object.entries(event.data.uarts ?? {})) this.#uarts.set(name, talkers);
        break;
      case 'received':
        // The talker is unknown.
        if (this.#uarts.get(event.data.console)?.length === 0) break;
        this.#console(event.data.console).feed(bytesOf(event.data), event.t);
        break;
      case 'power':
        this.#power(event.data.action, event.t);
        break;
      case 'note':
        if (event.data.retried) this.#retried.push(event.data.text);
        break;
      case 'line':
        if (event.data.state === 'back') this.#retried.push(event.data.detail);
        this.#line(event.data, here);
        break;
      case 'milestone':
        this.#milestone(event.data, here);
        break;
      case 'step':
        this.#step(event.data);
        break;
      case 'answer':
        this.#answer(event.data, event.source === 'console' ? { ...here, isTyped: true } : here);
        break;
      case 'log':
        if (event.source === 'ssh') this.#log(event.data, here);
        break;
      case 'command':
        this.#asked.add(this.#phase);
        break;
      case 'fault':
        this.#fault(event.data, here);
        break;
      case 'run-finished':
        this.#outcome = event.data.outcome;
        this.#cpu = event.data.cpu;
        break;
    }
  }

  get header(): RunHeader | undefined {
    return this.#header;
  }

  get cpu(): CpuTime | undefined {
    return this.#cpu;
  }

  get milliseconds(): number {
    return this.#place.t ?? 0;
  }

  observations(): Observations {
    this.#isAtEnd = true;
    for (const reader of this.#consoles.values()) reader.end(this.#place.t ?? 0);
    const ended = this.#ended();
    const notDone = this.#notDone();
    const passedOver = this.#passedOver(notDone);
    if (ended === null) this.#finished.add(this.#phase);
    return {
      form: 'recording',
      board: this.#header?.board ?? '',
      scenario: this.#header?.scenario ?? '',
      header: this.#header,
      flaws: this.#oneRun.flaws(),
      deployed: this.#header?.images,
      lines: this.#kept.lines,
      signs: this.#kept.signs,
      milestones: this.#milestones,
      answers: this.#answers,
      logs: this.#logs,
      faults: this.#faults,
      gaps: this.#gaps,
      retried: this.#retried,
      begun: this.#begun,
      finished: this.#finished,
      notDone,
      ...(passedOver !== undefined && { passedOver }),
      heardAlone: new Set([...this.#consoles.keys()].flatMap(name => alone(this.#uarts.get(name)) ?? [])),
      ended,
      endedBy: this.#outcome === 'infrastructure' ? 'infrastructure' : 'interrupted',
    };
  }

  #console(name: string): ConsoleReader {
    const known = this.#consoles.get(name);
    if (known !== undefined) return known;
    const owner = alone(this.#uarts.get(name));
    const reader = new ConsoleReader(
      {
        line: ({ talker, domid, text, stamp, unterminated, restIn, damaged }) => {
          if (this.#isCutting || this.#startedAgain) return;
          // A text that begins as lines do is whole.
          if (this.#torn.delete(name) && talker !== 'xen' && stamp === undefined) return;
          this.#kept.line(
            {
              ...this.#place,
              talker,
              ...(domid !== undefined && { domid }),
              text,
              phase: this.#phase,
              ...(unterminated && { unterminated }),
              stamp,
              ...(restIn !== undefined && { restIn }),
              ...(damaged && { damaged }),
              ...(this.#isAtEnd && unterminated && { isCut: true }),
            },
            name,
          );
        },
        sign: sign => {
          if (this.#startedAgain) return;
          this.#startedAgain = sign.kind === 'reset';
          this.#kept.sign({ ...this.#place, sign, phase: this.#phase });
        },
      },
      { history: 0, ...(owner !== undefined && { alone: owner }) },
    );
    this.#consoles.set(name, reader);
    return reader;
  }

  /**
   * An attempt to boot that was made again counts as little as what was said before the first one, but for a crash
   * in it of what is tested.
   */
  #power(action: Extract<RecordedEvent, { kind: 'power' }>['data']['action'], t: number): void {
    if (action === 'off') this.#wasOff = true;
    if (action !== 'on') return;
    this.#onSince = t;
    for (const reader of this.#consoles.values()) reader.powerOn(t);
    if (!this.#wasOff || this.#phase !== 'boot') return;
    this.#wasOff = false;
    this.#startedAgain = false;
    this.#finished.clear();
    this.#kept.restart(this.#poweredOn ? this.#kept.signs.filter(({ sign }) => isCrash(sign)) : []);
    this.#poweredOn = true;
    for (const seen of [this.#milestones, this.#gaps]) seen.length = 0;
  }

  #line({ console, state }: Extract<RecordedEvent, { kind: 'line' }>['data'], here: SeenGap['from']): void {
    const talkers = this.#uarts.get(console);
    const of = alone(talkers);
    if (talkers?.length === 0) return;
    if (state === 'away') {
      // An incomplete line is ignored.
      this.#isCutting = true;
      this.#consoles.get(console)?.end(here.t ?? 0);
      this.#isCutting = false;
      this.#torn.add(console);
      this.#gaps.push({ from: here, ...(of !== undefined && { of }) });
    } else {
      const index = this.#gaps.findLastIndex(gap => gap.of === of && gap.to === undefined);
      const gap = this.#gaps[index];
      if (gap !== undefined) this.#gaps[index] = { ...gap, to: here };
    }
  }

  /** A step that a fault ended tells so first; it did not come to its own end. */
  #fault(data: Extract<RecordedEvent, { kind: 'fault' }>['data'], here: Place & { phase: Phase }): void {
    if (data.class === 'board') {
      this.#faults.push({ ...data, ...here });
      return;
    }
    this.#isOver = true;
    const step = [...this.#details].find(([, detail]) => detail === data.what)?.[0] ?? this.#phase;
    this.#faults.push({ ...data, ...here, phase: step });
    if (this.#details.get(step) === data.what) this.#finished.delete(step);
  }

  #milestone(
    data: Extract<RecordedEvent, { kind: 'milestone' }>['data'],
    here: Place & { phase: Phase },
  ): void {
    this.#settled = here.line;
    const { name, domain, line } = data;
    this.#milestones.push({ ...here, name, text: line ?? name, ...(domain !== undefined && { domain }) });
    if (name === 'dom0-login' && ofDom0(domain)) this.#finished.add('boot');
  }

  #step({ index, do: what, phase, detail }: Extract<RecordedEvent, { kind: 'step' }>['data']): void {
    this.#kinds.set(index, what);
    this.#settled = this.#place.line;
    if (phase === 'finished') {
      this.#finished.add(index);
      if (detail !== undefined) this.#details.set(index, detail);
      return;
    }
    // A later step is only begun when the one before is over.
    this.#finished.add(this.#phase);
    this.#phase = index;
    this.#begun.add(index);
  }

  #answer(
    data: Extract<RecordedEvent, { kind: 'answer' }>['data'],
    here: Place & { readonly phase: Phase; readonly isTyped?: true },
  ): void {
    this.#asked.add(here.phase);
    this.#answers.push({ ...here, ...data });
    if (/^\s*(?:sudo )?xl\b/.test(data.command)) {
      for (const text of linesOf(`${data.stdout}\n${data.stderr}`)) {
        if (text === '') continue;
        this.#kept.line({ ...here, talker: 'xl', text }, '');
      }
    }
  }

  #log(
    { domain, command, text }: Extract<RecordedEvent, { kind: 'log' }>['data'],
    here: Place & { readonly phase: Phase },
  ): void {
    const { line, t } = this.#place;
    const settled = this.#logs.settled ?? this.#settled;
    const on = this.#onSince;
    const poweredFor = on === undefined || t === undefined ? undefined : (t - on) / 1000;
    const own = { ...this.#logs, line, settled, poweredFor };
    if (command === 'xl dmesg') this.#logs = { ...own, xen: new Log(text, 'xen') };
    else if (command === 'dmesg') this.#logs = { ...own, dom0: new Log(text, 'linux') };
    // As if the domain had been asked itself.
    else this.#answers.push({ ...here, domain, command, status: 0, stdout: text, stderr: '' });
  }

  /** A step that ended with a word but asked nothing, and that no fault ended, was passed over. */
  #notDone(): ReadonlyMap<Phase, string> {
    const faults = new Set(this.#faults.map(({ what }) => what));
    return new Map(
      [...this.#details].filter(([phase, detail]) => !this.#asked.has(phase) && !faults.has(detail)),
    );
  }

  #passedOver(notDone: ReadonlyMap<Phase, string>): Observations['passedOver'] {
    for (const [phase, detail] of notDone) {
      const what = this.#kinds.get(phase) ?? '';
      if (!isMissed(what, detail)) continue;
      const why = detail.replace(/^not done: /, '');
      return { phase, why: `${what} was not done (${why}), so what comes after it is not as predicted` };
    }
    return undefined;
  }

  #ended(): string | null {
    const fault = this.#faults.at(0);
    if (fault !== undefined) return fault.what;
    if (this.#outcome === undefined) return 'the recording has no end: the controller was killed';
    return this.#outcome === 'completed' ? null : `the run ended as ${this.#outcome}`;
  }
}

/** Boot loaders are the lab's. */
function isCrash({ name, text, kind }: SeenSign['sign']): boolean {
  return kind !== 'restart' && !/^(?:synchronous|u-boot)-/.test(name) && troubleOf(name, text) !== undefined;
}

/** The only talker of a UART. */
function alone(talkers: readonly string[] = []): ConsoleTalker | undefined {
  return talkers.length === 1 ? known.find(talker => talker === talkers[0]) : undefined;
}

const known: readonly ConsoleTalker[] = ['eeprom', 'tf-a', 'u-boot', 'xen', 'linux'];

/** Domains of milestones are numbers where the console shows them, names where a machine does. */
function ofDom0(domain: string | undefined): boolean {
  return domain === undefined || domain === '0' || /^dom(?:ain-)?0$/i.test(domain);
}
