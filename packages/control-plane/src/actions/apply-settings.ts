import { create } from "@bufbuild/protobuf";
import { AnnotationsSchema, EnvsSchema, LabelsSchema, type RunSpec } from "@homeplane/idl/flyteidl2/task/run";
import { KeyValuePairSchema } from "@homeplane/idl/flyteidl2/core/literals";
import type { SettingMaps } from "../services/settings-service.ts";

/** What the run itself says wins over the settings. */
export function applySettings(spec: RunSpec, settings: SettingMaps): RunSpec {
  const { labels, annotations, environmentVariables } = settings;
  const own = spec.envs?.values ?? [];
  const envs = Object.entries(environmentVariables)
    .filter(([name]) => !own.some(({ key }) => key === name))
    .map(([key, value]) => create(KeyValuePairSchema, { key, value }));
  return {
    ...spec,
    ...(isEmpty(labels) ? {} : { labels: create(LabelsSchema, { values: { ...labels, ...spec.labels?.values } }) }),
    ...(isEmpty(annotations)
      ? {}
      : { annotations: create(AnnotationsSchema, { values: { ...annotations, ...spec.annotations?.values } }) }),
    ...(envs.length === 0 ? {} : { envs: create(EnvsSchema, { values: [...envs, ...own] }) }),
  };
}

const isEmpty = (map: Record<string, string>): boolean => Object.keys(map).length === 0;
