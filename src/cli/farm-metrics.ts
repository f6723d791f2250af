/** `scmi-hil farm metrics`: the boards of the lab and their runs for Prometheus (its text format 0.0.4). */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { HistoryStore } from '../verdict/history/store.ts';
import type { PastRun } from '../verdict/history/past-run.ts';
import { useOf } from './boards.ts';
import { type CliProcess, exitCode } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption } from './lab-option.ts';

interface MetricsOptions extends LabOption {
  readonly runs: string;
}

/** Adds `metrics` to the command `farm`. */
export function addFarmMetrics(farm: Command, process: CliProcess, done: (code: number) => void): void {
  const metrics = addLabOption(farm.command('metrics'))
    .description(
      "Prints the boards of the lab and their runs in Prometheus' text form, for a textfile collector or a small web server.",
    )
    .option('--runs <directory>', 'the directory of runs', 'runs')
    .action(async (options: MetricsOptions) => {
      process.stdout.write(await metricsText(options, process));
      done(exitCode.met);
    });
  addHelpNotes(metrics, {
    examples: [
      ['farm metrics > /var/lib/prometheus/node-exporter/scmi-hil.prom', 'by a timer, for node_exporter'],
    ],
    exits: { met: 'printed', usage: commonExits.usage },
  });
}

type Labels = Readonly<Record<string, string>>;

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

async function metricsText(options: MetricsOptions, process: CliProcess): Promise<string> {
  const lab = labOf(options, process);
  const boards = await Promise.all(
    [...lab.boards.values()].map(async entry => ({
      labels: { board: entry.name, type: entry.type.type },
      use: await useOf(entry),
    })),
  );
  const wrong = [...lab.wrong.keys()].map(board => ({ labels: { board, type: '' }, value: 0 }));
  const of = (value: (use: (typeof boards)[number]['use']) => number) =>
    boards.map(({ labels, use }) => ({ labels, value: value(use) }));
  const directory = path.resolve(process.cwd, options.runs);
  const metrics: Metric[] = [
    {
      name: 'scmi_hil_board_up',
      help: 'The lab file is right about the board, and it is in rotation.',
      samples: [...of(({ outOfRotation }) => Number(outOfRotation === null)), ...wrong],
    },
    {
      name: 'scmi_hil_board_held',
      help: 'A process has the board.',
      samples: of(({ heldBy }) => Number(heldBy !== null)),
    },
    {
      name: 'scmi_hil_board_waiting',
      help: 'Processes that wait for the board.',
      samples: of(({ waiting }) => waiting.length),
    },
    ...runMetrics(existsSync(directory) ? pastRuns(directory) : []),
  ];
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(textOf)
    .join('');
}

function pastRuns(directory: string): readonly PastRun[] {
  using store = new HistoryStore(directory);
  return store.runs().filter(({ onPurpose }) => onPurpose === null);
}

/** Of the runs whose directories are kept: gauges, since old ones are removed. */
function runMetrics(runs: readonly PastRun[]): Metric[] {
  const count = (labelsOf: (run: PastRun) => Labels, counted = runs) =>
    [...Map.groupBy(counted, run => JSON.stringify(labelsOf(run)))].map(([labels, own]) => ({
      labels: JSON.parse(labels) as Labels,
      value: own.length,
    }));
  const last = [...Map.groupBy(runs, ({ board }) => board)].map(([board, own]) => ({
    labels: { board },
    value: Math.max(...own.map(({ started }) => Date.parse(started) / 1000).filter(Number.isFinite), 0),
  }));
  return [
    {
      name: 'scmi_hil_runs',
      help: 'Kept runs by outcome.',
      samples: count(({ board, outcome }) => ({ board, outcome })),
    },
    {
      name: 'scmi_hil_infrastructure_errors',
      help: 'Kept runs that the lab failed, by cause.',
      samples: count(
        ({ board, cause }) => ({ board, cause: causeOf(cause) }),
        runs.filter(({ outcome }) => outcome === 'infrastructure'),
      ),
    },
    { name: 'scmi_hil_last_run_timestamp_seconds', help: 'Start of the last kept run.', samples: last },
  ];
}

/** Without numbers, addresses and names, which would make a series of each run. */
function causeOf(cause: string | null): string {
  return (cause ?? 'unknown')
    .replaceAll(/"[^"]*"|\(.*|\/\S+|\b\S*\d\S*/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 80);
}

function textOf({ name, help, samples }: Metric): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapedLabel(text)}"`);
    return `${name}{${pairs.join(',')}} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function escapedLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
