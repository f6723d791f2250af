/** The commands of a look at a domain. */
import { lookQuestions } from '../model/linux/look.ts';
import type { Prediction } from '../model/predict/prediction.ts';

/**
 * @param index the step's
 * @returns each command once: the questions that every look asks, then what the prediction asks beside them
 */
export function lookCommands(index: number, prediction: Prediction): string[] {
  const asked = prediction.expectations
    .filter(({ kind, phase }) => kind === 'answer' && phase === index)
    .flatMap(({ command }) => command ?? []);
  return [...new Set([...lookQuestions.map(({ command }) => command), ...asked])];
}
