/** The chart of a run with its actors, made of a board's drivers. */
import { type EventObject, fromCallback, fromPromise } from 'xstate';
import { boot } from '../../machines/boot.ts';
import { bootRpi } from '../../machines/boot-rpi.ts';
import { bootUBootWith } from '../../machines/boot-u-boot.ts';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import {
  type AttemptOver,
  deploy,
  type Fetched,
  type HandedOver,
  type TransferEvent,
} from '../../machines/deploy.ts';
import { power, type PowerState } from '../../machines/power.ts';
import { run } from '../../machines/run.ts';
import { type StepInput, type StepResult, steps } from '../../machines/steps.ts';
import type { World } from '../../machines/world.ts';
import { xen } from '../../machines/xen.ts';
import type { Deadlines } from '../board/board-type.ts';
import { messageOf } from '../config/text.ts';
import { fileTable, lookUp } from '../lab/drivers/tftp/files.ts';
import { takeBoard, type TakeOptions } from '../lab/guard/take-board.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import { BoardConsole } from './board-console.ts';
import { otherBoardSigns } from './board-identity.ts';
import { Broadcast } from './broadcast.ts';
import type { RunClock } from './clock.ts';
import { collect } from './collect.ts';
import type { Deployment } from './deploy/deployment.ts';
import { toolstackOf } from './domain-commands.ts';
import { FurtherUarts } from './further-uarts.ts';
import { GuestLogs } from './guest-logs.ts';
import { Guests } from './guests.ts';
import { Probes } from './probes.ts';
import { askForDom0 } from './shells/ask-for-dom0.ts';
import { consoleShells } from './shells/console-shells.ts';
import { dom0, ShellPool } from './shells/pool.ts';
import { Typist } from './shells/typing.ts';
import { runStep } from './steps.ts';
import { checkToolstack, usesToolstack } from './toolstack-check.ts';
import { Watched } from './watched.ts';

export interface ActorsOptions {
  readonly board: OpenBoard;
  readonly scenario: Scenario;
  /** The board's deployment: `prepareDeployment(board, scenario)`. */
  readonly deployment: Deployment;
  /** Called once the board is reserved. */
  readonly predict: () => Prediction | Promise<Prediction>;
  readonly recorder: Recorder;
  readonly clock: RunClock;
  /** The run's directory, for collected logs. */
  readonly directory: string;
  /** Options for taking the board; the run's directory is added. */
  readonly reservation: Omit<TakeOptions, 'directory'>;
  /** Why the boot is stuck and what to do; undefined if that is unknown. */
  readonly bootHint: () => string | undefined;
}

/**
 * Makes what one run needs of a board; nothing is opened before its machine asks for it.
 * @returns the machine; `close` waits until all that the machine began has ended
 */
export function runActors(options: ActorsOptions) {
  const parts = partsOf(options);
  const { watched, world } = parts;
  return {
    machine: providedRun(parts),
    world,
    inspect: watched.inspect,
    close: () => closeParts(parts),
  };
}

type Parts = ReturnType<typeof partsOf>;

function partsOf(options: ActorsOptions) {
  const { board, scenario, recorder, clock, bootHint } = options;
  const { type } = board;
  const toolstack = toolstackOf(board);
  const console = new BoardConsole(board.serial, type, recorder, clock, otherBoardSigns(board));
  const watched = new Watched(recorder);
  const dom0less = [...scenario.dom0less.keys()];
  const onConsoles = consoleShells({ console, board, dom0less, recorder, clock });
  const shells = new ShellPool(board, recorder, clock, onConsoles);
  const guestLogs = new GuestLogs(shells, toolstack);
  const world: World = {
    deadlines: deadlinesOf(board),
    now: () => clock.now(),
    heard: () => console.heard,
    lastLines: () => console.lastLines(),
    refusal: domain => shells.refusal(domain),
    bootHint,
    note: text => recorder.record('run', { kind: 'note', data: { text, retried: true } }),
    lineTrouble: () => console.trouble(),
  };
  const uarts = new FurtherUarts(board.uarts, {
    recorder,
    clock,
    heard: () => console.heardElsewhere(),
    crashed: event => console.events.send(event),
  });
  const { payload } = scenario;
  const probes = new Probes({ type, console, shells, recorder, clock, payload });
  const milestone = (name: string, domain: string) =>
    recorder.record('run', { kind: 'milestone', data: { name, domain } });
  const guests = new Guests({
    type,
    scenario,
    shells,
    toolstack,
    logs: guestLogs,
    world,
    clock,
    watched,
    milestone,
  });
  const transfers = new Broadcast<TransferEvent>();
  const { directory, reservation } = options;
  return {
    ...options,
    console,
    guests,
    guestLogs,
    probes,
    shells,
    toolstack,
    uarts,
    watched,
    world,
    transfers,
    attempts: new Broadcast<AttemptOver>(),
    consoleEvents: fromCallback<ConsoleEvent, undefined>(({ sendBack }) => console.events.listen(sendBack)),
    files: new Taken(() => offerFiles({ ...options, console, transfers })),
    reservation: new Taken(() => takeBoard(board, { ...reservation, directory })),
  };
}

