import { createServer } from "node:https";
import { expect, test } from "vitest";
import { testCertificate } from "@homeplane/kube/testing/test-certificate";
import { askMinio } from "./ask-minio.ts";

async function answering(statuses: readonly number[]): Promise<{ requests: number; problem: string }> {
  const { certificate, key } = testCertificate("minio");
  let requests = 0;
  const server = createServer({ cert: certificate, key }, (_, response) => {
    response.writeHead(statuses[requests++] ?? 500).end("not initialized");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const access = { url: `https://127.0.0.1:${port}`, accessKeyId: "root", secretAccessKey: "secret", ca: certificate };
  try {
    const asked = askMinio(access, { method: "PUT", path: "/bucket", expected: [200, 409] });
    const problem = await asked.then(() => "", String);
    return { requests, problem };
  } finally {
    server.close();
  }
}

test("a store that is still starting is asked again until it answers as expected", async () => {
  expect(await answering([503, 503, 409])).toEqual({ requests: 3, problem: "" });
});

test("any other answer is a failure at once, with the request and what was answered", async () => {
  const { requests, problem } = await answering([403]);
  expect({ requests, problem }).toMatchObject({
    requests: 1,
    problem: expect.stringMatching(/PUT .*\/bucket: 403\nnot initialized/),
  });
});
