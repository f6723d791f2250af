/**
 * Messages of the built-in SCMI drivers when their protocol comes up: clock.c and clk-scmi.c, reset.c,
 * power.c and scmi_pm_domain.c of the kernel. Each function sends the messages in the driver's order.
 */
import { protocolId } from '../scmi/protocol-ids.ts';
import { textOfWords } from '../scmi/shared-memory.ts';
import { errno } from './errno.ts';
import type { KernelVersion } from './kernel-version.ts';
import type { ScmiChannel } from './scmi-channel.ts';

export interface ScmiClock {
  readonly id: number;
  readonly name: string;
}

export interface ScmiPowerDomain {
  readonly id: number;
  readonly name: string;
  readonly on: boolean;
}

/** A protocol's first answers; `error` is the negative errno with which its driver's probe fails. */
export interface Probed<Item> {
  readonly error: number;
  readonly items: readonly Item[];
}

/**
 * Clocks that firmware names. One whose attributes are refused stays a hole: it has no name, so it is
 * not registered and nothing shows that it exists.
 */
export function probeClocks(channel: ScmiChannel, kernel: KernelVersion): Probed<ScmiClock> {
  const clock = protocolId.clock;
  const attributes = channel.send(clock, message.attributes);
  if (attributes.error !== 0) return { error: attributes.error, items: [] };
  askForNotifications(channel, kernel, clock, [0x9, 0xa]);
  const items: ScmiClock[] = [];
  for (let id = 0; id < (word(attributes.words) & 0xffff); id++) {
    const reply = channel.send(clock, clockMessage.attributes, [id]);
    if (reply.error !== 0) continue;
    const name = textOfWords(reply.words.slice(1, 5));
    describeRates(channel, id);
    if (name !== '') items.push({ id, name });
  }
  return { error: 0, items };
}

/** Hz; 0 where firmware refuses, as in clk_summary. */
export function clockRate(channel: ScmiChannel, id: number): number {
  const { words } = channel.send(protocolId.clock, clockMessage.rateGet, [id]);
  return word(words) + word(words, 1) * 0x1_0000_0000;
}

/** Whether a clock runs, as the attributes say it (scmi_clock_state_get of the clock protocol 2.0). */
export function clockEnabled(channel: ScmiChannel, id: number): boolean {
  const { error, words } = channel.send(protocolId.clock, clockMessage.attributes, [id]);
  return error === 0 && (word(words) & 1) !== 0;
}

/** @returns 0 or a negative errno */
export function setClock(channel: ScmiChannel, id: number, enable: boolean): number {
  return channel.send(protocolId.clock, clockMessage.configSet, [id, enable ? 1 : 0]).error;
}

/** Reset domains; their attributes are asked for and, where refused, left blank. */
export function probeResets(channel: ScmiChannel, kernel: KernelVersion): Probed<string> {
  const reset = protocolId.resetDomain;
  const attributes = channel.send(reset, message.attributes);
  if (attributes.error !== 0) return { error: attributes.error, items: [] };
  askForNotifications(channel, kernel, reset, [0x5]);
  const items = Array.from({ length: word(attributes.words) & 0xffff }, (_, id) => {
    const { words } = channel.send(reset, domainAttributes, [id]);
    return textOfWords(words.slice(2, 6));
  });
  return { error: 0, items };
}

/** Power domains and their states. */
export function probePowerDomains(channel: ScmiChannel, kernel: KernelVersion): Probed<ScmiPowerDomain> {
  const power = protocolId.powerDomain;
  const attributes = channel.send(power, message.attributes);
  if (attributes.error !== 0) return { error: attributes.error, items: [] };
  askForNotifications(channel, kernel, power, [0x6]);
  const names = Array.from({ length: word(attributes.words) & 0xffff }, (_, id) => {
    const { words } = channel.send(power, domainAttributes, [id]);
    return textOfWords(words.slice(1, 5));
  });
  const items = names.flatMap((name, id) => {
    const { error, words } = channel.send(power, powerStateGet, [id]);
    return error === 0 ? [{ id, name, on: (word(words) & powerOff) === 0 }] : [];
  });
  return { error: 0, items };
}

/**
 * scmi_pd_power_off(): switches a power domain off.
 * @returns 0 or a negative errno
 */
export function setPowerOff(channel: ScmiChannel, id: number, kernel: KernelVersion): number {
  const { error } = channel.send(protocolId.powerDomain, powerStateSet, [0, id, powerOff]);
  if (error !== 0 || !kernel.verifiesPowerState) return error;
  const { error: refused, words } = channel.send(protocolId.powerDomain, powerStateGet, [id]);
  return refused !== 0 || word(words) === powerOff ? refused : -errno.EIO;
}

const message = { attributes: 0x1, messageAttributes: 0x2 } as const;
const clockMessage = { attributes: 0x3, describeRates: 0x4, rateGet: 0x6, configSet: 0x7 } as const;
const domainAttributes = 0x3;
const powerStateSet = 0x4;
const powerStateGet = 0x5;
const powerOff = 0x4000_0000;

/** The list comes in parts until none remain; a part that brings nothing ends it (scmi_iterator_run). */
function describeRates(channel: ScmiChannel, id: number): void {
  for (let index = 0; ; ) {
    const { error, words } = channel.send(protocolId.clock, clockMessage.describeRates, [id, index]);
    const returned = word(words) & 0xfff;
    const remaining = word(words) >>> 16;
    if (error !== 0 || returned === 0 || remaining === 0) return;
    index += returned;
  }
}

function askForNotifications(
  channel: ScmiChannel,
  kernel: KernelVersion,
  protocol: number,
  notifications: readonly number[],
): void {
  if (!kernel.asksForNotifications) return;
  for (const id of notifications) channel.send(protocol, message.messageAttributes, [id]);
}

function word(words: readonly number[], index = 0): number {
  return words[index] ?? 0;
}
