/** What a domain, or the way to it, can do; and the switch and the console that stay silent, which takes as long. */
import { faultTests } from './fault-trial.ts';

faultTests(
  [
    'console-silent',
    'switch-silent',
    'dom0-kernel-hangs',
    'dom0-without-network',
    'ssh-refuses',
    'ssh-hangs',
    'no-sftp',
    'host-key-changes',
    'guest-never-answers',
    'hang-after-hand-over',
  ],
  9,
);
