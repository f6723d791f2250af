/** One run: the machines get their actors from the board's drivers, and all that is seen is recorded. */
import { createActor, type EventObject, fromCallback, fromPromise, toPromise } from 'xstate';
import { boot } from '../../machines/boot.ts';
import { bootRpi } from '../../machines/boot-rpi.ts';
import { bootUBootWith } from '../../machines/boot-u-boot.ts';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import { type AttemptOver, deploy, type HandedOver } from '../../machines/deploy.ts';
import type { Fault } from '../../machines/fault.ts';
import { power, type PowerState } from '../../machines/power.ts';
import { run } from '../../machines/run.ts';
import type { RunOutcome } from '../../machines/run-outcome.ts';
import { type StepResult, steps } from '../../machines/steps.ts';
import type { TransferEvent } from '../../machines/transfer-event.ts';
import type { Witness } from '../../machines/witness.ts';
import { xen } from '../../machines/xen.ts';
import type { Deadlines } from '../board/board-type.ts';
import type { OpenBoard } from '../board/open-board.ts';
import { fileTable, lookUp } from '../drivers/tftp/files.ts';
import type { TftpEvent } from '../drivers/tftp/tftp.ts';
import type { Prediction } from '../model/prediction.ts';
import type { Recorder } from '../recording/event.ts';
import { RecordingError } from '../recording/writer.ts';
import type { Scenario, Step } from '../scenario/scenario.ts';
import { BoardConsole } from './board-console.ts';
import { otherBoardSigns } from './board-identity.ts';
import { followBoot } from './boot-mend.ts';
import { fetchedWords } from './fetched-words.ts';
import { Broadcast } from './broadcast.ts';
import { type RunClock, systemClock } from './clock.ts';
import { collect } from './collect.ts';
import type { Deployment } from './deployment.ts';
import { consoleWays } from './console-ways.ts';
import { FurtherUarts } from './further-uarts.ts';
import { nameInToolstack, toolstackOf } from './domain-commands.ts';
import { Guests } from './guests.ts';
import { nudgeLogin } from './login-nudge.ts';
import { Probes } from './probes.ts';
import { reserve, type Reservation } from './reservation.ts';
import { dom0, Sessions } from './sessions.ts';
import { runStep } from './steps.ts';
import { Typist } from './typing.ts';
import { Watched } from './watched.ts';

export interface RunOptions {
  readonly board: OpenBoard;
  readonly scenario: Scenario;
  /** What the board is given: `prepareDeployment(board, scenario)`. */
  readonly deployment: Deployment;
  /** Called once the board is reserved. */
  readonly predict: () => Prediction | Promise<Prediction>;
  readonly recorder: Recorder;
  /** The run's directory, for collected logs. */
  readonly directory: string;
  /** Aborted by Ctrl-C: the run then ends in collect, power off and release. */
  readonly signal: AbortSignal;
  readonly reservation: {
    /** Where holds are; the user's state directory unless told. */
    readonly directory?: string;
    /** What this process does, for whoever wants the board too. */
    readonly command: string;
  };
  readonly clock?: RunClock;
}

export interface RunResult {
  readonly outcome: RunOutcome;
  readonly faults: readonly Fault[];
  /** Null where the board could not be reserved, or the prediction failed. */
  readonly prediction: Prediction | null;
}

/**
 * Runs a scenario on a board and leaves nothing behind: the power is off, the serial line, all sessions and
 * the file server's handle are closed, the reservation is given back.
 * @returns never rejects for what the board or the lab did: that is in `faults`, and recorded
 */
export async function runScenario(options: RunOptions): Promise<RunResult> {
  const { signal } = options;
  const clock = options.clock ?? systemClock();
  const followed = followBoot(options, clock);
  const { recorder } = followed;
  const parts = new Parts({ ...options, recorder, clock }, followed.mend);
  const machine = createActor(providedRun(parts), {
    input: {
      deadlines: deadlinesOf(options.board),
      witness: parts.witness,
      files: [...options.deployment.files.keys()],
      steps: options.scenario.steps,
      boot: options.deployment.boot,
      lastWords: 10 * options.board.type.console.quiet,
      ...(options.scenario.payload !== undefined && { payload: options.scenario.payload }),
    },
    clock: parts.clock,
    inspect: parts.watched.inspect,
  });
  recordFaults(machine, recorder);
  const interrupt = () => {
    const broken: unknown = signal.reason;
    machine.send({ type: 'interrupt', ...(broken instanceof RecordingError && { broken }) });
  };
  try {
    const over = toPromise(machine);
    machine.start();
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    const { outcome, faults } = await over;
    return { outcome, faults, prediction: parts.prediction };
  } finally {
    signal.removeEventListener('abort', interrupt);
    await parts.close();
  }
}

