import type { XenBuild } from './build.ts';

/** Whether a build is of a tree with the series: 4.22 and later, as they are under test. */
export function hasSciSeries(build: XenBuild): boolean {
  return atLeast(build, [4, 22]);
}

/** Whether Xen has the SCI subsystem (upstream since 4.21). */
export function hasSciSubsystem(build: XenBuild): boolean {
  return atLeast(build, [4, 21]);
}

/** A version that begins with no number, and an absent one, is the tree under test. */
function atLeast({ version }: XenBuild, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version ?? '');
  if (match === null) return true;
  const [given, givenMinor] = [Number(match[1]), Number(match[2])];
  return given > major || (given === major && givenMinor >= minor);
}
