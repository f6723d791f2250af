/** Checks of the DHCP server that a network boot needs, as far as it can be seen from here. */
import type { Check, Circumstances, PhysicalBoard } from './check.ts';
import { warning, ok } from './finding.ts';
import { holderOfUdpPort } from '../lab/drivers/tftp/port-holder.ts';

/** UDP port of a DHCP server (RFC 2131). */
const serverPort = 67;

/** Only a Raspberry Pi asks; U-Boot is told its addresses. */
export function dhcpCheck(
  { name, type, setup }: PhysicalBoard,
  { root }: Pick<Circumstances, 'root'>,
): Check {
  return {
    name: 'dhcp',
    deadline: 20_000,
    look: async () => {
      if (type.soc !== 'bcm2712') return [];
      const server = await holderOfUdpPort(serverPort, root);
      const serial =
        setup.network.serialNumber === undefined
          ? [
              warning(
                'the lab file has no network.serialNumber, and the EEPROM asks for files below it',
                `set boards.${name}.network.serialNumber (its last 8 digits stand behind \`serial\` in the line BOOTMODE that the EEPROM prints)`,
              ),
            ]
          : [];
      return [
        server === undefined
          ? warning(
              'no DHCP server is seen on this machine',
              `one on the board's network must send option 43 and a boot file name: scmi-hil dhcp-config ${name}`,
            )
          : ok(
              `${server.command} (process ${server.pid}) serves DHCP; scmi-hil dhcp-config ${name} is what it needs to say`,
            ),
        ...serial,
      ];
    },
  };
}
