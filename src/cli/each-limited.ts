/** Does the same for each item, a few at a time, and answers in the order of the items. Fails with the first. */
export async function eachLimited<T, R>(
  items: readonly T[],
  options: { limit: number; work: (item: T) => Promise<R> },
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const workers = Array.from({ length: Math.min(options.limit, items.length) }, async () => {
    for (const [index, item] of queue) results[index] = await options.work(item);
  });
  await Promise.all(workers);
  return results;
}
