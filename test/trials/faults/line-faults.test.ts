import { faultGroups, faultTests } from './fault-trial.ts';

faultTests(faultGroups.line);
