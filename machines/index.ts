/** The charts, for documentation and for tests that walk them all. */
import type { AnyStateMachine } from 'xstate';
import { boot } from './boot.ts';
import { bootRpi } from './boot-rpi.ts';
import { bootUBoot } from './boot-u-boot.ts';
import { deploy } from './deploy.ts';
import { domain } from './domain.ts';
import { power } from './power.ts';
import { run } from './run.ts';
import { steps } from './steps.ts';
import { uBootCommand } from './u-boot-command.ts';
import { uBootLoad } from './u-boot-load.ts';
import { uBootPrompt } from './u-boot-prompt.ts';
import { uBootStart } from './u-boot-start.ts';
import { xen } from './xen.ts';

export interface Chart {
  /** The machine's own name, as recordings have it. */
  readonly name: string;
  /** One sentence: what it drives. */
  readonly title: string;
  readonly machine: AnyStateMachine;
}

export const charts: readonly Chart[] = [
  {
    name: 'run',
    title: 'One run: every path after the reservation leads through collect, power off and release.',
    machine: run,
  },
  { name: 'power', title: 'Switches the supply, confirms it, tries again a few times.', machine: power },
  { name: 'deploy', title: 'The files while the board fetches them over TFTP.', machine: deploy },
  {
    name: 'boot',
    title: 'Power on to Xen by the boot loaders of a board, with a power cycle where an attempt failed.',
    machine: boot,
  },
  {
    name: 'boot-u-boot',
    title: 'One attempt by U-Boot: countdown, commands, files, script, start.',
    machine: bootUBoot,
  },
  {
    name: 'u-boot-prompt',
    title: "From power on to U-Boot's prompt, through its countdown.",
    machine: uBootPrompt,
  },
  {
    name: 'u-boot-command',
    title: "One command at U-Boot's prompt, with its answer.",
    machine: uBootCommand,
  },
  {
    name: 'u-boot-load',
    title: 'Files that one command or script of U-Boot fetches, and their sizes.',
    machine: uBootLoad,
  },
  { name: 'u-boot-start', title: 'The command that starts Xen, up to the hand-over.', machine: uBootStart },
  {
    name: 'boot-rpi',
    title: "One attempt by the Raspberry Pi's EEPROM, which asks for its files by itself.",
    machine: bootRpi,
  },
  { name: 'xen', title: "Watches for Xen's banner, Dom0's login, and every panic and reset.", machine: xen },
  { name: 'steps', title: 'The steps of a scenario, in order.', machine: steps },
  { name: 'domain', title: 'A guest as the toolstack and SSH see it.', machine: domain },
];
