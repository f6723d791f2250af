/** The machines of a run get their actors from the board's drivers. */
import { type EventObject, fromCallback, fromPromise } from 'xstate';
import { boot } from '../../machines/boot.ts';
import { bootRpi } from '../../machines/boot-rpi.ts';
import type { ConsoleEvent } from '../../machines/console-event.ts';
import { deploy } from '../../machines/deploy.ts';
import { run } from '../../machines/run.ts';
import { type StepResult, steps } from '../../machines/steps.ts';
import type { TransferEvent } from '../../machines/transfer-event.ts';
import { xen } from '../../machines/xen.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import type { Step } from '../model/predict/scenario.ts';
import { collect } from './collect.ts';
import { toolstackOf } from './domain-commands.ts';
import { fetchedWords } from './deploy/fetched-words.ts';
import { askForDom0 } from './shells/ask-for-dom0.ts';
import { offerFiles, serve } from './deploy/offered-files.ts';
import { providedPower } from './power-actors.ts';
import { takeBoard } from '../lab/guard/take-board.ts';
import type { RunParts } from './run-parts.ts';
import { dom0 } from './shells/sessions.ts';
import { runStep } from './steps.ts';
import { checkToolstack, usesToolstack } from './toolstack-check.ts';
import { providedUBoot } from './u-boot-actors.ts';

/** The chart of a run with its actors. */
export function providedRun(parts: RunParts) {
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
              askForDom0(
                {
                  console,
                  clock,
                  patience: board.type.deadlines.dom0,
                  note: text => recorder.record('console', { kind: 'note', data: { text, retried: true } }),
                  answersSsh: asked => sessions.answersSsh(dom0, asked),
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
          bootUBoot: providedUBoot(parts, consoleEvents),
          bootRpi: bootRpi.provide({ actors: { console: consoleEvents, transfers } }),
        },
      }),
      steps: steps.provide({
        actors: {
          reachDom0: fromPromise<void, undefined>(({ signal }) =>
            watched.work(() => sessions.reach(dom0, signal)),
          ),
          checkToolstack: fromPromise<void, undefined>(({ signal }) =>
            watched.work(async () => {
              if (!usesToolstack(options.scenario.steps)) return;
              await checkToolstack(sessions, toolstackOf(board), signal);
            }),
          ),
          step: fromPromise<StepResult, { index: number; step: Step }>(({ input, signal }) =>
            watched.work(() =>
              runStep(
                input.index,
                input.step,
                {
                  console,
                  sessions,
                  guests,
                  probes,
                  recorder,
                  clock,
                  prediction,
                  settleFor: board.type.deadlines.settle,
                },
                signal,
              ),
            ),
          ),
        },
      }),
      reserve: fromPromise<void, undefined>(() =>
        watched.work(async () => {
          parts.reservation = await takeBoard(board, {
            ...options.reservation,
            directory: options.directory,
          });
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
              guestLogs: parts.guestLogs,
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
function holdConsole(parts: RunParts) {
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

function required(prediction: Prediction | null): Prediction {
  if (prediction === null) throw new Error('a step ran before the prediction');
  return prediction;
}
