/**
 * Departures of a firmware from the specification. A profile lists those that its firmware has; a
 * firmware without any answers as the specification (and its conformance tests) want it.
 */
export const quirks = {
  'channel-stays-busy': {
    effect:
      'after a transport error (channel not busy, length out of range) the channel answers ERROR|FREE for ever',
    source: 'TF-A drivers/scmi-msg/smt.c: the error paths do not release the channel',
  },
  'list-protocols-skip-unchecked': {
    effect: 'DISCOVER_LIST_PROTOCOLS with a skip beyond the end answers SUCCESS and no protocol',
    source: 'TF-A drivers/scmi-msg/base.c discover_list_protocols',
  },
  'discover-agent-invalid-parameters': {
    effect: 'DISCOVER_AGENT of an unknown agent answers INVALID_PARAMETERS, not NOT_FOUND',
    source: 'TF-A drivers/scmi-msg/base.c discover_agent',
  },
  'discover-agent-own-refused': {
    effect: 'DISCOVER_AGENT does not know 0xffffffff, the caller itself',
    source: 'xen-troops/arm-trusted-firmware 433f8165',
  },
  'permissions-invalid-parameters': {
    effect: 'messages 0x9, 0xA, 0xB answer an unknown agent or device with INVALID_PARAMETERS, not NOT_FOUND',
    source: 'TF-A drivers/scmi-msg/base.c set_device_permissions, reset_agent_configuration',
  },
  'permission-flags-unchecked': {
    effect: 'messages 0x9, 0xA, 0xB look at bit 0 of their flags only',
    source: 'TF-A drivers/scmi-msg/base.c',
  },
  'protocol-denial-only-hides': {
    effect: 'a denied protocol leaves the list of protocols, but still answers',
    source: 'reference firmware',
  },
  'deny-refused-for-others-device': {
    effect: 'denying an agent a device that another agent owns answers DENIED',
    source: 'reference firmware',
  },
  'deny-clears-any-owner': {
    effect:
      'denying an agent a device that another agent owns clears the owner and leaves its permission: the device can be given to a third agent, and then two may use it',
    source: 'TF-A plat/rpi/rpi5/scmi/scmi_policy.c plat_scmi_device_permission',
  },
  'clock-invalid-parameters': {
    effect: 'clock messages answer an unknown clock with INVALID_PARAMETERS, not NOT_FOUND',
    source: 'TF-A drivers/scmi-msg/clock.c',
  },
  'clock-flags-unchecked': {
    effect: 'RATE_SET ignores its flags, CONFIG_SET looks at bit 0 of its attributes only',
    source: 'TF-A drivers/scmi-msg/clock.c scmi_clock_config_set',
  },
  'clock-range-index-ignored': {
    effect: 'DESCRIBE_RATES of a range answers the range at any rate index',
    source: 'TF-A drivers/scmi-msg/clock.c scmi_clock_describe_rates',
  },
  'clock-rate-set-ignored': {
    effect: 'RATE_SET answers SUCCESS and changes nothing',
    source: 'TF-A plat/renesas/rcar_gen4/scmi/scmi_clocks.c plat_scmi_clock_set_rate',
  },
  'clock-denied-is-unnamed': {
    effect:
      'an agent without permission gets NOT_FOUND from CLOCK_ATTRIBUTES and rate 0 from RATE_GET, not DENIED',
    source: 'reference firmware',
  },
  'reset-attributes-invalid-parameters': {
    effect: 'RESET_DOMAIN_ATTRIBUTES answers an unknown domain with INVALID_PARAMETERS, not NOT_FOUND',
    source: 'TF-A drivers/scmi-msg/reset_domain.c reset_domain_attributes',
  },
  'reset-flags-unchecked': {
    effect: 'RESET looks at bit 0 (autonomous), then bit 1 (assert) of its flags, and at no reset state',
    source: 'TF-A drivers/scmi-msg/reset_domain.c reset_request',
  },
  'reset-latency-0x7fffffff': {
    effect: 'an unknown latency is 0x7fffffff, not 0xffffffff',
    source: 'TF-A drivers/scmi-msg/reset_domain.h SCMI_RESET_DOMAIN_ATTR_UNK_LAT',
  },
  'power-domain-invalid-parameters': {
    effect: 'power domain messages answer an unknown domain with INVALID_PARAMETERS, not NOT_FOUND',
    source: 'TF-A drivers/scmi-msg/power_domain.c',
  },
  'power-state-unchecked': {
    effect: 'POWER_STATE_SET looks at bit 30 of the state only, and at no flag',
    source: 'TF-A plat/renesas/rcar_gen4/scmi/scmi_power_domain.c plat_scmi_pd_set_state',
  },
  'power-use-counted': {
    effect:
      'power domains count their users over all agents and with their parents; one off too many, or off for the last user of an always-on domain, answers BUSY',
    source: 'TF-A plat/renesas/rcar_gen4/scmi/scmi_power_domain.c',
  },
  'pin-selector-protocol-error': {
    effect: 'pin control messages answer an unknown pin, group, function or kind of them with PROTOCOL_ERROR',
    source: 'TF-A drivers/scmi-msg/scmi_pinctrl.c',
  },
  'pin-associations-unchecked': {
    effect: 'LIST_ASSOCIATIONS takes any function id, and an index beyond the end',
    source: 'TF-A drivers/scmi-msg/scmi_pinctrl.c scmi_pinctrl_get_function_groups',
  },
  'pin-function-read-off-by-one': {
    effect: "SETTINGS_GET answers the function of the multiplexer's next position",
    source: 'TF-A plat/rpi/rpi5/bcm2712_pinctrl.c bcm2712_pfc_fsel_get',
  },
  'pin-get-all-not-supported': {
    effect: 'SETTINGS_GET of all configurations, or of more than one, answers NOT_SUPPORTED',
    source: 'TF-A drivers/scmi-msg/scmi_pinctrl.c scmi_pinctrl_config_get',
  },
  'pin-configuration-sign': {
    effect: 'an unknown configuration type answers status +2',
    source: 'TF-A drivers/scmi-msg/scmi_pinctrl.c scmi_pinctrl_cfg_scmi2pinconf negates a negative status',
  },
  'pin-configuration-generic-error': {
    effect: 'SETTINGS_CONFIGURE of a type that the hardware lacks answers GENERIC_ERROR, not NOT_SUPPORTED',
    source: 'TF-A drivers/scmi-msg/scmi_pinctrl.c scmi_pinctrl_config_cfg',
  },
  'pin-request-unchecked': {
    effect: 'REQUEST and RELEASE take every pin from everybody who may have it, and NAME_GET any id',
    source: 'TF-A plat/rpi/rpi5/bcm2712_pinctrl.c pinctrl_request_pin',
  },
} as const satisfies Readonly<Record<string, QuirkDescription>>;

export interface QuirkDescription {
  readonly effect: string;
  /** Where the firmware does so. */
  readonly source: string;
}

export type Quirk = keyof typeof quirks;

export function isQuirk(name: string): name is Quirk {
  return Object.hasOwn(quirks, name);
}

/**
 * The quirks by name.
 *
 * @throws {RangeError} For an unknown name, with those that are known.
 */
export function quirksByName(names: readonly string[]): ReadonlySet<Quirk> {
  return new Set(
    names.map(name => {
      if (isQuirk(name)) return name;
      throw new RangeError(`unknown firmware quirk '${name}'; known are ${Object.keys(quirks).join(', ')}`);
    }),
  );
}
