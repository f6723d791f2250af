/** Parts that the actors of one run share: the board's console, its sessions, its guests, and their files. */
import type { AttemptOver } from '../../machines/deploy.ts';
import type { TransferEvent } from '../../machines/transfer-event.ts';
import type { Witness } from '../../machines/witness.ts';
import type { OpenBoard } from '../lab/open-board.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import type { Recorder } from '../verdict/recording/event.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { BoardConsole } from './board-console.ts';
import { otherBoardSigns } from './board-identity.ts';
import { Broadcast } from './broadcast.ts';
import type { RunClock } from './clock.ts';
import { consoleWays } from './shells/console-ways.ts';
import type { Deployment } from './deploy/deployment.ts';
import { toolstackOf } from './domain-commands.ts';
import { FurtherUarts } from './further-uarts.ts';
import { GuestLogs } from './guest-logs.ts';
import { Guests } from './guests.ts';
import { Probes } from './probes.ts';
import type { TakeOptions } from '../lab/guard/take-board.ts';
import type { Reservation } from '../lab/reservation.ts';
import { Sessions } from './shells/sessions.ts';
import { Watched } from './watched.ts';

export interface RunOptions {
  readonly board: OpenBoard;
  readonly scenario: Scenario;
  /** The board's deployment: `prepareDeployment(board, scenario)`. */
  readonly deployment: Deployment;
  /** Called once the board is reserved. */
  readonly predict: () => Prediction | Promise<Prediction>;
  readonly recorder: Recorder;
  /** The run's directory, for collected logs. */
  readonly directory: string;
  /** Aborted by Ctrl-C: the run then ends in collect, power off and release. */
  readonly signal: AbortSignal;
  /** Options for taking the board; the run's directory is added. */
  readonly reservation: Omit<TakeOptions, 'directory'>;
  readonly clock?: RunClock;
}

/** Made before the run begins; closed by its maker. */
export class RunParts {
  readonly options: RunOptions;
  readonly clock: RunClock;
  readonly console: BoardConsole;
  readonly uarts: FurtherUarts;
  readonly transfers = new Broadcast<TransferEvent>();
  readonly attempts = new Broadcast<AttemptOver>();
  readonly watched: Watched;
  readonly sessions: Sessions;
  readonly guests: Guests;
  readonly guestLogs: GuestLogs;
  readonly probes: Probes;
  readonly witness: Witness;
  prediction: Prediction | null = null;
  reservation: Reservation | undefined;
  /** The files where the board fetches them. */
  offered: AsyncDisposable | undefined;

  constructor(options: RunOptions & { readonly clock: RunClock }, bootHint: () => string | undefined) {
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
      bootHint,
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
    const toolstack = toolstackOf(board);
    this.guestLogs = new GuestLogs(sessions, toolstack);
    this.guests = new Guests({
      type: board.type,
      scenario,
      sessions,
      toolstack,
      logs: this.guestLogs,
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
