/** `scmi-hil dhcp-config`: a board's part of a DHCP server's configuration. */
import { byKind } from '../lab/abilities.ts';
import { type DhcpBoard, dhcpConfiguration } from '../lab/dhcp-config.ts';
import { type AddressedBoard, addressedBoardOf } from '../lab/load-lab.ts';
import { macAddress } from '../lab/open-emulated.ts';
import { type AddCommand, exitCode, UsageError } from './command.ts';
import { addHelpNotes, commonExits } from './help.ts';
import { addLabOption, labOf, type LabOption, warnOfWrong } from './lab-option.ts';

export const addDhcpConfig: AddCommand = (program, process, done) => {
  const command = addLabOption(program.command('dhcp-config'))
    .description(
      "Prints dnsmasq's configuration for a board of the lab: its address, and what its boot asks for.",
    )
    .argument('<board>', 'name of the board')
    .action((name: string, options: LabOption) => {
      const lab = labOf(options, process, [name]);
      const lines = dhcpConfiguration(networkOf(addressedBoardOf(lab, name)));
      warnOfWrong(lab, name, process);
      process.stdout.write(`${lines.join('\n')}\n`);
      done(exitCode.met);
    });
  addHelpNotes(command, {
    examples: [['dhcp-config rpi5-01 > /etc/dnsmasq.d/rpi5-01.conf', 'then restart dnsmasq']],
    exits: { met: 'printed', usage: commonExits.usage },
  });
};

function networkOf(board: AddressedBoard): DhcpBoard {
  const { name, type } = board;
  const asks = type.boot.eeprom === undefined ? 'u-boot' : 'eeprom';
  return byKind<AddressedBoard['setup'], DhcpBoard>(board, {
    virtual: () => {
      throw new UsageError(`${name} is virtual: it asks no DHCP server`, 'name a board of a lab file');
    },
    emulated: () => {
      if (type.emulator === undefined) throw new UsageError(`${name}: ${type.type} has no emulator`);
      return { name, asks, macAddress, ...type.emulator.network };
    },
    physical: ({ network: { address, server, netmask, gateway, macAddress: own } }) => ({
      name,
      asks,
      macAddress: own,
      address,
      server,
      netmask,
      gateway,
    }),
  });
}
