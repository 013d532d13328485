import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { bundleAudience, podName, type TaskAction, taskGatewayAudience } from "@homeplane/idl";
import { ActionsService } from "@homeplane/idl/flyteidl2/actions/actions_service";
import { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import { ProjectService } from "@homeplane/idl/flyteidl2/project/project_service";
import { TaskTemplateSchema } from "@homeplane/idl/flyteidl2/core/tasks";
import { RunService } from "@homeplane/idl/flyteidl2/workflow/run_service";
import { BundleService } from "@homeplane/idl/homeplane/v1/bundles";
import { createTokenVerifier, pods, serviceAccounts } from "@homeplane/kube";
import { systemClock } from "@homeplane/runtime-kit";
import { expect, test } from "vitest";
import { child, codeOf, namespace, run, taskActionType, worldWithParent } from "../testing/world.ts";

const tgz = "s3://fast/acme/demo/development/0123456789abcdef0123456789abcdef/fast1.tar.gz";

function templateWith(url: string): string {
  const container = { image: "x", args: ["a0", "--tgz", url, "--dest", "."] };
  const template = create(TaskTemplateSchema, { target: { case: "container", value: container } });
  return Buffer.from(toBinary(TaskTemplateSchema, template)).toString("base64");
}

/** A gateway that asks who calls, the root action with a pod, and whoever calls with the token of some pod. */
async function world() {
  const it = await worldWithParent({}, (client) => createTokenVerifier({ client, clock: systemClock }));
  const { client } = it;
  await client.create(serviceAccounts, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "task", namespace },
  });
  const root = await client.patch(
    taskActionType,
    { namespace, name: "r1-a0" },
    { spec: { taskTemplate: templateWith(tgz) } },
  );
  const addPod = (name: string) =>
    client.create(pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace },
      spec: { serviceAccountName: "task", containers: [{ name: "primary", image: "x" }] },
    });
  const tokenOf = async (name: string, audience: string): Promise<string> => {
    const pod = await client.get(pods, { namespace, name });
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name, uid: pod.metadata.uid ?? "" };
    return (await client.createToken({ namespace, name: "task" }, { audiences: [audience], boundObjectRef })).token;
  };
  const podOf = (action: TaskAction, attempt = 1, incarnation = 0): string =>
    podName({ name: action.metadata.name, uid: action.metadata.uid ?? "" }, attempt, incarnation);
  const as = (token: string | undefined) => {
    const transport = createConnectTransport({
      baseUrl: it.url(),
      httpVersion: "1.1",
      interceptors: [
        (next) => (request) => {
          if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
          return next(request);
        },
      ],
    });
    return {
      actions: createClient(ActionsService, transport),
      runs: createClient(RunService, transport),
      projects: createClient(ProjectService, transport),
      bundles: createClient(BundleService, transport),
      auth: createClient(AuthMetadataService, transport),
    };
  };
  /** A call by the pod of an attempt of an action; the pod is made. */
  const pod = async (action: TaskAction, attempt = 1, incarnation = 0, audience = taskGatewayAudience) => {
    const name = podOf(action, attempt, incarnation);
    await addPod(name).catch(() => undefined);
    return as(await tokenOf(name, audience));
  };
  return { ...it, root, addPod, tokenOf, podOf, as, pod };
}

const refusal = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "accepted",
    (error: unknown) => String(error),
  );
const childOf = (parent: string, name: string, runName = "r1") => {
  const { action } = child(name, { parent });
  return { action: { ...action, actionId: { ...action.actionId, run: { ...run, name: runName } } } };
};

test("a task enqueues children of its own action, and of no other", async () => {
  await using it = await world();
  const { actions } = await it.pod(it.root);
  expect(await codeOf(actions.enqueue(childOf("a0", "c1")))).toBe("ok");
  expect(await refusal(actions.enqueue(childOf("c1", "c2")))).toContain(
    'action.parent_action_name: is "c1", but the caller is action "a0" and may name only itself',
  );
  expect(await refusal(actions.enqueue(childOf("a0", "c3", "r2")))).toContain(
    'is of run "demo/development/r2", but the caller is of run "demo/development/r1" and may name no other',
  );
  expect(await codeOf(actions.enqueue(childOf("c1", "c2")))).toBe(Code.PermissionDenied);
});

