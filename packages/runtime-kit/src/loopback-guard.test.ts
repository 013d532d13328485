import { describe, expect, test } from "vitest";
import { foreignRequest } from "./loopback-guard.ts";

describe("foreignRequest", () => {
  test.each([
    ["127.0.0.1:8090", undefined],
    ["localhost:8090", undefined],
    ["[::1]:8090", undefined],
    ["127.0.0.1:8090", "http://127.0.0.1:8090"],
    ["localhost", "http://localhost"],
  ])("lets %s with origin %s pass", (host, origin) => {
    expect(foreignRequest(host, origin)).toBeUndefined();
  });

  test.each([
    ["evil.example:8090", undefined],
    ["127.0.0.1.evil.example", undefined],
    ["localhost.evil.example:8090", undefined],
    [undefined, undefined],
    ["", undefined],
    ["127.0.0.1:8090", "http://evil.example"],
    ["127.0.0.1:8090", "http://127.0.0.1:9999"],
    ["127.0.0.1:8090", "http://localhost:8090"],
    ["127.0.0.1:8090", "null"],
  ])("refuses %s with origin %s", (host, origin) => {
    expect(foreignRequest(host, origin)).toBeTypeOf("string");
  });
});
