/** Texts of the EL3 firmware: TF-A's BL1, BL2 and BL31, and OP-TEE, which shares their place in the boot. */
import type { Sign } from '../sign.ts';

export const tfaText = {
  /** TF-A pads each level to the same width (include/common/debug.h); OP-TEE has its own form (trace.c). */
  start: /^(?:NOTICE: {2}|INFO: {4}|ERROR: {3}|WARNING: Unknown \w+ Service Call|[IEDF]\/T[CA]:[ \d?])/,
  /** Words of U-Boot and of programs as well. */
  startWhileEarly: /^(?:WARNING|VERBOSE): /,
  /** R-Car's IPL has CONFIG_LOG_TIMESTAMP: `[    0.125709] NOTICE:  BL2: ...` (renesas-rcar/arm-trusted-firmware). */
  stamp: /^\[ *(\d+\.\d{6})\] (?=(?:NOTICE: {2}|INFO: {4}|ERROR: {3}|WARNING: |VERBOSE: ))/,
  banner: /^NOTICE: {2}(?:Booting Trusted Firmware|BL\d+: v\d)/,
  /** In the middle of a line of another talker, without doubt the firmware's. */
  breaksIn: 'NOTICE: {2}(?:Booting Trusted|BL\\d|SCMI:)|ERROR: {3}(?:Agent \\d|scmi: )',
  bl31: /NOTICE: +BL31: /,
  anyLevel: /^(?:NOTICE|INFO|ERROR|WARNING): +/,
  /** bl31/aarch64/crash_reporting.S, common/aarch64/debug.S, plat/common/aarch64/plat_common.c, lib/el3_runtime. */
  panic:
    /(?<![\w'"/])(PANIC (?:in|at) EL3|Unhandled (?:Interrupt )?Exception (?:in|from) (?:EL3|lower EL)|PANIC at PC : 0x[0-9a-f]+|Unhandled External Abort received)/,
} as const;

/** Errors of a boot that goes on well: the platform has no secure payload (common/runtime_svc.c, services/spd). */
const harmless =
  '(?!Error initializing runtime service|BL3[12]: Error (?:initializing|loading)|Failed to (?:load|open) tos_fw_config)';

export const tfaSigns: readonly Sign[] = [
  {
    name: 'bl1-banner',
    kind: 'milestone',
    talkers: ['tf-a', 'unknown'],
    pattern: /^(?:NOTICE|INFO): +BL1: v\d/,
    rank: 1,
    means: 'TF-A has started from reset',
    source: 'TF-A bl1/bl1_main.c',
  },
  {
    name: 'bl2-banner',
    kind: 'milestone',
    talkers: ['tf-a', 'unknown'],
    pattern: /^(?:NOTICE|INFO): +BL2: v\d/,
    rank: 2,
    means: 'the second stage of TF-A has started',
    source: 'TF-A bl2/bl2_main.c',
  },
  {
    name: 'bl31-banner',
    kind: 'milestone',
    talkers: ['tf-a', 'unknown'],
    pattern: /^(?:NOTICE|INFO): +BL31: v\d/,
    rank: 3,
    means: 'the EL3 firmware, which holds the SCMI server, has started',
    source: 'TF-A bl31/bl31_main.c',
  },
  {
    name: 'firmware-boots',
    kind: 'milestone',
    talkers: ['tf-a'],
    pattern:
      /^(?:NOTICE|INFO): +(?:BL1|BL2|BL31|Booting Trusted Firmware|R-Car Gen\d Initial Program Loader)\b/,
    rank: 0.6,
    isRepeated: true,
    means: 'a stage of the firmware that is over once a boot loader speaks',
    source: 'TF-A bl1/bl1_main.c, bl2/bl2_main.c, bl31/bl31_main.c',
  },
  {
    name: 'el3-panic',
    kind: 'fatal',
    pattern: tfaText.panic,
    means: 'a panic of the EL3 firmware',
    source:
      'TF-A bl31/aarch64/crash_reporting.S, common/aarch64/debug.S, plat/common/aarch64/plat_common.c; firmware/qemu-virt/el3/main.c',
  },
  {
    name: 'el3-assertion',
    kind: 'fatal',
    pattern: /^(ASSERT: .*)/,
    talkers: ['tf-a', 'xen', 'u-boot', 'linux', 'unknown'],
    means: 'an assertion of the EL3 firmware',
    source: 'TF-A lib/libc/assert.c',
  },
  {
    name: 'el3-error',
    kind: 'trouble',
    talkers: ['tf-a'],
    pattern: new RegExp(`^(?:ERROR: {3}|E/T[CA]:[ \\d?]+)${harmless}(?!.*Panic)(.*)`),
    means: 'an error of the EL3 firmware',
    source: 'TF-A include/common/debug.h, ERROR; OP-TEE core/kernel/trace.c, EMSG',
  },
  {
    name: 'op-tee-panic',
    kind: 'fatal',
    talkers: ['tf-a'],
    pattern: /^E\/TC:[ \d?]+(Panic .*)/,
    means: 'a panic of OP-TEE',
    source: 'OP-TEE core/kernel/panic.c',
  },
];
