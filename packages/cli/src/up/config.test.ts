import { HomeplaneError } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { upConfig } from "./config.ts";

test("without options: port 8090 on loopback, data in the home folder", () => {
  const config = upConfig({}, {}, "1.2.3");
  expect(config).toMatchObject({ host: "127.0.0.1", port: 8090, json: false, version: "1.2.3" });
  expect(config.dataDir).toMatch(/\/\.homeplane$/);
});

test("tasks get PATH, LANG and TZ of the environment, and nothing else of it", () => {
  const { podEnvironment } = upConfig(
    {},
    { PATH: "/bin", LANG: "de_DE.UTF-8", TZ: "UTC", AWS_SECRET_ACCESS_KEY: "s", HOME: "/root" },
    "",
  );
  expect(podEnvironment).toEqual({ PATH: "/bin", LANG: "de_DE.UTF-8", TZ: "UTC" });
});

test("the size of the machine can be told: cores, and bytes as Kubernetes writes them", () => {
  expect(upConfig({ cpus: "1.5", memory: "8Gi" }, {}, "")).toMatchObject({ cpus: 1.5, memory: 8 * 2 ** 30 });
});

test.each([
  [{ port: "70000" }, "--port: must be a whole number from 0 to 65535"],
  [{ port: "x" }, "--port"],
  [{ host: "0.0.0.0" }, "--host: must be 127.0.0.1: there is no authentication yet"],
  [{ slots: "0" }, "--slots"],
  [{ cpus: "many" }, "--cpus: must be a number"],
  [{ memory: "8 GB" }, "--memory: must be an amount"],
  [{ memory: "1Mi" }, "--memory: must be an amount of at least 512Mi"],
  [{ logLevel: "loud" }, "--log-level"],
  [{ dataDir: "" }, "--data-dir"],
])("%j is refused by the option's name", (options, name) => {
  expect(() => upConfig(options, {}, "")).toThrow(HomeplaneError);
  expect(() => upConfig(options, {}, "")).toThrow(new RegExp(`^${name}`));
});
