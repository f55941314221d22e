/** An item, and which of the streams it came from. */
export interface FromStream<T> {
  readonly item: T;
  readonly index: number;
}

/**
 * Sorted streams as one sorted stream. Holds one item of each; leaving the loop ends them all.
 */
export async function* mergeSorted<T>(
  streams: readonly AsyncIterable<T>[],
  isBefore: (a: T, b: T) => boolean,
): AsyncGenerator<FromStream<T>, void> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    while (true) {
      // Ends when every stream has.
      const index = firstOf(heads, isBefore);
      const head = heads[index];
      if (!head || head.done) return;
      yield { item: head.value, index };
      const next = await iterators[index]?.next();
      if (next) heads[index] = next;
    }
  } finally {
    await Promise.all(iterators.map((iterator) => iterator.return?.()));
  }
}

function firstOf<T>(heads: readonly IteratorResult<T, unknown>[], isBefore: (a: T, b: T) => boolean): number {
  let best = -1;
  let bestItem: T | undefined;
  for (const [index, head] of heads.entries()) {
    if (head.done || (bestItem !== undefined && !isBefore(head.value, bestItem))) continue;
    best = index;
    bestItem = head.value;
  }
  return best;
}
