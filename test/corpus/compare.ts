/** One case of the corpus: what was recorded against what the model predicts. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { predict } from '../../src/model/predict/predict.ts';
import type { PredictedLine, PredictedMessage, Prediction } from '../../src/model/predict/prediction.ts';
import { loadCase, readCaseFile } from '../../src/scenario/case.ts';
import { readConsoleLog } from './console-log.ts';
import { readFirmwareLog } from './firmware-log.ts';

/** The parts of a case that are compared; null: exact, else the first difference. */
export interface Comparison {
  readonly name: string;
  /** Why the sources leave this case open; null where they do not. */
  readonly undefined: string | null;
  readonly xen: string | null;
  readonly toolstack: string | null;
  readonly xenMessages: string | null;
  readonly allMessages: string | null;
  readonly prediction: Prediction;
}

export function compareCase(directory: string): Comparison {
  const document = readCaseFile(directory);
  const prediction = predict(loadCase(directory));
  const console = readConsoleLog(readFileSync(path.join(directory, 'console.log')));
  const messages = recordedMessages(directory);
  const own = prediction.mediator.agentId;
  const isOwn = ({ agent }: { agent: number }): boolean => agent === own;
  return {
    name: document.name,
    undefined: document.undefined ?? null,
    xen: compareLines(prediction, 'xen', console.xen),
    toolstack: compareLines(prediction, 'xl', console.xl) ?? compareStatus(prediction, document.toolstack),
    xenMessages: compareTexts(
      prediction.firmware.filter(isOwn).map(textOf),
      messages.filter(isOwn).map(textOf),
    ),
    allMessages: compareAgents(document.name, prediction, messages),
    prediction,
  };
}

/** Firmware writes to the secure UART, or to the one that all share. */
function recordedMessages(directory: string): readonly PredictedMessage[] {
  return ['el3.log', 'console.log']
    .map(name => path.join(directory, name))
    .filter(file => existsSync(file))
    .flatMap(file => readFirmwareLog(readFileSync(file)));
}

function is(line: PredictedLine | undefined, text: string | undefined): boolean {
  return line !== undefined && text !== undefined && new RegExp(line.pattern).test(text);
}

function compareLines(
  { console }: Prediction,
  source: 'xen' | 'xl',
  recorded: readonly string[],
): string | null {
  const all = console.filter(each => each.source === source);
  // Of the lines that nobody has to see, those that stand in the log.
  const predicted: PredictedLine[] = [];
  for (const line of all) {
    if (line.optional === undefined || is(line, recorded[predicted.length])) predicted.push(line);
  }
  return firstDifference(
    predicted.map(({ text }) => text),
    recorded,
    index => is(predicted[index], recorded[index]),
  );
}

function compareTexts(predicted: readonly string[], recorded: readonly string[]): string | null {
  return firstDifference(predicted, recorded, index => predicted[index] === recorded[index]);
}

/** Domains run at the same time: each agent's messages have an order, those of several have none. */
function compareAgents(
  name: string,
  { firmware }: Prediction,
  recorded: readonly PredictedMessage[],
): string | null {
  const agents = new Set([...firmware, ...recorded].map(({ agent }) => agent));
  for (const each of agents) {
    const ofAgent = (messages: readonly PredictedMessage[]): string[] =>
      messages.filter(({ agent }) => agent === each).map(textOf);
    const lengths = endedWhileBooting[name]?.[each] ?? [];
    const difference = compareTexts(cutBoots(ofAgent(firmware), lengths), ofAgent(recorded));
    if (difference !== null) return difference;
  }
  return null;
}

/**
 * Guests that were ended by hand while they booted, when the case was recorded: by their agent, how many messages each of
 * their kernels had sent by then. Only the log of the firmware tells.
 */
const endedWhileBooting: Readonly<Record<string, Readonly<Record<number, readonly number[]>>>> = {
  'y-xl-domctl-assign': { 2: [45] },
  'y-xl-fw-notpriv': { 2: [0] },
  'y-xl-fw-reset-denied': { 2: [0] },
  'y-xl-inuse': { 2: [0, 0] },
  'y-xl-iomem-wrong-page': { 2: [0] },
  'y-xl-verbose': { 2: [35] },
};

function cutBoots(messages: readonly string[], lengths: readonly number[]): readonly string[] {
  return splitBoots(messages).flatMap((boot, index) => boot.slice(0, lengths[index]));
}

/** A kernel's first message is PROTOCOL_VERSION of Base. */
function splitBoots(messages: readonly string[]): readonly (readonly string[])[] {
  const boots: string[][] = [];
  for (const message of messages) {
    if (boots.length === 0 || / protocol 16 message 0 /.test(message)) boots.push([]);
    boots.at(-1)?.push(message);
  }
  return boots;
}

/** Exit statuses, where the case recorded them. */
function compareStatus(
  { toolstack }: Prediction,
  recorded: readonly { readonly do: string; readonly rc?: number | undefined }[],
): string | null {
  for (const [index, { do: what, rc }] of recorded.entries()) {
    if (rc === undefined || toolstack[index]?.rc === rc) continue;
    return `${what} (step ${index}): exit status ${toolstack[index]?.rc} instead of ${rc}`;
  }
  return null;
}

function firstDifference(
  predicted: readonly string[],
  recorded: readonly string[],
  same: (index: number) => boolean,
): string | null {
  for (let index = 0; index < Math.max(predicted.length, recorded.length); index++) {
    if (index < predicted.length && index < recorded.length && same(index)) continue;
    return `line ${index}: predicted ${quoted(predicted[index])}, recorded ${quoted(recorded[index])}`;
  }
  return null;
}

const quoted = (text: string | undefined): string => (text === undefined ? 'nothing' : JSON.stringify(text));

function textOf({ functionId, agent, protocol, message, status }: PredictedMessage): string {
  return `${functionId} agent ${agent} protocol ${protocol} message ${message} status ${status}`;
}
