/** The files of the page. They are served as they are in the sources: no step builds them. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { projectDirectory } from '../config/project-directory.ts';

export interface PageFile {
  readonly address: string;
  readonly type: string;
  readonly read: () => string;
}

const directory = path.join(projectDirectory, 'src/serve/page');
const require = createRequire(import.meta.url);

const own = (name: string) => () => readFileSync(path.join(directory, name), 'utf8');
const xterm = (name: string) => () => readFileSync(require.resolve(`@xterm/xterm/${name}`), 'utf8');

export const pageFiles: readonly PageFile[] = [
  { address: '/', type: 'text/html; charset=utf-8', read: own('index.html') },
  { address: '/page.css', type: 'text/css', read: own('page.css') },
  { address: '/page.js', type: 'text/javascript', read: own('page.js') },
  { address: '/xterm.css', type: 'text/css', read: xterm('css/xterm.css') },
  { address: '/xterm.js', type: 'text/javascript', read: xterm('lib/xterm.mjs') },
];
