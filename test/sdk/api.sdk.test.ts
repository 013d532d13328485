/** The table of what the SDK calls, against the source of the SDK itself. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { apiMethods } from "@homeplane/control-plane";
import { describe, expect, test } from "vitest";
import { hasPython, sdks } from "./homeplane.ts";

/** How the SDK names its clients where they are called. */
const clients: Readonly<Record<string, string>> = {
  app_service: "AppService",
  app_logs_service: "AppLogsService",
  artifact_service: "ArtifactService",
  dataproxy_service: "DataProxyService",
  identity_service: "IdentityService",
  image_service: "ImageService",
  project_domain_service: "ProjectService",
  run_service: "RunService",
  settings_service: "SettingsService",
  task_service: "TaskService",
  tracked_run_service: "TrackedRunService",
  trigger_service: "TriggerService",
};
const plain = (name: string): string => name.replaceAll("_", "").toLowerCase();

describe.skipIf(!hasPython).each(sdks)("SDK $version", ({ python }) => {
  test("each call that it makes is in the table of the API", () => {
    const listed = new Set(
      apiMethods().flatMap(({ service, name, calledBySdk }) => (calledBySdk ? [`${service.name}.${plain(name)}`] : [])),
    );
    const [root] = globSync(join(python, "../../lib/python3*/site-packages/flyte"));
    const calls = new Set<string>();
    for (const file of globSync("**/*.py", { cwd: root ?? "" })) {
      const source = readFileSync(join(root ?? "", file), "utf8");
      for (const [, client = "", method = ""] of source.matchAll(/\.(\w+_service)\s*\.([a-z_]+)\(/g)) {
        const service = clients[client];
        // Uploads of triggers' and tracked runs' data are the client's own names for two other methods.
        if (service !== undefined && !/^(upload_trigger|create_tracked)/.test(method))
          calls.add(`${service}.${plain(method)}`);
      }
    }
    expect(calls.size).toBeGreaterThan(30);
    expect([...calls].filter((call) => !listed.has(call))).toEqual([]);
  });
});
