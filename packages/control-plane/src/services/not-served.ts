/** Services that clients know and this server has not: each call says so and why, instead of a bare 404. */
import type { DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type ServiceImpl } from "@connectrpc/connect";
import { AppLogsService } from "@homeplane/idl/flyteidl2/app/app_logs_service";
import { AppService } from "@homeplane/idl/flyteidl2/app/app_service";
import { ArtifactService } from "@homeplane/idl/flyteidl2/artifact/artifact_service";
import { RunLogsService } from "@homeplane/idl/flyteidl2/workflow/run_logs_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { TrackedRunService } from "@homeplane/idl/flyteidl2/workflow/tracked_run_service";
import { TranslatorService } from "@homeplane/idl/flyteidl2/workflow/translator_service";

const artifacts = "artifacts are not kept here: pass values and files between tasks, or by the run that made them";

/** Why, by service, and by method where it differs. */
const notServed: readonly { service: DescService; methods?: readonly string[]; reason: string }[] = [
  { service: AppService, reason: "apps are not served here yet" },
  { service: AppLogsService, reason: "apps are not served here yet" },
  { service: ArtifactService, methods: writes(ArtifactService), reason: artifacts },
  {
    service: TrackedRunService,
    reason: "runs that are orchestrated elsewhere are not recorded here: start the run here",
  },
  { service: TranslatorService, reason: "values are not turned into forms here: the SDK does it itself" },
  { service: RunLogsService, reason: "logs come from DataProxyService.TailLogs" },
  { service: RunService, methods: ["getActionData"], reason: "data comes from DataProxyService.GetActionData" },
  {
    service: RunService,
    methods: ["watchGroups"],
    reason: "groups are not watched: WatchActions tells each action's group",
  },
];

function writes(service: DescService): string[] {
  return service.methods.map(({ localName }) => localName).filter((name) => !/^(list|get)/.test(name));
}

/** Nothing was ever kept: lists are empty, and no single one is found. */
const noArtifacts: Partial<ServiceImpl<typeof ArtifactService>> = {
  listArtifacts: () => ({}),
  listArtifactNames: () => ({}),
  listArtifactMetadataKeys: () => ({}),
  listPartitionValues: () => ({}),
  getArtifact: () => {
    throw new ConnectError(artifacts, Code.NotFound);
  },
  getArtifactSchema: () => {
    throw new ConnectError(artifacts, Code.NotFound);
  },
};

/** The methods of a service that refuse, to be spread before those that answer. */
export function refusals<S extends DescService>(service: S): Partial<ServiceImpl<S>> {
  const methods: { [name: string]: () => never } = {};
  for (const { localName } of service.methods) {
    const reason = reasonOf(service, localName);
    if (reason === undefined) continue;
    const refuse = (): never => {
      throw new ConnectError(`${service.typeName}.${localName}: ${reason}`, Code.Unimplemented);
    };
    refusing.add(refuse);
    methods[localName] = refuse;
  }
  return methods as object;
}

const refusing = new WeakSet<object>();

/** Whether a method only says that it is not served. */
export function isRefusal(method: unknown): boolean {
  return typeof method === "function" && refusing.has(method);
}

export function reasonOf(service: DescService, localName: string): string | undefined {
  const found = notServed.find((one) => one.service === service && (one.methods?.includes(localName) ?? true));
  return found?.reason;
}

export function routeNotServed(router: ConnectRouter): void {
  for (const service of [AppService, AppLogsService, TrackedRunService, TranslatorService, RunLogsService])
    router.service(service, refusals(service as DescService));
  router.service(ArtifactService, { ...refusals(ArtifactService), ...noArtifacts });
}
