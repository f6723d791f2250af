/**
 * Events of the console for the machines: only the signs that move them, each with the line that
 * showed it. The patterns are the board type's and the console reader's.
 */
export type ConsoleEvent =
  /** A stage before Xen has started: the EEPROM, BL2, BL31, U-Boot. */
  | { readonly type: 'console.banner'; readonly line: string }
  /** The banner of a stage that was over: the board has started again; `because`: what it had said before of itself. */
  | { readonly type: 'console.reset'; readonly line: string; readonly because?: string }
  /** The EEPROM says that the supply had not been cut. */
  | { readonly type: 'console.warmBoot'; readonly line: string }
  /** It says that it is not the board that the lab means. */
  | { readonly type: 'console.otherBoard'; readonly line: string }
  /** The line is away: what is waited for may have come unheard. */
  | { readonly type: 'console.gap'; readonly line: string }
  | { readonly type: 'console.autoboot'; readonly line: string }
  | { readonly type: 'console.prompt'; readonly line: string }
  /** The boot loader's own word that something did not work. */
  | { readonly type: 'console.refusal'; readonly line: string }
  /** The boot loader's last words before the kernel's first. */
  | { readonly type: 'console.handOver'; readonly line: string }
  | { readonly type: 'console.xen'; readonly line: string }
  | { readonly type: 'console.login'; readonly line: string }
  /** The bare-metal probe can be asked. */
  | { readonly type: 'console.probe'; readonly line: string }
  /** `line` is the message of the panic. */
  | { readonly type: 'console.xenPanic'; readonly line: string }
  /** Dom0's kernel panic, an abort in the boot loader, a panic in EL3. */
  | { readonly type: 'console.crash'; readonly who: Crashed; readonly line: string }
  /** Xen says that Dom0 has ended and the machine halts or restarts. */
  | { readonly type: 'console.halt'; readonly line: string };

type Crashed = 'firmware' | 'boot loader' | 'Dom0';
