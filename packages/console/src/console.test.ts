import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { type HttpServer, listenHttp, silentLogger } from "@homeplane/runtime-kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { consoleHandler } from "./console.ts";

let server: HttpServer;
let base: string;

beforeAll(async () => {
  server = await listenHttp({ host: "127.0.0.1", port: 0, handler: consoleHandler({ log: silentLogger }) });
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(() => server.close(0));

const runUrl = "/v2/domain/development/project/flytesnacks/runs/rabc";

/** A request line exactly as given: fetch would normalise the path before it sends it. */
function rawStatus(target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () =>
      socket.write(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
    );
    let answer = "";
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer within 5 s")));
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("end", () => resolve(answer.split(" ")[1] ?? ""));
    socket.on("error", reject);
  });
}

describe("pages", () => {
  test.each(["/", "/?x=1", runUrl, `${runUrl}/`, `${runUrl}?action=c1`])("%s is the page", async (path) => {
    const response = await fetch(base + path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await response.text()).toContain('<div id="app">');
  });

  test.each(["/v2/domain/d/project/p/runs/", "/v2/domain/d/project/p/runs/r/more", "/v2", "/console/", "/favicon.ico"])(
    "%s is a 404 that names the pages there are",
    async (path) => {
      const response = await fetch(base + path);
      expect(response.status).toBe(404);
      expect(await response.text()).toContain("There is no such page");
    },
  );

  test("HEAD gives the headers of GET and no body", async () => {
    const head = await fetch(base + runUrl, { method: "HEAD" });
    const get = await fetch(base + runUrl);
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(head.headers.get("etag")).toBe(get.headers.get("etag"));
    expect(await head.text()).toBe("");
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s is refused with what is allowed", async (method) => {
    const response = await fetch(base, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });
});

describe("security headers", () => {
  test.each(["/", "/console/main.js", "/nothing"])("%s carries all of them", async (path) => {
    const { headers } = await fetch(base + path);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self' 'sha256-[^']+'; style-src 'self'; connect-src 'self'; img-src 'self' data:;/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("the policy allows exactly the one inline script that the page has", async () => {
    const response = await fetch(base);
    const page = await response.text();
    const inline = [...page.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([^]*?)<\/script>/g)].map((match) => match[1] ?? "");
    const hashes = inline.map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(hashes).toHaveLength(1);
    expect([...policy.matchAll(/'sha256-[^']+'/g)].map(String)).toEqual(hashes);
    expect(policy).not.toContain("unsafe");
  });

  test("the page names no outside resource", async () => {
    const page = (await (await fetch(base)).text()).replaceAll("http://www.w3.org/2000/svg", "");
    expect(page).not.toMatch(/(?:https?:)?\/\/[a-z]/i);
  });
});

describe("files", () => {
  test("every module and every package of the import map is served as JavaScript", async () => {
    const page = await (await fetch(base)).text();
    const { imports } = JSON.parse(/<script type="importmap">([^<]*)</.exec(page)?.[1] ?? "") as {
      imports: Record<string, string>;
    };
    const own = readdirSync(new URL("./web/", import.meta.url)).filter((name) => name.endsWith(".js"));
    for (const path of [...Object.values(imports), ...own.map((name) => `/console/${name}`)]) {
      const response = await fetch(base + path);
      expect([path, response.status, response.headers.get("content-type")]).toEqual([
        path,
        200,
        "text/javascript; charset=utf-8",
      ]);
    }
  });

  test.each([
    "/console/../index.ts",
    "/console/../../package.json",
    "/console/%2e%2e/index.ts",
    "/console/..%2findex.ts",
    "/console/..\\index.ts",
    "/console//main.js",
    "/console/./main.js",
    "/console/main.js%00",
    "/console/tsconfig.json",
    "/console/tree.d.ts",
    "/console/text.test.ts",
    "/console/__proto__",
    "/console/vendor/../main.js",
    "/../../../../etc/passwd",
  ])("%s is refused", async (target) => {
    expect(await rawStatus(target)).toBe("404");
  });

  test("what the browser has already is not sent again", async () => {
    const first = await fetch(`${base}/console/main.js`);
    const etag = first.headers.get("etag") ?? "";
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const again = await fetch(`${base}/console/main.js`, { headers: { "if-none-match": `"other", W/${etag}` } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const other = await fetch(`${base}/console/main.js`, { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
  });
});