/** The EEPROM prints no progress within a file: if it alone tells of transfers, silence is no stall. */
function deadlinesOf({ tftp, type }: OpenBoard): Deadlines {
  const { deadlines } = type;
  const silent = !tftp.observes && type.boot.eeprom !== undefined;
  return silent ? { ...deadlines, transferStall: deadlines.deploy } : deadlines;
}

/** Something that is taken once and given back, also if it comes after it was to be given back. */
class Taken {
  readonly #take: () => Promise<AsyncDisposable>;
  #taken: AsyncDisposable | undefined;
  #isOver = false;

  constructor(take: () => Promise<AsyncDisposable>) {
    this.#take = take;
  }

  async take(): Promise<void> {
    this.#taken = await this.#take();
    if (this.#isOver) await this.giveBack();
  }

  async giveBack(): Promise<void> {
    this.#isOver = true;
    await this.#taken?.[Symbol.asyncDispose]();
  }
}

/** Waits until all has ended that the machines began. */
async function closeParts({ guests, probes, shells, watched, ...parts }: Parts): Promise<void> {
  guests.stop();
  await probes.close();
  await shells.close();
  await watched.settled();
  await shells.close();
  await closeLines(parts);
  await parts.files.giveBack();
  await parts.reservation.giveBack();
}

async function closeLines({ console, uarts }: Pick<Parts, 'console' | 'uarts'>): Promise<void> {
  await Promise.all([console.close(), uarts.close()]);
}

function providedRun(parts: Parts) {
  const { console, watched, reservation, files } = parts;
  const powerSwitch = providedPower(parts);
  return run.provide({
    actors: {
      power: powerSwitch,
      deploy: providedDeploy(parts),
      xen: providedXen(parts),
      boot: boot.provide({
        actions: { startOver: () => parts.attempts.send({ type: 'attemptOver' }) },
        actors: {
          power: powerSwitch,
          bootUBoot: providedUBoot(parts),
          bootRpi: bootRpi.provide({
            actors: { console: parts.consoleEvents, transfers: transferEvents(parts) },
          }),
        },
      }),
      steps: providedSteps(parts),
      reserve: fromPromise<void, undefined>(() => watched.work(() => reservation.take())),
      predict: fromPromise<Prediction, undefined>(() => watched.work(async () => parts.predict())),
      offerFiles: fromPromise<void, undefined>(() => watched.work(() => files.take())),
      holdConsole: holdConsole(parts),
      collect: fromPromise<void, { dom0Reached: boolean }>(({ input, signal }) =>
        watched.work(async () => {
          if (!input.dom0Reached) return;
          await collect(parts, signal);
          await console.quiet(signal);
        }),
      ),
      release: fromPromise<void, undefined>(() =>
        watched.work(async () => {
          await closeLines(parts);
          await files.giveBack();
          await reservation.giveBack();
        }),
      ),
    },
  });
}

/** The power switch; each command and answer is recorded. */
function providedPower({ board, recorder, console, uarts, watched }: Parts) {
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
            record('failed', messageOf(error));
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

/** The serial lines, open for as long as the machine says. */
function holdConsole({ console, uarts, watched }: Parts) {
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
      void watched.work(() => closeLines({ console, uarts }));
    };
  });
}

