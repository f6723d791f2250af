/** Damage of a serial line to text: it loses characters, or doubles them. It makes none of its own. */

/**
 * Whether `seen` may be what arrived of `said`. A character that is another one is no damage: `agent 2` is never
 * `agent 1`.
 */
export function isDamaged(said: string, seen: string): boolean {
  const most = 1 + Math.floor(said.length / charactersPerDamage);
  const difference = seen.length - said.length;
  if (difference === 0 || Math.abs(difference) > most || said.length < shortest) return false;
  return difference < 0 ? isPartOf(seen, said) : isDoubled(said, seen);
}

/** Whether `seen` may be left of `said`, however much was lost of it or doubled. */
export function isRemains(said: string, seen: string): boolean {
  let at = 0;
  for (let index = 0; index < seen.length; index++) {
    const next = said.indexOf(seen[index] ?? '', at);
    if (next >= 0) at = next + 1;
    else if (index === 0 || seen[index] !== seen[index - 1]) return false;
  }
  return true;
}

/** Whether the numbers of two texts are the same: what is damaged is a word that says nothing. */
export function hasSameNumbers(said: string, seen: string): boolean {
  return numbersOf(said) === numbersOf(seen);
}

/** A line that is damaged more often shows nothing. */
const charactersPerDamage = 80;
/** Shorter texts are alike by chance. */
const shortest = 8;

function isPartOf(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole) if (character === part[at]) at++;
  return at === part.length;
}

function isDoubled(said: string, seen: string): boolean {
  let at = 0;
  for (let index = 0; index < seen.length; index++) {
    if (seen[index] === said[at]) at++;
    else if (index === 0 || seen[index] !== seen[index - 1]) return false;
  }
  return at === said.length;
}

function numbersOf(text: string): string {
  return (text.match(/\w*\d\w*/g) ?? []).join(' ');
}
