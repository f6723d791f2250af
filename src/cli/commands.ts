/**
 * All commands, in the order of the help. `load` imports a command's module only when it is asked for; a new
 * command is a file src/cli/<name>.ts that exports an `AddCommand`, and one row here.
 */
import type { AddCommand } from './command.ts';

export interface CommandRow {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<AddCommand>;
}

export const commands: readonly CommandRow[] = [
  {
    name: 'run',
    summary: 'run scenarios on boards and judge them',
    load: async () => (await import('./run.ts')).addRun,
  },
  {
    name: 'predict',
    summary: 'predict what a configuration leads to',
    load: async () => (await import('./predict.ts')).addPredict,
  },
  {
    name: 'lint',
    summary: 'warn of mistakes before anything boots',
    load: async () => (await import('./lint.ts')).addLint,
  },
  {
    name: 'explore',
    summary: 'walk the states of the model, and write scenarios that cover them',
    load: async () => (await import('./explore.ts')).addExplore,
  },
  {
    name: 'verify',
    summary: 'judge a recorded run again, or a bare console log',
    load: async () => (await import('./verify.ts')).addVerify,
  },
  {
    name: 'report',
    summary: 'write reports of recorded runs: HTML, Markdown, JUnit, a mail',
    load: async () => (await import('./report.ts')).addReport,
  },
  {
    name: 'compare',
    summary: 'put runs side by side, or beside those of a baseline',
    load: async () => (await import('./compare.ts')).addCompare,
  },
  {
    name: 'history',
    summary: 'tell how often a scenario was met, and since when it fails',
    load: async () => (await import('./history.ts')).addHistory,
  },
  {
    name: 'serve',
    summary: 'serve a page with boards and runs, live',
    load: async () => (await import('./serve.ts')).addServe,
  },
  {
    name: 'replay',
    summary: 'show a recorded run again as it happened',
    load: async () => (await import('./replay.ts')).addReplay,
  },
  {
    name: 'init',
    summary: 'write a first lab file from what is plugged in',
    load: async () => (await import('./init.ts')).addInit,
  },
  {
    name: 'doctor',
    summary: 'look at a lab before a run, or at a boot that got stuck',
    load: async () => (await import('./doctor.ts')).addDoctor,
  },
  {
    name: 'boards',
    summary: 'list the boards of the lab',
    load: async () => (await import('./boards.ts')).addBoards,
  },
  {
    name: 'reserve',
    summary: 'keep a board for a person for some time',
    load: async () => (await import('./reserve.ts')).addReserve,
  },
  {
    name: 'release',
    summary: 'give a reserved board back, or put one back into rotation',
    load: async () => (await import('./reserve.ts')).addRelease,
  },
  {
    name: 'scenarios',
    summary: 'list the scenarios',
    load: async () => (await import('./scenarios.ts')).addScenarios,
  },
  {
    name: 'mutants',
    summary: 'see which bugs the scenarios catch',
    load: async () => (await import('./mutants.ts')).addMutants,
  },
  {
    name: 'faults',
    summary: 'see what runs make of labs that fail',
    load: async () => (await import('./faults.ts')).addFaults,
  },
  {
    name: 'console',
    summary: 'talk to a board over its serial console',
    load: async () => (await import('./console.ts')).addConsole,
  },
  {
    name: 'power',
    summary: 'switch the supply of a board',
    load: async () => (await import('./power.ts')).addPower,
  },
  {
    name: 'images',
    summary: 'get and build what an emulated board runs',
    load: async () => (await import('./images.ts')).addImages,
  },
  {
    name: 'farm',
    summary: 'list the places of a labgrid farm, give back what was left',
    load: async () => (await import('./farm.ts')).addFarm,
  },
  {
    name: 'dhcp-config',
    summary: 'print what dnsmasq needs to know of a board',
    load: async () => (await import('./dhcp-config.ts')).addDhcpConfig,
  },
  {
    name: 'boot-script',
    summary: 'print the commands with which U-Boot boots a board',
    load: async () => (await import('./boot-script.ts')).addBootScript,
  },
  {
    name: 'machines',
    summary: 'draw the state machines that drive a run',
    load: async () => (await import('./machines.ts')).addMachines,
  },
  {
    name: 'schema',
    summary: 'write JSON Schemas for editors',
    load: async () => (await import('./schema.ts')).addSchema,
  },
  {
    name: 'help',
    summary: 'print a page of the documentation',
    load: async () => (await import('./help-topic.ts')).addHelp,
  },
];