/** The files are served until the board is handed over; then they are taken away. */
function providedDeploy({ recorder, transfers, attempts, files, watched }: Parts) {
  return deploy.provide({
    actors: {
      serve: fromCallback<HandedOver, undefined>(({ sendBack }) => {
        const stops = [transfers.listen(sendBack), attempts.listen(sendBack)];
        return () => {
          for (const stop of stops) stop();
          void watched.work(() => files.giveBack());
        };
      }),
    },
    actions: {
      filesFetched: (_, fetched) =>
        recorder.record('run', {
          kind: 'milestone',
          data: { name: 'files-fetched', line: fetchedSummary(fetched) },
        }),
    },
  });
}

/** @returns `7 files, 2.8 MB in 0.2 s, 14.0 MB/s` */
function fetchedSummary({ files, bytes, milliseconds }: Fetched): string {
  const rate = bytes / 1000 / Math.max(milliseconds, 1);
  return `${files.length} files, ${(bytes / 1e6).toFixed(1)} MB in ${(milliseconds / 1000).toFixed(1)} s, ${rate.toFixed(1)} MB/s`;
}

type Transfers = Pick<ActorsOptions, 'board' | 'deployment' | 'recorder'> & {
  readonly console: BoardConsole;
  readonly transfers: Broadcast<TransferEvent>;
};

/** Puts the files where the board fetches them, and tells of its transfers. */
function offerFiles(parts: Transfers): Promise<AsyncDisposable> {
  const { board, deployment, recorder, transfers } = parts;
  const { address, prefixes } = board.network;
  if (!board.tftp.observes) followOnConsole(parts);
  return board.tftp.serve({
    name: board.name,
    clients: address === undefined ? undefined : [address],
    prefixes,
    files: deployment.files,
    onEvent: transfer => {
      const { kind, ...data } = transfer;
      recorder.record('tftp', { kind: 'tftp', data: { event: kind, ...data } });
      transfers.send({ type: 'transfer', transfer });
    },
    onStranger: ({ client, file, code, why }) =>
      recorder.record('tftp', { kind: 'tftp', data: { event: 'stranger', client, file, code, why } }),
    onNote: text => recorder.record('tftp', { kind: 'note', data: { text } }),
  });
}

/** A server that reports no requests: the board's own console does. */
function followOnConsole({ board, deployment, recorder, console, transfers }: Transfers): void {
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

function transferEvents({ transfers }: Parts) {
  return fromCallback<TransferEvent, undefined>(({ sendBack }) => transfers.listen(sendBack));
}

/** U-Boot's console: heard, and typed at. */
function providedUBoot({ board, recorder, console, clock, watched, consoleEvents }: Parts) {
  const typist = new Typist(console, clock, {
    prompt: board.type.boot.uBoot?.prompt ?? '',
    note: text => recorder.record('console', { kind: 'note', data: { text, retried: true } }),
  });
  return bootUBootWith({
    console: consoleEvents,
    press: fromPromise<void, { text: string }>(({ input }) => watched.work(() => console.write(input.text))),
    ask: fromPromise<string, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.ask(input.command, signal)),
    ),
    type: fromPromise<void, { command: string }>(({ input, signal }) =>
      watched.work(() => typist.type(input.command, signal)),
    ),
  });
}

function providedXen({ board, recorder, console, clock, shells, watched, consoleEvents }: Parts) {
  const search = {
    console,
    clock,
    patience: board.type.deadlines.dom0,
    note: (text: string) => recorder.record('console', { kind: 'note', data: { text, retried: true } }),
    answersSsh: (signal: AbortSignal) => shells.answersSsh(dom0, signal),
  };
  return xen.provide({
    actors: {
      console: consoleEvents,
      askForLogin: fromPromise<void, undefined>(({ signal }) =>
        watched.work(() => askForDom0(search, signal)),
      ),
    },
  });
}

function providedSteps(parts: Parts) {
  const { board, scenario, shells, toolstack, watched } = parts;
  return steps.provide({
    actors: {
      reachDom0: fromPromise<void, undefined>(({ signal }) => watched.work(() => shells.reach(dom0, signal))),
      checkToolstack: fromPromise<void, undefined>(({ signal }) =>
        watched.work(async () => {
          if (usesToolstack(scenario.steps)) await checkToolstack(shells, toolstack, signal);
        }),
      ),
      step: fromPromise<StepResult, StepInput>(({ input: { index, step, prediction }, signal }) =>
        watched.work(() =>
          runStep(index, step, { ...parts, prediction, settleFor: board.type.deadlines.settle }, signal),
        ),
      ),
    },
  });
}
