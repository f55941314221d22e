import { type ErrorCode, SharkuError } from "../../src/contract/errors.ts";

export function isSharkuError(error: unknown, code: ErrorCode): boolean {
  return error instanceof SharkuError && error.code === code;
}