/** What the actors of one run share. */
class Parts {
  readonly options: RunOptions;
  readonly clock: RunClock;
  readonly console: BoardConsole;
  readonly uarts: FurtherUarts;
  readonly transfers = new Broadcast<TransferEvent>();
  readonly attempts = new Broadcast<AttemptOver>();
  readonly watched: Watched;
  readonly sessions: Sessions;
  readonly guests: Guests;
  readonly probes: Probes;
  readonly witness: Witness;
  prediction: Prediction | null = null;
  reservation: Reservation | undefined;
  /** The files where the board fetches them. */
  offered: AsyncDisposable | undefined;

  constructor(options: RunOptions & { readonly clock: RunClock }, bootMend: () => string | undefined) {
    const { board, scenario, recorder, clock } = options;
    const console = new BoardConsole(board.serial, board.type, recorder, clock, otherBoardSigns(board));
    const watched = new Watched(recorder);
    const dom0less = [...scenario.dom0less.keys()];
    const ways = consoleWays({ console, board, dom0less, recorder, clock });
    const sessions = new Sessions(board, recorder, clock, ways);
    const witness: Witness = {
      now: () => clock.now(),
      heard: () => console.heard,
      lastLines: () => console.lastLines(),
      refusal: domain => sessions.refusal(domain),
      bootMend,
      note: text => recorder.record('run', { kind: 'note', data: { text, retried: true } }),
      lineTrouble: () => console.trouble(),
    };
    this.options = options;
    this.clock = clock;
    this.console = console;
    this.uarts = new FurtherUarts(board.uarts, {
      recorder,
      clock,
      heard: () => console.heardElsewhere(),
      crashed: event => console.events.send(event),
    });
    this.watched = watched;
    this.sessions = sessions;
    this.witness = witness;
    this.probes = new Probes({
      type: board.type,
      console,
      sessions,
      recorder,
      clock,
      payload: scenario.payload,
    });
    this.guests = new Guests({
      type: board.type,
      scenario,
      sessions,
      toolstack: toolstackOf(board),
      witness,
      clock,
      watched,
      milestone: (name, domain) => recorder.record('run', { kind: 'milestone', data: { name, domain } }),
    });
  }

  /** The console, and what the board has beside it. */
  async closeLines(): Promise<void> {
    await Promise.all([this.console.close(), this.uarts.close()]);
  }

  /** Whatever the machines have left: they end everything they began, this waits until it has ended. */
  async close(): Promise<void> {
    this.guests.stop();
    await this.probes.close();
    await this.sessions.close();
    await this.watched.settled();
    await this.sessions.close();
    await this.closeLines();
    await this.offered?.[Symbol.asyncDispose]();
    await this.reservation?.release();
  }
}

