/** The configuration of the control plane as a process of its own. */
import { z } from "zod";
import { domain, file, listen, logLevel, name, tlsFiles } from "./fields.ts";

export const controlPlaneSchema = z.strictObject({
  org: name.default("homeplane"),
  domains: z
    .array(domain)
    .min(1, { error: "must name at least one" })
    .default(["development", "staging", "production"]),
  project: name.default("flytesnacks").describe("made at the first start"),
  dataDir: file.default("/var/lib/homeplane").describe("where the database is"),
  logLevel: logLevel.default("info"),
  listen: listen
    .extend({
      clientPort: listen.shape.port.default(8090).describe("plain HTTP on 127.0.0.1: clients' API and console"),
    })
    .prefault({}),
  tls: z.strictObject(tlsFiles).prefault({}),
  clusters: z
    .array(
      z.strictObject({
        name,
        tokenFile: file.describe("the credential that this cluster shows; read again when it changes"),
      }),
    )
    .min(1, { error: "must name at least one data plane: { name, tokenFile }" })
    .max(1, { error: "must name one data plane only: runs are not placed among several yet" }),
});
