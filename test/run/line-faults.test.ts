/** The serial line and the typing at a boot loader's prompt, when they are bad. */
import { faultTests } from './fault-trial.ts';

faultTests([
  'torn-lines',
  'characters-lost',
  'characters-doubled',
  'wrong-baud-rate',
  'input-overrun',
  'first-characters-reordered',
  'autoboot-missed',
  'countdown-eaten',
  'prompt-in-a-log-line',
  'login-overlaid',
  'escape-codes',
]);