function providedRun(parts: Parts) {
  const { options, console, watched, sessions, guests, probes, clock } = parts;
  const { board, recorder } = options;
  const consoleEvents = fromCallback<ConsoleEvent, undefined>(({ sendBack }) =>
    console.events.listen(sendBack),
  );
  const transfers = fromCallback<TransferEvent, undefined>(({ sendBack }) =>
    parts.transfers.listen(sendBack),
  );
  const powerSwitch = providedPower(parts);
  const prediction = () => required(parts.prediction);
  return run.provide({
    actors: {
      power: powerSwitch,
      deploy: deploy.provide({
        actors: { serve: serve(parts) },
        actions: {
          filesFetched: (_, fetched) =>
            recorder.record('run', {
              kind: 'milestone',
              data: { name: 'files-fetched', line: fetchedWords(fetched) },
            }),
        },
      }),
      xen: xen.provide({
        actors: {
          console: consoleEvents,
          askForLogin: fromPromise<void, undefined>(({ signal }) =>
            watched.work(() =>
              nudgeLogin(
                {
                  console,
                  clock,
                  patience: board.type.deadlines.dom0,
                  note: text => recorder.record('console', { kind: 'note', data: { text, retried: true } }),
                },
                signal,
              ),
            ),
          ),
        },
      }),
      boot: boot.provide({
        actions: { startOver: () => parts.attempts.send({ type: 'attemptOver' }) },
        actors: {
          power: powerSwitch,
          bootUBoot: bootUBootWith({ console: consoleEvents, ...typing(parts) }),
          bootRpi: bootRpi.provide({ actors: { console: consoleEvents, transfers } }),
        },
      }),
      steps: steps.provide({
        actors: {
          reachDom0: fromPromise<void, undefined>(({ signal }) =>
            watched.work(() => sessions.reach(dom0, signal)),
          ),
          step: fromPromise<StepResult, { index: number; step: Step }>(({ input, signal }) =>
            watched.work(() =>
              runStep(
                input.index,
                input.step,
                { console, sessions, guests, probes, recorder, clock, prediction },
                signal,
              ),
            ),
          ),
        },
      }),
      reserve: fromPromise<void, undefined>(() =>
        watched.work(async () => {
          const reservation = await reserve(board.hold ?? board.name, options.reservation);
          parts.reservation = reservation;
          if (reservation.tookOver === undefined) return;
          const { user, pid, since } = reservation.tookOver;
          const text = `took ${board.name} over from ${user}'s process ${pid}, which is gone; it held it since ${since}`;
          recorder.record('run', { kind: 'note', data: { text } });
        }),
      ),
      predict: fromPromise<Prediction, undefined>(() =>
        watched.work(async () => (parts.prediction = await options.predict())),
      ),
      offerFiles: fromPromise<void, undefined>(({ signal }) => watched.work(() => offerFiles(parts, signal))),
      holdConsole: holdConsole(parts),
      collect: fromPromise<void, { dom0Reached: boolean }>(({ input, signal }) =>
        watched.work(async () => {
          if (!input.dom0Reached) return;
          await collect(
            {
              sessions,
              toolstack: toolstackOf(board),
              guests: [...options.scenario.guests.values()].map(nameInToolstack),
              recorder,
              clock,
              directory: options.directory,
            },
            signal,
          );
          await console.quiet(signal);
        }),
      ),
      release: fromPromise<void, undefined>(() =>
        watched.work(async () => {
          await parts.closeLines();
          await parts.offered?.[Symbol.asyncDispose]();
          await parts.reservation?.release();
        }),
      ),
    },
  });
}

/** The serial lines, open for as long as the machine says. */
function holdConsole(parts: Parts) {
  const { console, uarts, watched } = parts;
  return fromCallback<EventObject, undefined>(({ sendBack }) => {
    const controller = new AbortController();
    const lost = (error: Error) => sendBack({ type: 'consoleLost', error });
    const open = async () => {
      await uarts.open(lost, controller.signal);
      await console.open(lost, controller.signal);
    };
    void watched.work(open).then(() => sendBack({ type: 'consoleOpened' }), lost);
    return () => {
      controller.abort();
      void watched.work(() => parts.closeLines());
    };
  });
}

/** The EEPROM says nothing between the begin and the end of a file: where only it tells, nothing is a stall. */
function deadlinesOf({ tftp, type }: OpenBoard): Deadlines {
  const { deadlines } = type;
  const silent = !tftp.observes && type.boot.eeprom !== undefined;
  return silent ? { ...deadlines, transferStall: deadlines.deploy } : deadlines;
}

