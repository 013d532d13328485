import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { HomeplaneError, messageOf } from "@homeplane/runtime-kit";
import type { ExecPlugin } from "./cluster-config.ts";

/** A plug-in may have to ask a cloud's identity service. */
const EXEC_TIMEOUT_MS = 30_000;

interface ExecStatus {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
}

/** Runs a credential plug-in (Kubernetes documentation, "client-go credential plugins"). No terminal is offered to it. */
export async function runExecPlugin(plugin: ExecPlugin): Promise<ExecStatus> {
  const info = {
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(plugin.clusterInfo === undefined ? {} : { cluster: plugin.clusterInfo }) },
  };
  const env = { ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  let stdout: string;
  try {
    ({ stdout } = await promisify(execFile)(plugin.command, [...plugin.args], { env, timeout: EXEC_TIMEOUT_MS }));
  } catch (cause) {
    throw failed(plugin, messageOf(cause), cause);
  }
  return parse(plugin, stdout);
}

function parse(plugin: ExecPlugin, stdout: string): ExecStatus {
  let answer: { apiVersion?: unknown; kind?: unknown; status?: Record<string, unknown> | null } | null;
  try {
    answer = JSON.parse(stdout) as typeof answer;
  } catch (cause) {
    // The output is not quoted: it may hold the credential.
    throw failed(plugin, "its output is no JSON", cause);
  }
  if (answer?.apiVersion !== plugin.apiVersion || answer.kind !== "ExecCredential") {
    throw failed(plugin, `its output is no ExecCredential of ${plugin.apiVersion}`);
  }
  const text = (name: string): string | undefined => {
    const value = answer.status?.[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const token = text("token");
  const certificate = text("clientCertificateData");
  const key = text("clientKeyData");
  if (token === undefined && certificate === undefined)
    throw failed(plugin, "its status has no token and no certificate");
  if ((certificate === undefined) !== (key === undefined)) {
    throw failed(plugin, "its status has only one of clientCertificateData and clientKeyData");
  }
  const expiry = Date.parse(text("expirationTimestamp") ?? "");
  return {
    ...(token === undefined ? {} : { token }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(Number.isNaN(expiry) ? {} : { expiresAt: expiry }),
  };
}

function failed(plugin: ExecPlugin, why: string, cause?: unknown): HomeplaneError {
  return new HomeplaneError(
    "kube.exec_plugin_failed",
    `the credential plug-in ${plugin.command} failed: ${why}`,
    plugin.installHint ?? "Run the plug-in's command by hand: it must print an ExecCredential.",
    { cause },
  );
}
