/** Whom a recording means by the name of a domain. */
import type { Prediction } from '../../model/predict/prediction.ts';

/** @param seen name or number; Dom0 goes by several */
export function isDomain(seen: string, domid: number, { domains }: Pick<Prediction, 'domains'>): boolean {
  if (seen === domains.find(domain => domain.domid === domid)?.name) return true;
  return domid === 0 && /^dom(?:ain-)?0$/i.test(seen);
}
