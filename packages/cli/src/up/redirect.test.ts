import { listenHttp, silentLogger } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { listenRedirect } from "./redirect.ts";

test("an address that the SDK printed leads to the same page on the right port", async () => {
  const server = await listenRedirect("127.0.0.1", 0, 8090, silentLogger);
  const page = `http://127.0.0.1:${server?.port}/v2/domain/development/project/p/runs/r?x=1`;
  const answer = await fetch(page, { redirect: "manual" });
  expect(answer.status).toBe(307);
  expect(answer.headers.get("location")).toBe("http://localhost:8090/v2/domain/development/project/p/runs/r?x=1");
  await server?.close(0);
});

test("another program on that port is left alone", async () => {
  const other = await listenHttp({ host: "127.0.0.1", port: 0, handler: (_, response) => response.end("other") });
  expect(await listenRedirect("127.0.0.1", other.port, 8090, silentLogger)).toBeUndefined();
  expect(await (await fetch(`http://127.0.0.1:${other.port}`)).text()).toBe("other");
  await other.close(0);
});
