/** Display of `scmi-hil run`: the state while boards work, a line per run as it ends, failures in full at the end. */
import { wantsColour } from '../verdict/report/colour.ts';
import type { RecordedEvent } from '../verdict/recording/event.ts';
import type { LeftOut } from '../verdict/report/left-out.ts';
import { type Live, liveProgress } from '../verdict/report/live.ts';
import { outcomeOf, type RunReport } from '../verdict/report/run-report.ts';
import {
  renderRunLine,
  renderSummary,
  renderVerdict,
  type TerminalOptions,
} from '../verdict/report/terminal.ts';
import type { CliProcess } from './command.ts';
import { type DetailOption, detailOf } from './detail-option.ts';

export interface DisplayOptions extends DetailOption {
  readonly strict?: boolean;
  readonly quiet?: boolean;
  /** JSON is for standard output, everything else for standard error. */
  readonly json?: boolean;
}

/** Shows one run. */
export interface Watch {
  event(board: string, event: RecordedEvent): void;
  /** Something to know about the run, left out where many are told by their number. */
  note(text: string): void;
  /** The run has told everything. */
  over(): void;
}

/** The display of one command. Closed by the command, whatever happens. */
export interface RunDisplay extends Disposable {
  /** Events of the boards. */
  readonly live: Live;
  /**
   * @param lane number among those in which a board runs several times at once; absent: it runs once at a time. Events
   *   of a run in a lane are shown in one piece when it is over, its state at once.
   */
  watch(lane: number | undefined): Watch;
  /** Something to know about one run, left out where many are told by their number. */
  note(text: string): void;
  /** A run is over and judged. */
  finished(report: RunReport): void;
  /** Failures in full, and the sum. */
  summary(reports: readonly RunReport[], leftOut: readonly LeftOut[]): void;
}

/** More runs than these are told by their number, one line for each `share` of them, unless they fail. */
const fewRuns = 40;
const share = 20;
const tickInterval = 1000;

/**
 * @param runs how many runs are planned on each board
 */
export function runDisplay(
  runs: readonly number[],
  options: DisplayOptions,
  process: CliProcess,
): RunDisplay {
  const { stdout, stderr, env } = process;
  const out: NodeJS.WritableStream & { isTTY?: boolean; columns?: number } =
    options.json === true ? stderr : stdout;
  const colour = wantsColour(out, env);
  const quiet = options.quiet === true;
  const total = runs.reduce((sum, each) => sum + each, 0);
  // One run per board is watched; of many, their ends are.
  const isWatched = !quiet && (options.verbose >= 2 || runs.every(each => each <= 1));
  const terminal: TerminalOptions = {
    strict: options.strict === true,
    detail: detailOf(options),
    colour,
    columns: out.isTTY === true ? out.columns : undefined,
  };
  const live = liveProgress(text => out.write(text), {
    inPlace: out.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb',
    colour,
    columns: () => out.columns ?? 80,
    events: isWatched,
  });
  if (total > fewRuns && !quiet) {
    live.line(`${total} runs on ${runs.length} boards: their scenarios are read and checked first`);
  }
  const began = performance.now();
  let ended = 0;
  const clock = quiet ? undefined : setInterval(tick, tickInterval).unref();
  const failed: RunReport[] = [];

  function tick(): void {
    live.tick(performance.now() - began, `${ended}/${total}`);
  }

  function note(text: string): void {
    if (isWatched || options.verbose > 0) live.line(text);
  }

  return {
    live,
    watch(lane) {
      const held: (() => void)[] = [];
      const isHeld = lane !== undefined && isWatched;
      const label = lane === undefined || isHeld ? '' : `/${lane}`;
      const tell = (what: () => void) => {
        if (isHeld) held.push(what);
        else what();
      };
      return {
        event: (board, event) => tell(() => live.event(board + label, event)),
        note: text => tell(() => note(text)),
        over: () => held.splice(0).forEach(what => what()),
      };
    },
    note,
    finished(report) {
      ended += 1;
      tick();
      const isMet = outcomeOf(report, terminal) === 'met';
      if (isWatched) live.line(renderVerdict(report, terminal));
      else if (options.verbose > 0) live.line(renderVerdict(report, terminal).trimEnd());
      else {
        if (!isMet) failed.push(report);
        const isTold =
          !quiet && (total <= fewRuns || ended % Math.ceil(total / share) === 0 || ended === total);
        if (isTold || (!isMet && !quiet))
          live.line(renderRunLine(report, { number: ended, total }, terminal));
      }
    },
    summary(reports, leftOut) {
      for (const report of failed) out.write(grouped(report, renderVerdict(report, terminal), env));
      out.write(renderSummary(reports, terminal, leftOut));
    },
    [Symbol.dispose]() {
      clearInterval(clock);
      live.close();
    },
  };
}

/** A failure as a group that folds, in the logs of GitHub and GitLab. */
function grouped({ verdict }: RunReport, text: string, env: CliProcess['env']): string {
  const name = `${verdict.scenario} on ${verdict.board}`.replaceAll(/[^\w. -]/g, '_');
  if (env['GITHUB_ACTIONS'] === 'true') return `::group::${name}\n${text}::endgroup::\n`;
  if (env['GITLAB_CI'] !== 'true') return `\n${text}`;
  const section = `scmi_hil_${name.replaceAll(/\W/g, '_')}`;
  const time = Math.floor(Date.now() / 1000);
  return `\x1b[0Ksection_start:${time}:${section}\r\x1b[0K${name}\n${text}\x1b[0Ksection_end:${time}:${section}\r\x1b[0K\n`;
}
