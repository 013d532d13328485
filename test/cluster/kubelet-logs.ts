/**
 * The one thing that kube-apiserver asks a kubelet for here: `GET /containerLogs/<namespace>/<pod>/<container>`, over HTTPS on the node's address
 * (https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/kubelet/server/server.go). Answers with what the process runtime has.
 */
import { createServer } from "node:https";
import { pipeline } from "node:stream/promises";
import type { KubeClient } from "@homeplane/kube";
import { pods } from "@homeplane/kube";
import type { PodLogsRequest } from "@homeplane/kube-embedded";
import { issueCa, issueLeaf } from "@homeplane/kube-embedded/certs";

export interface KubeletLogs {
  readonly port: number;
  close(): Promise<void>;
}

export async function serveKubeletLogs(
  client: KubeClient,
  podLogs: (request: PodLogsRequest) => AsyncIterable<Uint8Array>,
): Promise<KubeletLogs> {
  const now = Date.now();
  const ca = await issueCa(now, 1);
  const names = [{ type: "ip" as const, value: "127.0.0.1" }];
  const tls = await issueLeaf({ ca, subject: "CN=kubelet", usage: "server", names, now, days: 1 });
  const server = createServer(tls, (request, response) => {
    const answer = async (): Promise<void> => {
      const url = new URL(request.url ?? "/", "https://kubelet");
      const [, what, namespace = "", pod = "", container = ""] = url.pathname.split("/");
      if (what !== "containerLogs") return void response.writeHead(404).end();
      const { metadata } = await client.get(pods, { namespace, name: pod });
      const stop = new AbortController();
      response.once("close", () => stop.abort());
      const number = (name: string): number | undefined =>
        url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined;
      const wanted = {
        tailLines: number("tailLines"),
        sinceSeconds: number("sinceSeconds"),
        limitBytes: number("limitBytes"),
        sinceTime: url.searchParams.get("sinceTime") ?? undefined,
      };
      const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
      const flags = {
        follow: url.searchParams.get("follow") === "true",
        timestamps: url.searchParams.get("timestamps") === "true",
      };
      const common = { namespace, pod, uid: metadata.uid ?? "", container, signal: stop.signal };
      response.writeHead(200, { "content-type": "text/plain" });
      response.flushHeaders();
      await pipeline(podLogs({ ...common, ...flags, ...given }), response);
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
