/** `scmi-hil predict`: what a configuration leads to, before anything boots. */
import path from 'node:path';
import { loadBoardType } from '../board/board-types.ts';
import { loadFirmwareProfile } from '../board/firmware-profile.ts';
import { predict } from '../model/predict/predict.ts';
import type { Prediction } from '../model/predict/prediction.ts';
import { loadCase } from '../scenario/case.ts';
import { findScenario, loadScenario } from '../scenario/load.ts';
import type { Scenario } from '../model/predict/scenario.ts';
import { type AddCommand, type CliProcess, exitCode, UsageError } from './command.ts';
import {
  addConfigurationOptions,
  buildOf,
  type ConfigurationOptions,
  predictGiven,
  scenarioOf,
} from './configuration-options.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { fields, table } from './table.ts';

export interface PredictOptions extends ConfigurationOptions {
  readonly case?: string;
  readonly json?: boolean;
}

export const addPredict: AddCommand = (program, process, done) => {
  const command = addConfigurationOptions(
    program
      .command('predict [scenario]')
      .description(
        'Predicts what firmware, Xen, Linux and xl do with a configuration: each line with its reason.',
      ),
  )
    .option('--case <directory>', 'a recorded boot with its configuration, in place of the other inputs')
    .option('--json', 'print JSON')
    .action((name: string | undefined, options: PredictOptions) => {
      print(predictionOf(name, options, process), options.json === true, process);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [
      ['predict --host-dt host.dtb --xl-cfg guest.cfg --partial-dt guest.dtb', 'a tree and a guest'],
      ['predict dom0-and-guest --board-type rpi5', 'a scenario as a Raspberry Pi 5 runs it'],
      ['predict --host-dt host.dts --xen-debug no --json', 'for a script'],
    ],
    exits: { met: 'predicted', usage: commonExits.usage },
  });
};

/**
 * The prediction of the one configuration that a command line names.
 * @throws {UsageError} where it names none, or several
 */
export function predictionOf(
  name: string | undefined,
  options: PredictOptions,
  process: CliProcess,
): Prediction {
  const given = [name, options.case, options.hostDt].filter(each => each !== undefined);
  if (given.length !== 1) {
    throw new UsageError(
      given.length === 0
        ? 'nothing to predict was named'
        : 'only one configuration can be predicted at a time',
      'give a scenario, --host-dt FILE, or --case DIRECTORY',
    );
  }
  if (options.case !== undefined) {
    return predict(overridden(loadCase(path.resolve(process.cwd, options.case)), options));
  }
  if (name === undefined) return predictGiven(scenarioOf(options, process.cwd));
  if (options.boardType === undefined) {
    throw new UsageError(`what ${name} leads to depends on the board`, 'give --board-type TYPE');
  }
  const board = loadBoardType(options.boardType);
  const scenario = loadScenario(findScenario(name, process.cwd).file, board);
  return predict(overridden(scenario, options), { directory: board.dom0.directory });
}

/** Builds of the command line go before those of the scenario or case. */
function overridden(scenario: Scenario, options: PredictOptions): Scenario {
  const { version } = scenario.xen;
  const xen = buildOf({ ...(version === undefined ? {} : { xenVersion: version }), ...options }, undefined);
  return {
    ...scenario,
    xen: {
      ...xen,
      mediator: options.xen ?? scenario.xen.mediator,
      debug: options.xenDebug === undefined ? scenario.xen.debug : options.xenDebug === 'yes',
    },
    linux: options.linux ?? scenario.linux,
    firmware: {
      profile:
        options.firmware === undefined ? scenario.firmware.profile : loadFirmwareProfile(options.firmware),
      faults: [...scenario.firmware.faults, ...options.firmwareFault],
    },
  };
}

function print(prediction: Prediction, json: boolean, { stdout }: CliProcess): void {
  stdout.write(json ? `${JSON.stringify(prediction, null, 2)}\n` : readable(prediction));
}

function readable(prediction: Prediction): string {
  return [summary(prediction), agents(prediction), domains(prediction), lines(prediction)]
    .filter(part => part !== '')
    .join('\n');
}

function summary({ mediator, panic, toolstack, undefined: open }: Prediction): string {
  const { kind, registered, errno, node, agentId } = mediator;
  const state = registered ? 'registered' : errno === 0 ? 'not there' : `probe fails (${errno})`;
  return fields([
    ['mediator', [kind, state, node].filter(each => each !== null).join(', ')],
    ["Xen's agent", agentId === null ? 'unknown' : String(agentId)],
    ['panic', panic ?? 'none'],
    ...toolstack.map((call): [string, string] => [call.do, `exit status ${call.rc}`]),
    ...open.map((words): [string, string] => ['undefined', words]),
  ]);
}

function agents({ agents: all }: Prediction): string {
  if (all.length === 0) return '';
  const rows = all.map(({ agentId, functionId, shmem, domid }) => [
    String(agentId),
    functionId,
    shmem,
    domid === null ? 'free' : `d${domid}`,
  ]);
  return table(['AGENT', 'FUNCTION ID', 'PAGE', 'DOMAIN'], rows);
}

function domains({ domains: all }: Prediction): string {
  if (all.length === 0) return '';
  const rows = all.map(({ domid, name, created, agentId, scmiNodes }) => [
    `d${domid}`,
    name,
    created ? 'created' : 'refused',
    agentId === null ? '-' : String(agentId),
    scmiNodes,
  ]);
  return table(['DOMAIN', 'NAME', '', 'AGENT', 'SCMI NODES'], rows);
}

/** Each line with why it is there, below it. */
function lines({ console }: Prediction): string {
  return console
    .map(({ source, domid, text, reason: { because, rule, place } }) => {
      const talker = source === 'linux' ? `dom${domid ?? 0}` : source;
      const where = place === undefined ? rule : `${rule}, ${place}`;
      return `${talker.padEnd(8)}  ${text}\n${' '.repeat(12)}${because} [${where}]\n`;
    })
    .join('');
}