async function offerFiles(parts: Parts, signal: AbortSignal): Promise<void> {
  const { options, transfers } = parts;
  const { board, deployment, recorder } = options;
  const { address, prefixes } = board.network;
  if (!board.tftp.observes) followOnConsole(parts);
  const offered = await board.tftp.serve({
    name: board.name,
    ...(address !== undefined && { clients: [address] }),
    prefixes,
    files: deployment.files,
    onEvent: (transfer: TftpEvent) => {
      const { kind, ...data } = transfer;
      recorder.record('tftp', { kind: 'tftp', data: { event: kind, ...data } });
      transfers.send({ type: 'transfer', transfer });
    },
    onStranger: ({ client, file, code, why }) =>
      recorder.record('tftp', { kind: 'tftp', data: { event: 'stranger', client, file, code, why } }),
    onNote: text => recorder.record('tftp', { kind: 'note', data: { text } }),
  });
  // The machine may have gone on without them.
  if (signal.aborted) await offered[Symbol.asyncDispose]();
  else parts.offered = offered;
}

/** The server does not tell what it is asked for: the board's own console does. */
function followOnConsole({ options, transfers, console }: Parts): void {
  const { board, deployment, recorder } = options;
  const table = fileTable(board.name, deployment.files, board.network.prefixes);
  const text = `${board.tftp.address} does not tell what it is asked for: transfers are read off the console`;
  recorder.record('run', { kind: 'note', data: { text } });
  console.transfers.listen(seen => {
    const found = lookUp(table, seen.file);
    const transfer = found.kind === 'found' ? { ...seen, file: found.name } : seen;
    const { kind, ...data } = transfer;
    recorder.record('console', { kind: 'tftp', data: { event: kind, ...data } });
    transfers.send({ type: 'transfer', transfer });
  });
}

/** What the board fetches until it is handed over; then the files are taken away. */
function serve(parts: Parts) {
  return fromCallback<HandedOver, undefined>(({ sendBack }) => {
    const stops = [parts.transfers.listen(sendBack), parts.attempts.listen(sendBack)];
    return () => {
      for (const stop of stops) stop();
      void parts.watched.work(async () => parts.offered?.[Symbol.asyncDispose]());
    };
  });
}

function providedPower({ options, console, uarts, watched }: Parts) {
  const { board, recorder } = options;
  const record = (action: 'on' | 'off' | 'confirmed' | 'failed', detail?: string) =>
    recorder.record('power', { kind: 'power', data: { action, ...(detail !== undefined && { detail }) } });
  let told: 'on' | 'off' | undefined;
  return power.provide({
    actors: {
      switchPower: fromPromise<void, { to: 'on' | 'off' }>(({ input, signal }) =>
        watched.work(async () => {
          told = input.to;
          if (input.to === 'on') {
            console.powerOn();
            uarts.powerOn();
          }
          record(input.to, board.power.name);
          try {
            await board.power[input.to](signal);
          } catch (error) {
            record('failed', error instanceof Error ? error.message : String(error));
            throw error;
          }
        }),
      ),
      readPower: fromPromise<PowerState, undefined>(({ signal }) =>
        watched.work(async () => {
          const state = await board.power.state(signal);
          if (state === told) record('confirmed', state);
          return state;
        }),
      ),
    },
  });
}

function typing({ options, console, clock, watched }: Parts) {
  const typist = new Typist(console, clock, {
    prompt: options.board.type.boot.uBoot?.prompt ?? '',
    note: text => options.recorder.record('console', { kind: 'note', data: { text, retried: true } }),
  });
  return {
    press: fromPromise<void, { text: string }>(({ input }) => watched.work(() => console.write(input.text))),
    ask: fromPromise<string, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.ask(input.command, signal)),
    ),
    type: fromPromise<void, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.type(input.command, signal)),
    ),
  };
}

/** Each fault is recorded when the run's machine learns of it. */
function recordFaults(
  machine: {
    subscribe(observer: {
      next: (snapshot: { context: { faults: readonly Fault[] } }) => void;
      error: (error: unknown) => void;
    }): unknown;
  },
  recorder: Recorder,
): void {
  let recorded = 0;
  machine.subscribe({
    next: ({ context }) => {
      for (const { class: kind, what, mend } of context.faults.slice(recorded)) {
        recorder.record('run', {
          kind: 'fault',
          data: { class: kind, what, ...(mend !== undefined && { mend }) },
        });
      }
      recorded = context.faults.length;
    },
    // `toPromise` rejects with it.
    error: () => undefined,
  });
}

function required(prediction: Prediction | null): Prediction {
  if (prediction === null) throw new Error('a step ran before the prediction');
  return prediction;
}
