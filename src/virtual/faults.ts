/** What a virtual board can be told to do wrong, so that the controller can be seen to cope. */
export interface VirtualFaults {
  /** File in the middle of which the board stops asking for blocks. */
  readonly transferStallsIn?: string;
  /** The serial line goes away at this point of the boot. */
  readonly consoleLostAt?: 'boot-loader' | 'xen' | 'dom0';
  /** Dom0's SSH server takes connections and says nothing. */
  readonly sshNeverAnswers?: boolean;
  /** The board starts again by itself, this many milliseconds after Dom0's login. */
  readonly resetsInLinuxAfter?: number;
  /** The power switch answers nothing. */
  readonly switchIsDead?: boolean;
}
