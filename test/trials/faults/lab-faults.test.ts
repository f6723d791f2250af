import { faultGroups, faultTests } from './fault-trial.ts';

faultTests(faultGroups.lab, 7);
