import { pino } from "pino";

/** A log that says nothing, for tests. */
export const silentLog = pino({ level: "silent" });
