import type { ConnectRouter } from "@connectrpc/connect";
import { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import { IdentityService } from "@homeplane/idl/flyteidl2/auth/identity";
import { CacheService } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import { ClusterService } from "@homeplane/idl/flyteidl2/cluster/service";
import { DataProxyService } from "@homeplane/idl/flyteidl2/dataproxy/dataproxy_service";
import { ImageService } from "@homeplane/idl/flyteidl2/imagebuilder/service";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { SecretService } from "@homeplane/idl/flyteidl2/secret/secret";
import { SettingsService } from "@homeplane/idl/flyteidl2/settings/settings_service";
import { TaskService } from "@homeplane/idl/flyteidl2/task/task_service";
import { TriggerService } from "@homeplane/idl/flyteidl2/trigger/trigger_service";
import { EventsProxyService } from "@homeplane/idl/flyteidl2/workflow/events_proxy_service";
import { InternalRunService } from "@homeplane/idl/flyteidl2/workflow/internal_run_service";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { OrchestrationService } from "@homeplane/idl/homeplane/v1/orchestration";
import type { Context } from "./context.ts";
import { cacheService } from "./orchestration/cache-service.ts";
import { orchestrationService } from "./orchestration/orchestration-service.ts";
import { eventsProxyService, internalRunService } from "./orchestration/record.ts";
import { dataProxyService } from "./services/data-proxy.ts";
import { refusals, routeNotServed } from "./services/not-served.ts";
import { projectService } from "./services/project-service.ts";
import { runService } from "./services/run-service.ts";
import { secretService } from "./services/secret-service.ts";
import { authMetadataService, clusterService, identityService, imageService } from "./services/small-services.ts";
import { settingsService } from "./services/settings-service.ts";
import { taskService } from "./services/task-service.ts";
import { triggerService } from "./services/trigger-service.ts";

/** What clients call. */
export function clientRoutes(ctx: Context): (router: ConnectRouter) => void {
  return (router) => {
    router.service(RunService, { ...refusals(RunService), ...runService(ctx) });
    router.service(DataProxyService, dataProxyService(ctx));
    router.service(ProjectService, projectService(ctx));
    router.service(TaskService, taskService(ctx));
    router.service(SecretService, secretService(ctx));
    router.service(TriggerService, triggerService(ctx));
    router.service(SettingsService, settingsService(ctx));
    router.service(ClusterService, clusterService);
    router.service(IdentityService, identityService);
    router.service(AuthMetadataService, authMetadataService);
    router.service(ImageService, imageService);
    routeNotServed(router);
  };
}

/** What the data plane calls: the orchestration channel. Never offered on the clients' port. */
export function orchestrationRoutes(ctx: Context): (router: ConnectRouter) => void {
  return (router) => {
    router.service(OrchestrationService, orchestrationService(ctx));
    router.service(EventsProxyService, eventsProxyService(ctx));
    router.service(InternalRunService, internalRunService(ctx));
    router.service(CacheService, cacheService(ctx));
  };
}
