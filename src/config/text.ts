/** Small texts that every room writes alike. */

/** What an error says; of anything else that was thrown, what it is as a text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
