/**
 * Messages of the pin control driver while it binds: arm_scmi/pinctrl.c and pinctrl-scmi.c of the kernel, and
 * pinctrl/pinmux.c, which wants the name of every function. Groups are asked for when a device uses them.
 */
import { protocolId } from '../scmi/protocol-ids.ts';
import { errno, errorName } from './errno.ts';
import type { ScmiChannel } from './scmi-channel.ts';

export interface PinControlProbe {
  readonly channel: Pick<ScmiChannel, 'send'>;
  /** Prints a line of the SCMI instance's, or of the driver's own device. */
  readonly say: (who: 'instance' | 'driver', text: string) => void;
}

/** @returns 0, or the negative errno with which the driver's probe fails */
export function probePinControl(probe: PinControlProbe): number {
  const { error, words } = probe.channel.send(pinControl, message.protocolAttributes);
  if (error !== 0) return error;
  const [low = 0, high = 0] = words;
  const pins = low & 0xffff;
  if (pins === 0) {
    probe.say('instance', 'returned zero pins');
    return -errno.EINVAL;
  }
  for (let pin = 0; pin < pins; pin++) {
    const { error: refused } = askName(probe, selector.pin, pin);
    if (refused === 0) continue;
    probe.say('driver', `error ${errorName(refused)}: Can't get name for pin ${pin}`);
    return refused;
  }
  for (let id = 0; id < (high & 0xffff); id++) {
    const refused = askFunction(probe, id);
    if (refused === 0) continue;
    probe.say('driver', `get name failed with err ${refused}`);
    probe.say('driver', `pinmux ops has no name for function${id}`);
    probe.say('driver', `error ${errorName(-errno.EINVAL)}: Failed to register pinctrl`);
    return -errno.EINVAL;
  }
  return 0;
}

interface Named {
  readonly error: number;
  /** Groups of a function. */
  readonly elements: number;
}

/** The short name, and the long one where firmware says that there is one. */
function askName({ channel, say }: PinControlProbe, kind: number, id: number): Named {
  const { error, words } = channel.send(pinControl, message.attributes, [id, kind]);
  if (error !== 0) return { error, elements: 0 };
  const attributes = words[0] ?? 0;
  const elements = attributes & 0xffff;
  if (attributes >>> 31 === 0) return { error: 0, elements };
  const extended = channel.send(pinControl, message.nameGet, [id, kind]);
  if (extended.error !== 0) {
    say('instance', `Failed to get extended name - id:${id} (ret:${extended.error}). Using short one.`);
  }
  return { error: extended.error, elements };
}

function askFunction(probe: PinControlProbe, id: number): number {
  const { error, elements } = askName(probe, selector.function, id);
  if (error !== 0) return error;
  if (elements === 0) {
    probe.say('instance', `Function ${id} has 0 elements`);
    return -errno.ENODATA;
  }
  return listGroups(probe.channel, id);
}

/** The list comes in parts until none remain; a part that brings nothing ends it (scmi_iterator_run). */
function listGroups(channel: PinControlProbe['channel'], id: number): number {
  for (let index = 0; ; ) {
    const { error, words } = channel.send(pinControl, message.listAssociations, [
      id,
      selector.function,
      index,
    ]);
    if (error !== 0) return error;
    const [flags = 0] = words;
    const returned = flags & 0xfff;
    if (returned === 0 || flags >>> 16 === 0) return 0;
    index += returned;
  }
}

const { pinControl } = protocolId;
const message = { protocolAttributes: 0x1, attributes: 0x3, listAssociations: 0x4, nameGet: 0x9 } as const;
/** enum scmi_pinctrl_selector_type */
const selector = { pin: 0, function: 2 } as const;
