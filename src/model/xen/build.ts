/** The build of the Xen under test, as far as it changes what the mediator does. */
export interface XenBuild {
  /**
   * `multi-agent`: CONFIG_SCMI_SMC_MA of the series; `single-agent`: CONFIG_SCMI_SMC, upstream since 4.21
   * (with `version` 4.20 and older: the same forwarder from before the SCI layer); `none`: neither.
   */
  readonly mediator: 'multi-agent' | 'single-agent' | 'none';
  /** CONFIG_DEBUG: lowers the default thresholds and adds the dprintk lines. */
  readonly debug: boolean;
  /** `4.22` where absent. */
  readonly version?: string;
}
