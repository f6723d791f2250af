/** Which of the adapters that are plugged in a board's console hangs on. */
import { ConfigurationError } from '../../config/configuration-error.ts';
import type { Answers } from './lab-text.ts';
import type { Answerer } from './question.ts';
import type { SerialAdapter } from './serial-adapters.ts';

/** @param type of the board, for the adapter that usually stands beside it */
export async function serialOf(
  answerer: Answerer,
  adapters: readonly SerialAdapter[],
  type: string,
): Promise<Pick<Answers, 'serial' | 'serialTitle'> | undefined> {
  const serial = await answerer.answer({
    option: 'serial',
    text: 'Serial console (a device, or rfc2217://HOST:PORT, tcp://HOST:PORT)',
    fallback: usualAdapter(adapters, type)?.path,
    choices: adapters.map(({ path, title, port }) => ({
      value: path,
      title: port === undefined ? title : `${title}, interface ${port}`,
    })),
    check: readSerial,
  });
  if (serial === undefined) return undefined;
  const title = adapters.find(({ path }) => serial.kind === 'device' && path === serial.path)?.title;
  return { serial, serialTitle: title };
}

/** The one that is made for boards of that type, else the only one that there is. */
export function usualAdapter(adapters: readonly SerialAdapter[], type: string): SerialAdapter | undefined {
  const consoles = adapters.filter(
    ({ kind, port }) => kind?.consolePort === undefined || port === undefined || kind.consolePort === port,
  );
  const suiting = consoles.filter(({ kind }) => kind?.boards.some(each => type.startsWith(each)) === true);
  const candidates = suiting.length > 0 ? suiting : consoles;
  return candidates.length === 1 ? candidates[0] : undefined;
}

function readSerial(text: string): Answers['serial'] {
  if (text.startsWith('/')) return { kind: 'device', path: text };
  const socket = /^(rfc2217|tcp):\/\/(\[[0-9a-f:]+\]|[^\s/:]+):(\d{1,5})\/?$/i.exec(text);
  const [, kind = '', host = '', port = ''] = socket ?? [];
  if (socket !== null && Number(port) >= 1 && Number(port) <= 65_535) {
    return {
      kind: kind.toLowerCase() === 'tcp' ? 'tcp' : 'rfc2217',
      host: host.replace(/^\[|\]$/g, ''),
      port: Number(port),
    };
  }
  throw new ConfigurationError(
    `${text}: neither a device nor a socket`,
    'such as /dev/serial/by-id/usb-..., or rfc2217://HOST:PORT',
  );
}
