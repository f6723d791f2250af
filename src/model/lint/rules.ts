/** All rules, by theme, in the order of the documentation. */
import type { Rule, Theme } from './rule.ts';
import { accessControllerRules } from './rules/access-controllers.ts';
import { agentRules } from './rules/agents.ts';
import { containerRules } from './rules/container.ts';
import { dom0Rules } from './rules/dom0.ts';
import { dom0lessRules } from './rules/dom0less.ts';
import { firmwareRules } from './rules/firmware.ts';
import { predictedRules } from './rules/predicted.ts';
import { guestRules } from './rules/guest.ts';
import { pageRules } from './rules/pages.ts';
import { toolstackRules } from './rules/toolstack.ts';
import { xenOptionRules } from './rules/xen-options.ts';

export const themes: readonly Theme[] = [
  { title: 'The container', rules: containerRules },
  { title: 'The list of agents', rules: agentRules },
  { title: 'Pages', rules: pageRules },
  { title: 'Dom0', rules: dom0Rules },
  { title: 'Devices under SCMI management', rules: accessControllerRules },
  { title: 'Guests', rules: guestRules },
  { title: 'Dom0less domains', rules: dom0lessRules },
  { title: 'Configurations of xl', rules: toolstackRules },
  { title: 'Firmware', rules: firmwareRules },
  { title: "Xen's build and command line", rules: xenOptionRules },
  { title: 'What else the model predicts', rules: predictedRules },
];

export const rules: readonly Rule[] = themes.flatMap(theme => theme.rules);
