/** A version whose controller knows no token command: it exchanges its pod's token at task-gateway. */
import { ActionPhase } from "@homeplane/idl/flyteidl2/common/phase";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Sdk } from "../../sdk/sdk-client.ts";
import { InstalledHomeplane } from "./installed-homeplane.ts";

export function olderSdkPromises(sdk: Sdk, installed: () => InstalledHomeplane): void {
  let homeplane: InstalledHomeplane;
  beforeAll(async () => {
    homeplane = await InstalledHomeplane.connect(installed().cluster, sdk);
  });
  afterAll(() => homeplane?.[Symbol.asyncDispose]());

  test("a parent gathers its children", async () => {
    const { run, phase } = await homeplane.feature("gather");
    expect(phase).toBe("ActionPhase.SUCCEEDED");
    const actions = await homeplane.actions(run);
    expect(actions.length).toBeGreaterThan(1);
    expect(actions.map(({ status }) => status?.phase)).toEqual(actions.map(() => ActionPhase.SUCCEEDED));
  });

  test("traces are recorded", async () => {
    const { run, phase } = await homeplane.feature("traced");
    expect(phase).toBe("ActionPhase.SUCCEEDED");
    expect((await homeplane.actions(run)).length).toBeGreaterThan(1);
  });
}