test("a task watches its own children alone", async () => {
  await using it = await world();
  const { actions } = await it.pod(it.root);
  await actions.enqueue(childOf("a0", "c1"));
  const foreign = actions.watchForUpdates({ filter: { case: "parentActionId", value: { run, name: "c1" } } });
  expect(await codeOf(foreign[Symbol.asyncIterator]().next())).toBe(Code.PermissionDenied);
  const own = actions.watchForUpdates({ filter: { case: "parentActionId", value: { run, name: "a0" } } });
  expect((await own[Symbol.asyncIterator]().next()).value?.message.case).toBe("actionUpdate");
});

test("a task aborts its descendants, neither itself nor its parent", async () => {
  await using it = await world();
  const root = await it.pod(it.root);
  await root.actions.enqueue(childOf("a0", "c1"));
  const childAction = await it.get("r1-c1");
  const inner = await it.pod(childAction);
  await inner.actions.enqueue(childOf("c1", "d1"));
  const abort = (who: typeof root, name: string) => refusal(who.actions.abort({ actionId: { run, name } }));
  expect(await abort(inner, "a0")).toContain('action "a0" is no descendant of the caller, action "c1"');
  expect(await abort(inner, "c1")).toContain("is no descendant of the caller");
  // At once: what the gateway's view has not shown yet is as much its descendant.
  expect(await abort(root, "d1")).toBe("accepted");
});

test("a pod that its action has gone on without starts nothing more", async () => {
  await using it = await world();
  const { actions } = await it.pod(it.root);
  await it.client.patch(
    taskActionType,
    { namespace, name: "r1-a0" },
    { status: { attempts: 2 } },
    { subresource: "status" },
  );
  const answer = await refusal(actions.enqueue(childOf("a0", "c1")));
  expect(answer).toMatch(/pod \S+-1-0 was given up: action a0 goes on with attempt 2/);
  expect(await codeOf(actions.enqueue(childOf("a0", "c1")))).toBe(Code.Aborted);
  const next = await it.pod(it.root, 2);
  expect(await codeOf(next.actions.enqueue(childOf("a0", "c1")))).toBe("ok");
});

test("who is no pod of an action is told why", async () => {
  await using it = await world();
  const enqueue = (token: string | undefined) => refusal(it.as(token).actions.enqueue(childOf("a0", "c1")));
  expect(await enqueue(undefined)).toContain(
    'unauthenticated] send "authorization: Bearer" with the pod\'s token of audience "homeplane-task-gateway"',
  );
  expect(await enqueue("nonsense")).toContain("unauthenticated");
  await it.addPod("somebody");
  expect(await enqueue(await it.tokenOf("somebody", taskGatewayAudience))).toContain(
    "permission_denied] pod demo-development/somebody is no pod of an action",
  );
  const own = it.podOf(it.root);
  await it.addPod(own);
  expect(await enqueue(await it.tokenOf(own, bundleAudience))).toContain(
    'unauthenticated] the token is for audience "homeplane-bundle", not "homeplane-task-gateway"',
  );
  const { token } = await it.client.createToken({ namespace, name: "task" }, { audiences: [taskGatewayAudience] });
  expect(await enqueue(token)).toContain("is bound to no pod");
});

