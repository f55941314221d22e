import type { DatabaseSync } from "node:sqlite";
import { textOf } from "./row.ts";

/** Single facts about the whole database. */
export class MetaTable {
  readonly #get;
  readonly #set;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare("SELECT value FROM meta WHERE key = ?");
    this.#set = database.prepare(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
  }

  get(key: string): string | null {
    const row = this.#get.get(key);
    return row ? textOf(row, "value") : null;
  }

  set(key: string, value: string): void {
    this.#set.run(key, value);
  }
}
