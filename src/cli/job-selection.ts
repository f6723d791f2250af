/** Options of `run` that select some of the jobs, and those that say when to stop and what to run again. */
import type { Command } from 'commander';
import { nearestName } from '../config/nearest-name.ts';
import { escaped } from '../config/text.ts';
import type { ScenarioFile } from '../scenario/load.ts';
import { UsageError } from './command.ts';
import type { Job } from './run-plan.ts';

export interface SelectionOptions {
  readonly match?: string;
  readonly claims?: string;
  readonly shard?: string;
  readonly failFast?: boolean;
  readonly retry?: string;
}

/** Adds the options. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--match <glob>', 'only scenarios whose name matches: guest-*, *agent?')
    .option('--claims <ids>', 'only scenarios that test one of these claims of the series: D4,v9-1')
    .option('--shard <i/n>', 'only the i-th of n parts of the runs, for n jobs of a CI')
    .option('--fail-fast', 'start no further run once one has failed')
    .option('--retry <n>', 'run again, up to n times, what ended as an infrastructure error');
}

/**
 * Scenarios that `--match` and `--claims` leave.
 * @throws UsageError where they leave none
 */
export function selectedFiles(
  files: readonly ScenarioFile[],
  { match, claims }: SelectionOptions,
): readonly ScenarioFile[] {
  const pattern = match === undefined ? /^/ : globPattern(match);
  const ids = claims?.split(',').map(id => id.trim());
  const matching = files.filter(({ name }) => pattern.test(name));
  if (matching.length === 0) {
    const meant = nearestName(
      match ?? '',
      files.map(({ name }) => name),
    );
    throw new UsageError(
      `--match ${match}: no scenario has a name like it`,
      meant === undefined ? 'see: scmi-hil scenarios' : `did you mean ${meant}?`,
    );
  }
  if (ids === undefined) return matching;
  const testing = matching.filter(({ document }) => {
    const own = [...document.claims, ...document.statements.flatMap(statement => statement.claims)];
    return own.some(id => ids.includes(id));
  });
  if (testing.length > 0) return testing;
  throw new UsageError(`--claims ${claims}: no scenario tests it`, 'see: scmi-hil scenarios --matrix');
}

/**
 * The part of the jobs that `--shard i/n` asks for: every n-th of them, so that all parts take about as long.
 * @throws UsageError where it is no part
 */
export function shardOf(jobs: readonly Job[], shard: string | undefined): readonly Job[] {
  if (shard === undefined) return jobs;
  const [, part = '', parts = ''] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(shard) ?? [];
  const [index, count] = [Number(part), Number(parts)];
  if (part === '' || index > count) {
    throw new UsageError(`--shard ${shard}: a part of the runs is expected`, 'for instance --shard 1/4');
  }
  const own = jobs.filter((_, number) => number % count === index - 1);
  if (own.length > 0) return own;
  throw new UsageError(`--shard ${shard}: it has no run`, `there are ${jobs.length} runs`);
}

/**
 * How often a run that ends as an infrastructure error is made again.
 * @throws UsageError
 */
export function retriesOf(retry: string | undefined): number {
  if (retry === undefined) return 0;
  if (/^\d{1,2}$/.test(retry)) return Number(retry);
  throw new UsageError(`--retry ${retry}: a number up to 99 is expected`, 'for instance --retry 2');
}

/** `*` stands for any text, `?` for any one character. */
function globPattern(glob: string): RegExp {
  const source = escaped(glob).replaceAll(String.raw`\*`, '.*').replaceAll(String.raw`\?`, '.');
  return new RegExp(`^${source}$`);
}
