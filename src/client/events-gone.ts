import type { Event, EventRecord, Gap } from "../contract/event.ts";

/** Events that were asked for and that the daemon keeps no more: what was built on them has to be read anew. */
export class EventsGone extends Error {
  override readonly name = "EventsGone";
  readonly gap: Gap["gap"];

  constructor(gap: Gap["gap"]) {
    super(
      `Cannot tell events ${gap.from} to ${gap.to}: they are kept no more, list the procs and go on from that list's seq`,
    );
    this.gap = gap;
  }
}

interface GapOptions {
  readonly onGap?: ((gap: Gap["gap"]) => void) | undefined;
  readonly query?: { readonly after?: number } | undefined;
}

/**
 * Takes the gaps out of a stream and tells of them. Whoever asked for all that is kept misses nothing by one at the
 * beginning; any other is an error where nobody is there to be told.
 */
export async function* withoutGaps(
  records: AsyncIterable<EventRecord>,
  { onGap, query }: GapOptions,
): AsyncGenerator<Event, void> {
  let at = query?.after ?? 0;
  for await (const record of records) {
    if (!("gap" in record)) {
      at = record.seq;
      yield record;
    } else if (onGap) onGap(record.gap);
    else if (at > 0) throw new EventsGone(record.gap);
  }
}
