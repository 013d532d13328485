/** The kinds of fields that configuration files are made of; each says what would be right. */
import { parseQuantity } from "@homeplane/kube";
import { z } from "zod";

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A name as Kubernetes takes it for namespaces, ServiceAccounts and values of labels. */
export const name = z.string({ error: "must be a name" }).regex(label, {
  error: "must be a name of lower-case letters, digits and inner dashes, at most 63 characters",
});

/** Domains become the end of a namespace's name after a dash, so they can have none. */
export const domain = z.string({ error: "must be a name" }).regex(/^[a-z0-9]{1,63}$/, {
  error: "must be of lower-case letters and digits, without dashes",
});

export const file = z
  .string({ error: "must be the path of a file" })
  .regex(/^\//, { error: "must be an absolute path, such as /etc/homeplane/ca/ca.crt" });

const isLoopback = ({ hostname }: URL): boolean => hostname === "127.0.0.1" || hostname === "localhost";

/** `https`, as every hop is encrypted; in plain text only within one machine. */
export const origin = z
  .string({ error: "must be an address such as https://host:8443" })
  .superRefine((text, context) => {
    const url = URL.parse(text);
    if (url === null) context.addIssue("must be an address such as https://host:8443");
    else if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url)))
      context.addIssue("must begin with https:// (plain http is for 127.0.0.1 alone)");
    else if (url.username !== "" || url.password !== "") context.addIssue("must have no user and password in it");
    else if (url.search !== "" || url.hash !== "" || (url.pathname !== "/" && url.pathname !== ""))
      context.addIssue("must be a scheme, a host and perhaps a port, without a path");
  });

/** Where a token is shown to somebody else: never in plain text. */
export const httpsOrigin = origin.refine((text) => text.startsWith("https://"), { error: "must begin with https://" });

export const port = z
  .int({ error: "must be a port from 0 to 65535" })
  .min(0, { error: "must be a port from 0 to 65535" })
  .max(65_535, { error: "must be a port from 0 to 65535" });

export const wholeNumber = (min: number, max: number): z.ZodInt => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const amount = z
  .string({ error: 'must be an amount in quotes, such as "2" or 8Gi' })
  .refine((text) => parseQuantity(text) !== undefined, { error: 'must be an amount such as "500m", "2" or 8Gi' });

export const amounts = z.record(z.string(), amount);

export const texts = z.record(z.string(), z.string({ error: "must be a text: put it in quotes" }));

export const bucket = z
  .string({ error: "must be the name of a bucket" })
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: "must be a bucket's name: 3 to 63 of a-z, 0-9, . and -" });

const levels = ["debug", "info", "warn", "error", "silent"] as const;
export const logLevel = z.enum(levels, { error: `must be one of ${levels.join(", ")}` });

/** Where a component listens; in a pod the defaults. */
export const listen = z.strictObject({
  host: z.string().min(1).default("0.0.0.0").describe("address to listen on"),
  port: port.default(8443).describe("TLS: the component's services"),
  probePort: port.default(8081).describe("plain HTTP: `/healthz`, `/readyz`, `/metrics`"),
});

export const tlsFiles = {
  certFile: file
    .default("/etc/homeplane/tls/tls.crt")
    .describe("certificate of our servers, PEM; read again when it changes"),
  keyFile: file.default("/etc/homeplane/tls/tls.key").describe("its key, PEM"),
};
