/** config.txt as far as it names what is loaded (Raspberry Pi documentation, config_txt/boot). */

export interface EepromConfig {
  readonly kernel: string;
  readonly kernelAddress: number;
  readonly armstub: string;
  readonly tree: string;
  readonly commandLine: string;
  /** Without an address: behind all else (`followkernel`). */
  readonly initramfs?: { readonly file: string; readonly address?: number };
  /** Of `dtoverlay=NAME,PARAMETERS`, the names. */
  readonly overlays: readonly string[];
  /** It has lines `dtoverlay=` or `dtparam=`. */
  readonly changesTree: boolean;
}

/** Where the kernel goes unless config.txt says otherwise. */
const kernelAddress = 0x200000;

export function readEepromConfig(text: string): EepromConfig {
  const settings = new Map<string, string>();
  const overlays: string[] = [];
  let initramfs: EepromConfig['initramfs'];
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^\s*([a-z0-9_]+)=(.*)$/i.exec(line) ?? [];
    const [, file, address] = /^\s*initramfs\s+(\S+)(?:\s+(\S+))?/i.exec(line) ?? [];
    if (file !== undefined)
      initramfs = { file, ...(address?.startsWith('0x') && { address: Number(address) }) };
    if (name === undefined || value === undefined) continue;
    const [overlay = ''] = value.trim().split(',');
    if (name !== 'dtoverlay') settings.set(name, value.trim());
    else if (overlay !== '') overlays.push(overlay);
  }
  return {
    kernel: settings.get('kernel') ?? 'kernel_2712.img',
    kernelAddress: Number(settings.get('kernel_address') ?? kernelAddress),
    armstub: settings.get('armstub') ?? 'armstub8-2712.bin',
    tree: settings.get('device_tree') ?? 'bcm2712-rpi-5-b.dtb',
    commandLine: settings.get('cmdline') ?? 'cmdline.txt',
    ...(initramfs !== undefined && { initramfs }),
    overlays,
    changesTree: overlays.length > 0 || settings.has('dtparam'),
  };
}
