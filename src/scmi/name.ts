/** The text of a zero-terminated name of 32-bit words. */
export function nameFromWords(words: readonly number[]): string {
  const bytes = new Uint8Array(words.flatMap(word => [word, word >>> 8, word >>> 16, word >>> 24]));
  const end = bytes.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** A name as zero-padded 32-bit words; at most `size - 1` characters of it, so that it ends. */
export function nameToWords(text: string, size = 16): number[] {
  return Array.from({ length: size / 4 }, (_, index) => {
    let word = 0;
    for (let byte = 3; byte >= 0; byte--) {
      const at = 4 * index + byte;
      word = word * 0x100 + (at < size - 1 && at < text.length ? text.charCodeAt(at) & 0xff : 0);
    }
    return word;
  });
}
