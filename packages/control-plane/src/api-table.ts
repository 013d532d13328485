/** What of the clients' API is answered, for the reference and the test that walks it. */
import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Context } from "./context.ts";
import { clientRoutes } from "./routes.ts";
import { isRefusal, reasonOf } from "./services/not-served.ts";

export interface ApiMethod {
  readonly service: DescService;
  /** As in the .proto file. */
  readonly name: string;
  readonly localName: string;
  readonly calledBySdk: boolean;
  /** Why it is UNIMPLEMENTED; undefined when it is answered. */
  readonly refused?: string;
}

/** What the unmodified SDK (2.12.1, 2.5.8) calls of the control plane. A test compares it with the SDK's source. */
const sdkCalls: Readonly<Record<string, string>> = {
  AppLogsService: "TailLogs",
  AppService: "Create Delete Get List Update Watch",
  ArtifactService:
    "CreateArtifact DeclareArtifact GetArtifact GetArtifactSchema ListArtifactNames ListArtifacts ListPartitionValues",
  AuthMetadataService: "GetOAuth2Metadata GetPublicClientConfig",
  ClusterService: "SelectCluster",
  DataProxyService: "CreateDownloadLink CreateUploadLocation GetActionData TailLogs UploadInputs",
  IdentityService: "UserInfo",
  ImageService: "GetImage",
  ProjectService: "CreateProject GetProject ListProjects UpdateProject",
  RunService:
    "AbortAction AbortRun CreateRun GetActionDataURIs GetActionDetails GetRunDetails ListActions ListRuns SignalEvent WatchActionDetails",
  SecretService: "CreateSecret DeleteSecret GetSecret ListSecrets UpdateSecret",
  SettingsService: "CreateSettings GetSettingsForEdit UpdateSettings",
  TaskService: "DeployTask GetTaskDetails ListTasks",
  TrackedRunService: "CreateRun ReportActions",
  TriggerService: "DeleteTriggers DeployTrigger GetTriggerDetails ListTriggers UpdateTriggers",
};

const unused = "the SDK does not call it";

/** Without a server: no handler is called. */
export function apiMethods(): ApiMethod[] {
  const ctx = { config: { org: "", domains: [], version: "" }, dataPlane: {} } as object as Context;
  return methodsOf(ctx);
}

function methodsOf(ctx: Context): ApiMethod[] {
  const methods: ApiMethod[] = [];
  const record = (service: DescService, implementation: Record<string, unknown>): void => {
    const called = (sdkCalls[service.name] ?? "").split(" ");
    for (const { name, localName } of service.methods) {
      const answers = implementation[localName] !== undefined && !isRefusal(implementation[localName]);
      const refused = answers ? undefined : (reasonOf(service, localName) ?? unused);
      const method = { service, name, localName, calledBySdk: called.includes(name) };
      methods.push(refused === undefined ? method : { ...method, refused });
    }
  };
  const router = { service: record } as unknown as ConnectRouter;
  clientRoutes(ctx)(router);
  return methods;
}
