import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildProgram } from "../cluster/go-program.ts";
import type { Permutation } from "./permutations.ts";

const deploy = join(import.meta.dirname, "../../deploy");
export const chartFolder = (chart: Permutation["chart"]): string => join(deploy, chart);

/** Rejects with what helm printed on stderr. */
export async function helm(...args: readonly string[]): Promise<string> {
  const program = await buildProgram("helm", () => undefined);
  const { stdout } = await promisify(execFile)(program, [...args], { maxBuffer: 64 << 20 });
  return stdout;
}

export function template({ chart, namespace, values, args = [] }: Permutation, ...more: string[]): Promise<string> {
  const files = values.flatMap((name) => ["-f", join(import.meta.dirname, "values", `${name}.yaml`)]);
  const server = ["--kube-version", "1.34.4", "-n", namespace];
  return helm("template", "homeplane", chartFolder(chart), ...server, ...files, ...args, ...more);
}

/** Certificates and credentials are made anew in each rendering. */
export function withoutSecrets(rendered: string): string {
  return rendered
    .replaceAll(/-----BEGIN CERTIFICATE-----\n +MII[\s\S]*?-----END CERTIFICATE-----/g, "(a certificate)")
    .replaceAll(/(tls\.(?:crt|key)): LS0t\S+/g, "$1: KG1hZGUp")
    .replaceAll(/(renew-after): "\d+"/g, '$1: "1"');
}
