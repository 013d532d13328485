import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseQuantity } from "@homeplane/kube";
import { HomeplaneError } from "@homeplane/runtime-kit";
import { z } from "zod";

const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};
const path = z.string().min(1, { error: "must not be empty" });
const levels = ["debug", "info", "warn", "error", "silent"] as const;

/** Nothing here asks who calls, so nobody else's machine may. */
const notLoopback =
  "must be 127.0.0.1: there is no authentication yet, so Homeplane listens on loopback only. From another machine: ssh -L 8090:127.0.0.1:8090 -L 8091:127.0.0.1:8091 <this machine>, see docs/guide/remote-access.md";

const cpusError = "must be a number from 0.1 to 1024";

function bytesOf(text: string, context: z.RefinementCtx<string>): number {
  const bytes = (parseQuantity(text)?.milli ?? 0) / 1000;
  // Less than a task's own default request would let nothing run.
  if (bytes < MIN_MEMORY) context.addIssue("must be an amount of at least 512Mi, such as 8Gi");
  return bytes;
}

const MIN_MEMORY = 512 * 1024 * 1024;

/** What `up` can be told; the result is plain data and the only place where the environment is read. */
const schema = z.object({
  host: z.enum(["127.0.0.1", "localhost"], { error: notLoopback }).default("127.0.0.1"),
  port: wholeNumber(0, 65_535).default(8090),
  dataDir: path.optional(),
  python: path.optional(),
  cpus: z.coerce
    .number({ error: cpusError })
    .min(0.1, { error: cpusError })
    .max(1_024, { error: cpusError })
    .optional(),
  memory: z.string().transform(bytesOf).optional(),
  slots: wholeNumber(1, 1_000).optional(),
  json: z.boolean().default(false),
  logLevel: z.enum(levels, { error: `must be one of ${levels.join(", ")}` }).default("info"),
});

export interface UpConfig extends Omit<z.infer<typeof schema>, "dataDir" | "host"> {
  readonly dataDir: string;
  /** Loopback only: nothing here asks who you are. */
  readonly host: "127.0.0.1";
  readonly org: string;
  readonly project: string;
  readonly domains: readonly string[];
  readonly version: string;
  readonly gracePeriodSeconds: number;
  /** Of every task process; homeplane's own environment is not inherited. */
  readonly podEnvironment: Readonly<Record<string, string>>;
}

export function defaultDataDir(): string {
  return join(homedir(), ".homeplane");
}

/** Throws InvalidOption, naming the option. */
export function upConfig(options: unknown, environment: NodeJS.ProcessEnv, version: string): UpConfig {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const option = `--${String(issue?.path[0] ?? "").replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new HomeplaneError("InvalidOption", `${option}: ${issue?.message}`, "see `homeplane up --help`");
  }
  const { dataDir, python, host: _host, ...rest } = parsed.data;
  const { PATH = "/usr/local/bin:/usr/bin:/bin", LANG = "C.UTF-8", TZ } = environment;
  return {
    ...rest,
    ...(python === undefined ? {} : { python: resolve(python) }),
    dataDir: resolve(dataDir ?? defaultDataDir()),
    host: "127.0.0.1",
    org: "homeplane",
    project: "flytesnacks",
    domains: ["development", "staging", "production"],
    version,
    gracePeriodSeconds: 10,
    podEnvironment: { PATH, LANG, ...(TZ === undefined ? {} : { TZ }) },
  };
}
