/** The clocks of a kernel, as far as SCMI and fixed clocks go (drivers/clk/clk.c). */

interface ClockConsumer {
  /** Device that holds the clock: `9010000.pl031`. */
  readonly device: string;
  /** Name in the device's `clock-names`. */
  readonly connection: string;
}

export interface Clock {
  readonly name: string;
  /** Id at firmware; null for a clock that Linux knows by itself. */
  readonly scmiId: number | null;
  /** Hz as it was when the clock was registered. */
  readonly rate: number;
  /** How often it is prepared and enabled. */
  uses: number;
  readonly consumers: ClockConsumer[];
}

export class ClockTree {
  /** Newest first: so clk_summary prints them, so the unused ones are switched off. */
  readonly clocks: Clock[] = [];

  register(name: string, rate: number, scmiId: number | null): Clock {
    const clock: Clock = { name, rate, scmiId, uses: 0, consumers: [] };
    this.clocks.unshift(clock);
    return clock;
  }

  ofScmi(id: number): Clock | undefined {
    return this.clocks.find(each => each.scmiId === id);
  }
}

/**
 * `/sys/kernel/debug/clk/clk_summary` (clk_summary_show of Linux 6.1 to 7.2).
 *
 * @param rate reads a clock's rate in Hz: an SCMI clock's is asked of firmware at every reading
 */
export function clockSummary(tree: ClockTree, rate: (clock: Clock) => number): string {
  return [...header, ...tree.clocks.flatMap(clock => summaryLines(clock, rate(clock)))]
    .map(line => `${line}\n`)
    .join('');
}

const header = [
  '                                 enable  prepare  protect                                duty  hardware                            connection',
  '   clock                          count    count    count        rate   accuracy phase  cycle    enable   consumer                         id',
  '-'.repeat(141),
];

function summaryLines(clock: Clock, rate: number): string[] {
  const uses = String(clock.uses);
  const numbers = `${uses.padEnd(7)} ${uses.padEnd(8)} ${'0'.padEnd(8)} ${String(rate).padEnd(11)} ${'0'.padEnd(10)} `;
  const start = ` ${clock.name.padEnd(35)} ${numbers}${'0'.padEnd(5)} ${'50000'.padEnd(6)} ${'Y'.padStart(5)}   `;
  const holders = [...clock.consumers, { device: 'deviceless', connection: 'no_connection_id' }];
  return holders.map(({ device, connection }, index) => {
    const margin = index === 0 ? start : ' '.repeat(start.length);
    return `${margin}${device.padEnd(30)}  ${connection.padEnd(25)}`;
  });
}
