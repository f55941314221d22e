/** The candidate that a mistyped word most likely means, or null where none is near. */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  let best: { candidate: string; distance: number } | null = null;
  const lower = word.toLowerCase().slice(0, 64);
  for (const candidate of candidates) {
    const distance = candidate.startsWith(lower) && lower.length > 1 ? 1 : editDistance(lower, candidate);
    if (distance <= Math.max(1, Math.floor(lower.length / 3)) && distance < (best?.distance ?? Infinity))
      best = { candidate, distance };
  }
  return best?.candidate ?? null;
}

/** How many letters must be added, dropped, changed or swapped with their neighbour. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
