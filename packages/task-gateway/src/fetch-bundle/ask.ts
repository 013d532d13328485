/** Asks task-gateway (BundleService, Connect protocol in JSON) where the bundle of this pod's task is to be got. */
import { FetchError, open, type RequestOptions, text } from "./http.ts";

export interface Answer {
  readonly signedUrl: string;
  readonly nativeUrl: string;
  /** Hex; empty when nobody knows it. */
  readonly md5: string;
}

/** Codes after which the same question has another answer later. */
const passing: ReadonlySet<string> = new Set(["unavailable", "deadline_exceeded", "aborted", "internal", "unknown"]);
const maxAnswerBytes = 64 << 10;

export async function askForBundle(options: {
  readonly gateway: string;
  readonly readToken: () => Promise<string>;
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
}): Promise<Answer> {
  const request: RequestOptions = {
    method: "POST",
    ca: options.ca,
    headers: { "content-type": "application/json", authorization: `Bearer ${await options.readToken()}` },
    body: "{}",
    expect: () => true,
    signal: options.signal,
  };
  const response = await open(`${options.gateway}/homeplane.v1.BundleService/GetBundle`, request);
  const answer = parse(await text(response, maxAnswerBytes));
  if (response.statusCode !== 200) {
    const { code = `HTTP ${response.statusCode}`, message = "" } = answer;
    const kind = passing.has(code) || (response.statusCode ?? 0) >= 500 ? "again" : "final";
    throw new FetchError(`task-gateway refused: ${code} ${message}`.trim(), kind);
  }
  const { signedUrl = "", nativeUrl = "", md5 = "" } = answer;
  if (signedUrl === "" || nativeUrl === "") throw new FetchError("task-gateway's answer names no bundle", "final");
  return { signedUrl, nativeUrl, md5 };
}

function parse(body: string): Partial<Record<"code" | "message" | "signedUrl" | "nativeUrl" | "md5", string>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof one === "string"));
  } catch {
    return {};
  }
}
