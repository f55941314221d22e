import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Io, Output } from "../../src/cli/io.ts";

/** Keeps what is written to it; a terminal of 80 columns where asked for. */
export class CapturedOutput implements Output {
  readonly isTTY: boolean;
  readonly columns = 80;
  #chunks: Buffer[] = [];
  #listeners: ((text: string) => void)[] = [];

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(data: string | Uint8Array): void {
    this.#chunks.push(Buffer.from(data));
    const { text } = this;
    for (const listener of this.#listeners) listener(text);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Resolves as soon as the text holds this. */
  async until(part: string): Promise<void> {
    if (this.text.includes(part)) return;
    const deadline = AbortSignal.timeout(10_000);
    await new Promise<void>((resolve, reject) => {
      this.#listeners.push((text) => text.includes(part) && resolve());
      deadline.addEventListener("abort", () => reject(new Error(`"${part}" never came, but ${this.text}`)));
    });
  }
}

export interface CapturedIo extends Io {
  readonly stdout: CapturedOutput;
  readonly stderr: CapturedOutput;
  /** Presses Ctrl-C; false where nobody listens, so that the process would end. */
  readonly interrupt: () => boolean;
  readonly served: string[][];
}

export function captureIo(
  options: { isTTY?: boolean; env?: Io["env"]; cwd?: string; stdin?: string | Uint8Array } = {},
): CapturedIo {
  const listeners = new Set<() => void>();
  const served: string[][] = [];
  const isTTY = options.isTTY ?? false;
  return {
    stdin: () => Object.assign(Readable.from([Buffer.from(options.stdin ?? "")]), { isTTY }),
    stdout: new CapturedOutput(isTTY),
    stderr: new CapturedOutput(isTTY),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    now: () => new Date("2026-01-01T01:00:00Z"),
    sleep: (ms) => sleep(ms),
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    interrupt: () => {
      for (const listener of listeners) listener();
      return listeners.size > 0;
    },
    serve: async (argv) => {
      served.push(argv);
      return 0;
    },
    served,
    version: async () => "1.2.3",
  };
}
