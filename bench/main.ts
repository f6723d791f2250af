/** `npm run bench`: every measurement, each beside what it is compared with. */
import { type Bench, measurementLine } from './bench.ts';

const benches: readonly (() => Promise<{ readonly run: Bench }>)[] = [
  () => import('./console.ts'),
  () => import('./device-tree.ts'),
  () => import('./predict.ts'),
  () => import('./explore.ts'),
  () => import('./virtual-run.ts'),
  () => import('./probe.ts'),
  () => import('./qemu-virt.ts'),
];

for (const load of benches) {
  const { run } = await load();
  for (const measured of await run()) process.stdout.write(`${measurementLine(measured)}\n`);
}