test("an SDK without a token command gets its pod's own token for it, and nobody else gets any", async () => {
  await using it = await world();
  const { auth } = it.as(undefined);
  const { tokenEndpoint } = await auth.getOAuth2Metadata({});
  expect(tokenEndpoint).toBe("https://task-gateway.union.svc:8443/oauth2/token");
  expect((await auth.getPublicClientConfig({})).authorizationMetadataKey).toBe("authorization");
  const ask = async (secret: string, method = "POST"): Promise<Record<string, unknown>> => {
    const authorization = `Basic ${Buffer.from(`task:${encodeURIComponent(secret)}`).toString("base64")}`;
    const body = method === "POST" ? { body: "grant_type=client_credentials" } : {};
    const answer = await fetch(`${it.url()}/oauth2/token`, { method, headers: { authorization }, ...body });
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  await it.addPod(it.podOf(it.root));
  const token = await it.tokenOf(it.podOf(it.root), taskGatewayAudience);
  const granted = await ask(token);
  expect(granted).toEqual({ status: 200, access_token: token, token_type: "Bearer", expires_in: expect.any(Number) });
  expect(Number(granted["expires_in"])).toBeGreaterThan(0);
  expect(await codeOf(it.as(String(granted["access_token"])).actions.enqueue(childOf("a0", "c1")))).toBe("ok");
  expect(await ask("nonsense")).toMatchObject({ status: 401, error: "invalid_client" });
  const foreign = await it.tokenOf(it.podOf(it.root), bundleAudience);
  expect(await ask(foreign)).toMatchObject({
    status: 401,
    error_description: 'the token is for audience "homeplane-bundle", not "homeplane-task-gateway"',
  });
  expect(await ask(token, "GET")).toMatchObject({ status: 405, error: "invalid_request" });
});

test("the token of the init container gets the URL of the action's own bundle, and nothing else", async () => {
  await using it = await world();
  const init = await it.pod(it.root, 1, 0, bundleAudience);
  const { nativeUrl, signedUrl, md5 } = await init.bundles.getBundle({});
  expect({ nativeUrl, signedUrl, md5 }).toEqual({
    nativeUrl: tgz,
    signedUrl: `signed:${tgz}`,
    md5: "0123456789abcdef0123456789abcdef",
  });
  expect(await codeOf(init.actions.enqueue(childOf("a0", "c1")))).toBe(Code.Unauthenticated);
  expect(await codeOf((await it.pod(it.root)).bundles.getBundle({}))).toBe(Code.Unauthenticated);
});

test.each([
  ["another project", "s3://fast/acme/other/development/1/fast.tar.gz", Code.PermissionDenied],
  ["another organisation", "s3://fast/umbrella/demo/development/1/fast.tar.gz", Code.PermissionDenied],
  ["a name that begins alike", "s3://fast/acme/demo/development2/1/fast.tar.gz", Code.PermissionDenied],
  ["another run's pickle", "s3://meta/r10/x.pkl.gz", Code.PermissionDenied],
  ["its own run's pickle", "s3://meta/r1/x.pkl.gz", "ok"],
])("a template that names the bundle of %s: %s", async (_, url, code) => {
  await using it = await world();
  await it.client.patch(taskActionType, { namespace, name: "r1-a0" }, { spec: { taskTemplate: templateWith(url) } });
  const { bundles } = await it.pod(it.root, 1, 0, bundleAudience);
  expect(await codeOf(bundles.getBundle({}))).toBe(code);
});

test("what is passed on stays in the task's project and domain, and says whose it is", async () => {
  await using it = await world();
  const { runs, projects } = await it.pod(it.root);
  expect(await codeOf(runs.getRunDetails({ runId: { ...run, name: "another" } }))).toBe("ok");
  expect(it.seenTasks).toEqual(["demo/development/r1/a0"]);
  const foreign = runs.getRunDetails({ runId: { ...run, domain: "production" } });
  expect(await refusal(foreign)).toContain(
    'asks for project and domain "demo/production"; the calling task may ask only for its own, "demo/development"',
  );
  expect(await refusal(projects.listProjects({}))).toContain("names no project and domain");
  // A run of the own project that is made from another one's task is a way into that project's code.
  const borrowed = { project: "other", domain: "development", name: "t", version: "1" };
  const create_ = runs.createRun({
    id: { case: "projectId", value: { organization: "acme", name: "demo", domain: "development" } },
    task: { case: "taskId", value: borrowed },
  });
  expect(await codeOf(create_)).toBe(Code.PermissionDenied);
  expect(it.seenTasks).toHaveLength(1);
});
