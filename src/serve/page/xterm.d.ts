// The server serves the terminal's own module under this name (page-files.ts).
export { Terminal } from '@xterm/xterm';
