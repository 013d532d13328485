import { create } from "@bufbuild/protobuf";
import { KeyValuePairSchema } from "@homeplane/idl/flyteidl2/core/literals";
import { EnvsSchema, LabelsSchema, type RunSpec } from "@homeplane/idl/flyteidl2/task/run";
import type { SettingMaps } from "../services/settings-service.ts";

/** What the run itself says wins over the settings. */
export function applySettings(spec: RunSpec, { labels, environmentVariables }: SettingMaps): RunSpec {
  const own = spec.envs?.values ?? [];
  const envs = Object.entries(environmentVariables)
    .filter(([name]) => !own.some(({ key }) => key === name))
    .map(([key, value]) => create(KeyValuePairSchema, { key, value }));
  const merged = { ...labels, ...spec.labels?.values };
  return {
    ...spec,
    ...(Object.keys(labels).length === 0 ? {} : { labels: create(LabelsSchema, { values: merged }) }),
    ...(envs.length === 0 ? {} : { envs: create(EnvsSchema, { values: [...envs, ...own] }) }),
  };
}
