import type { TransportRequest, TransportResponse } from "@homeplane/kube";

export function isPodCreate({ method, path }: TransportRequest): boolean {
  return method === "POST" && /\/pods$/.test(path);
}

/** What an API server says, or `body` as it is. */
export function answer(status: number, reason: string, message: string, body?: object): TransportResponse {
  const object = body ?? { kind: "Status", apiVersion: "v1", status: "Failure", code: status, reason, message };
  const bytes = new TextEncoder().encode(JSON.stringify(object));
  return {
    status,
    headers: { "content-type": "application/json" },
    body: (async function* () {
      yield bytes;
    })(),
  };
}

export function forbidden(message: string): TransportResponse {
  return answer(403, "Forbidden", message);
}
