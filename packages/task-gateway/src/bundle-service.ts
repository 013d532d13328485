/** BundleService for the init containers of task pods: a short-lived URL of the code that the caller's own action names, and of nothing else. */
import { type Client, Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { fromBinary } from "@bufbuild/protobuf";
import { codeBundleOf, type TaskAction } from "@homeplane/idl";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import type { BundleService } from "@homeplane/idl/homeplane/v1/bundles";
import type { ObjectStoreService } from "@homeplane/idl/homeplane/v1/dataplane";
import type { KubeClient } from "@homeplane/kube";
import { taskActionType } from "./children.ts";
import { callerKey, denied } from "./identity/caller.ts";
import { converted } from "./resource-calls.ts";

/** Enough for the download to begin; the service has a floor of its own. */
const urlSeconds = 300n;
const timeoutMs = 20_000;

export function bundleService(options: {
  readonly client: KubeClient;
  readonly objects: Client<typeof ObjectStoreService>;
}): ServiceImpl<typeof BundleService> {
  return {
    async getBundle(_, { values, signal }) {
      const caller = values.get(callerKey);
      if (caller === undefined)
        throw new ConnectError("tasks here get their code themselves: no pod has an identity", Code.FailedPrecondition);
      const { namespace = "", name, uid } = caller.taskAction.metadata;
      const taskAction = await options.client.get(taskActionType, { namespace, name }, { signal }).catch(converted);
      if (taskAction.metadata.uid !== uid) throw denied(`the TaskAction of pod ${caller.podName} is gone`);
      const nativeUrl = ownBundle(taskAction);
      const request = { nativeUrl, expiresIn: { seconds: urlSeconds } };
      const { signedUrl, expiresAt } = await options.objects.createDownloadUrl(request, { signal, timeoutMs });
      return { signedUrl, nativeUrl, md5: digestIn(nativeUrl), ...(expiresAt ? { expiresAt } : {}) };
    },
  };
}

/** A child's template is written by a task: it may name what is its own project and domain's, or lies under its run. */
function ownBundle({ spec }: TaskAction): string {
  const template = fromBinary(TaskTemplateSchema, Buffer.from(spec.taskTemplate ?? "", "base64"));
  const bundle = codeBundleOf(template);
  if (bundle === undefined)
    throw new ConnectError(`action ${spec.actionName} names no code bundle (--tgz, --pkl)`, Code.NotFound);
  const key = keyOf(bundle.url);
  const runKey = keyOf(spec.runOutputBase ?? "");
  const org = spec.org || runKey.split("/")[0] || "";
  if (key.startsWith(`${org}/${spec.project}/${spec.domain}/`)) return bundle.url;
  if (runKey !== "" && bundle.url.startsWith(`${(spec.runOutputBase ?? "").replace(/\/+$/, "")}/`)) return bundle.url;
  throw denied(
    `code bundle ${bundle.url} is not below "${org}/${spec.project}/${spec.domain}/": a task gets the code of its own project and domain only`,
  );
}

function keyOf(url: string): string {
  return /^[a-z0-9]+:\/\/[^/]+\/(.*)$/.exec(url)?.[1] ?? "";
}

/** Uploads lie in a folder named by their MD5; what a task pickles for a child is named by it. */
function digestIn(url: string): string {
  const [folder = "", file = ""] = url.split("/").slice(-2);
  const [, named] = /^([0-9a-f]{32})\.pkl\.gz$/.exec(file) ?? [];
  return named ?? (/^[0-9a-f]{32}$/.test(folder) ? folder : "");
}
