/** What a domain, or the way to it, can do; and a switch that answers nothing, which takes as long. */
import { faultTests } from './fault-trial.ts';

faultTests([
  'switch-silent',
  'dom0-without-network',
  'ssh-refuses',
  'ssh-hangs',
  'host-key-changes',
  'guest-never-answers',
  'hang-after-hand-over',
  'dom0-kernel-hangs',
  'console-silent',
]);
