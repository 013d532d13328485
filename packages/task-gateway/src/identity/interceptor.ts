import type { Interceptor } from "@connectrpc/connect";
import { bundleAudience, taskGatewayAudience } from "@homeplane/idl";
import { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import { BundleService } from "@homeplane/idl/homeplane/v1/bundles";
import { type CallerOptions, callerKey, identify } from "./caller.ts";

/** Nothing is served to a caller that is not known, but how to become known. */
export function identifyCallers(options: CallerOptions): Interceptor {
  return (next) => async (request) => {
    if (request.service.typeName === AuthMetadataService.typeName) return next(request);
    const audience = request.service.typeName === BundleService.typeName ? bundleAudience : taskGatewayAudience;
    const caller = await identify(options, request.header.get("authorization"), audience, request.signal);
    request.contextValues.set(callerKey, caller);
    return next(request);
  };
}
