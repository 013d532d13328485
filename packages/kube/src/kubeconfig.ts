import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import { parse } from "yaml";
import { type ClusterConfig, EXEC_API_VERSIONS, type TokenSource } from "./cluster-config.ts";
import { brokenField, Field } from "./kubeconfig-field.ts";

export interface KubeconfigOptions {
  /** Instead of the file's `current-context`. */
  readonly context?: string;
  /** The environment that credential plug-ins start from; they find their command by its PATH. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Reads a kubeconfig file. A HomeplaneError `kube.kubeconfig_invalid` names the file and the field that is broken. */
export async function loadKubeconfig(path: string, options: KubeconfigOptions = {}): Promise<ClusterConfig> {
  let document: unknown;
  try {
    document = parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new HomeplaneError(
      "kube.kubeconfig_unreadable",
      `the kubeconfig ${path} can not be read: ${messageOf(cause)}`,
      "Name an existing, well-formed kubeconfig file.",
      { cause },
    );
  }
  const root = new Field(document, "", path);
  const contextName = options.context ?? root.at("current-context").required();
  const context = root.named("contexts", contextName, "context");
  const cluster = root.named("clusters", context.at("cluster").required(), "cluster");
  const userName = context.at("user").text();
  const user = userName === undefined ? new Field({}, "users", path) : root.named("users", userName, "user");
  const { server, clusterPart } = await readCluster(cluster);
  return {
    server,
    namespace: context.at("namespace").text() ?? "default",
    ...clusterPart,
    ...(await readUser(user, path, { server, ...clusterPart }, options.env ?? {})),
  };
}

type ClusterPart = Pick<ClusterConfig, "ca" | "insecureSkipVerify" | "serverName">;

async function readCluster(cluster: Field): Promise<{ server: string; clusterPart: ClusterPart }> {
  const serverField = cluster.at("server");
  const server = serverField.required();
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw brokenField(serverField, "is no http or https URL");
  }
  const ca = await pem(cluster, "certificate-authority");
  const serverName = cluster.at("tls-server-name").text();
  return {
    server,
    clusterPart: {
      ...(ca === undefined ? {} : { ca }),
      ...(cluster.at("insecure-skip-tls-verify").flag() ? { insecureSkipVerify: true } : {}),
      ...(serverName === undefined ? {} : { serverName }),
    },
  };
}

async function readUser(
  user: Field,
  path: string,
  cluster: { server: string } & ClusterPart,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Pick<ClusterConfig, "certificate" | "key" | "token">> {
  const certificate = await pem(user, "client-certificate");
  const key = await pem(user, "client-key");
  if (certificate !== undefined && key === undefined) throw brokenField(user.at("client-key"), "is missing");
  if (certificate === undefined && key !== undefined) throw brokenField(user.at("client-certificate"), "is missing");
  const token = readToken(user, path, cluster, env);
  return {
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    ...(token === undefined ? {} : { token }),
  };
}

/** As in client-go, a token file wins over a token, and both win over a plug-in. */
function readToken(
  user: Field,
  path: string,
  cluster: { server: string } & ClusterPart,
  env: Readonly<Record<string, string | undefined>>,
): TokenSource | undefined {
  const file = user.at("tokenFile").text();
  if (file !== undefined) return { kind: "file", path: resolve(dirname(path), file) };
  const token = user.at("token").text();
  if (token !== undefined) return { kind: "static", token };
  const exec = user.at("exec");
  if (exec.absent()) {
    if (!user.at("auth-provider").absent())
      throw brokenField(user.at("auth-provider"), "is no longer a way in: use exec");
    if (!user.at("username").absent()) throw brokenField(user.at("username"), "is no longer a way in: use a token");
    return undefined;
  }
  const version = exec.at("apiVersion");
  const asked = version.required();
  const apiVersion = EXEC_API_VERSIONS.find((known) => known === asked);
  if (apiVersion === undefined) throw brokenField(version, `must be ${EXEC_API_VERSIONS.join(" or ")}`);
  if (exec.at("interactiveMode").text() === "Always") {
    throw brokenField(exec.at("interactiveMode"), "is Always, and there is no terminal");
  }
  const command = exec.at("command").required();
  const installHint = exec.at("installHint").text();
  const given = exec.at("env").list();
  return {
    kind: "exec",
    plugin: {
      apiVersion,
      // A bare name is looked up in PATH; a path is relative to the file that names it.
      command: command.includes("/") && !isAbsolute(command) ? resolve(dirname(path), command) : command,
      args: exec
        .at("args")
        .list()
        .map((arg) => arg.required()),
      env: {
        ...Object.fromEntries(Object.entries(env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const]))),
        ...Object.fromEntries(given.map((entry) => [entry.at("name").required(), entry.at("value").text() ?? ""])),
      },
      ...(installHint === undefined ? {} : { installHint }),
      ...(exec.at("provideClusterInfo").flag() ? { clusterInfo: clusterInfo(cluster) } : {}),
    },
  };
}

function clusterInfo(cluster: { server: string } & ClusterPart): Record<string, unknown> {
  return {
    server: cluster.server,
    ...(cluster.serverName === undefined ? {} : { "tls-server-name": cluster.serverName }),
    ...(cluster.insecureSkipVerify === true ? { "insecure-skip-tls-verify": true } : {}),
    ...(cluster.ca === undefined ? {} : { "certificate-authority-data": Buffer.from(cluster.ca).toString("base64") }),
  };
}

/** `{name}-data` (base64) wins over the file `{name}`, as in client-go. */
async function pem(owner: Field, name: string): Promise<string | undefined> {
  const data = owner.at(`${name}-data`);
  const encoded = data.text();
  if (encoded !== undefined) {
    const decoded = Buffer.from(encoded, "base64").toString("utf8");
    if (!decoded.includes("-----BEGIN ")) throw brokenField(data, "is no base64 of a PEM document");
    return decoded;
  }
  const field = owner.at(name);
  const file = field.text();
  if (file === undefined) return undefined;
  const path = resolve(dirname(field.file), file);
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw brokenField(field, `names ${path}, which can not be read: ${messageOf(cause)}`, cause);
  }
}
