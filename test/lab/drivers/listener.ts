/** Keeps what comes, and waits for it. */
export function listener() {
  const chunks: Uint8Array[] = [];
  const errors: Error[] = [];
  const looks = new Set<() => void>();
  const all = () => Buffer.concat(chunks);
  const until = (test_: () => boolean): Promise<void> =>
    new Promise(resolve => {
      const look = () => {
        if (test_()) {
          looks.delete(look);
          resolve();
        }
      };
      looks.add(look);
      look();
    });
  const took = () => looks.forEach(look => look());
  return {
    data: (bytes: Uint8Array) => {
      chunks.push(Uint8Array.from(bytes));
      took();
    },
    lost: (error: Error) => {
      errors.push(error);
      took();
    },
    errors,
    all,
    bytes: async (count: number) => {
      await until(() => all().length >= count);
      return all();
    },
    untilLost: () => until(() => errors.length > 0),
  };
}
