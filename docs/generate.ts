/**
 * Writes the pages of the reference that are made from the program itself: cli.md from each command's --help, channels.md from the .proto files,
 * api.md from the services that the control plane routes.
 *
 * Run: node scripts/launch.mjs run docs/generate.ts
 * With --check it writes nothing and fails when a page is out of date.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiMethods } from "@homeplane/control-plane";
import { configurationPage } from "./generate-configuration.ts";

const root = join(import.meta.dirname, "..");
const made = "<!-- Made by docs/generate.ts: change the program, not this page. -->\n";

/** What a user sees, whoever runs this: home is "~" and no terminal decides on the width. */
function help(args: readonly string[]): string {
  const env = { PATH: process.env["PATH"] ?? "", HOME: "~" };
  const main = join(root, "packages/cli/src/main.js");
  return execFileSync(process.execPath, [main, ...args, "--help"], { env, encoding: "utf8" }).trimEnd();
}

function cliPage(): string {
  const top = help([]);
  const list = top.slice(top.indexOf("\nCommands:"));
  const commands = [...list.matchAll(/^ {2}([\w-]+)/gm)].flatMap(([, name]) =>
    name === undefined || name === "help" ? [] : [name],
  );
  const parts = [[], ...commands.map((name) => [name])].map((args) => {
    const title = ["homeplane", ...args].join(" ");
    return `## \`${title}\`\n\n\`\`\`\n${help(args)}\n\`\`\`\n`;
  });
  const intro = `In a checkout the command is \`./homeplane\`. \`npm start -- <options>\` is \`./homeplane start <options>\`.

| exit code | of | meaning |
|---|---|---|
| 0 | all | done; of \`start --once\`: the sample succeeded |
| 1 | all | an error, said on stderr with a code in brackets ([errors](errors.md)), of a component as the last line of its log; or the sample failed |
| 3 | \`status\` | it does not run, or does not answer |
| 130 | \`up\`, \`start\`, components | ended by a second Ctrl-C, without waiting for the tasks |
`;
  return `${made}# Command line\n\n${intro}\n${parts.join("\n")}`;
}

interface Rpc {
  readonly name: string;
  readonly signature: string;
  readonly comment: string;
}

/** Services of a .proto file with the comments before them. It reads the plain style of our own files, not all of the language. */
function services(source: string): { name: string; comment: string; rpcs: Rpc[] }[] {
  const found: { name: string; comment: string; rpcs: Rpc[] }[] = [];
  let comment: string[] = [];
  for (const line of source.split("\n")) {
    const text = /^\s*\/\/ ?(.*)$/.exec(line)?.[1];
    if (text !== undefined) {
      comment.push(text);
      continue;
    }
    const name = /^service (\w+) \{/.exec(line)?.[1];
    if (name !== undefined) found.push({ name, comment: comment.join(" "), rpcs: [] });
    const rpc = /^\s+rpc (\w+)\((.+?)\) returns \((.+?)\);/.exec(line);
    if (rpc !== null) {
      const [, method = "", request = "", response = ""] = rpc;
      found.at(-1)?.rpcs.push({ name: method, signature: `${request} → ${response}`, comment: comment.join(" ") });
    }
    comment = [];
  }
  return found;
}

function serviceText({ name, comment, rpcs }: ReturnType<typeof services>[number]): string {
  const rows = rpcs.map((rpc) => `| \`${rpc.name}\` | \`${rpc.signature}\` | ${rpc.comment} |`);
  const table = ["| call | request → response | |", "|---|---|---|", ...rows].join("\n");
  return `### \`homeplane.v1.${name}\`\n\n${comment}${comment === "" ? "" : "\n\n"}${table}\n`;
}

function channelsPage(): string {
  const section = (file: string, only = /./): string => {
    const source = readFileSync(join(root, "packages/idl/proto/homeplane/v1", file), "utf8");
    const named = services(source).filter(({ name }) => only.test(name));
    return named.map(serviceText).join("\n");
  };
  return `${made}# Channels

Control plane and data plane meet at two channels and nowhere else. The data plane starts both; it needs no inbound port.
In the embedded default both are in-process transports of these services: the same messages, without a socket. Elsewhere both go to one port of the
control plane (8443), by TLS of version 1.2 or newer, with \`authorization: Bearer <the cluster's token>\`; a call that names another cluster than
the token's is refused (PERMISSION_DENIED), one without a token that is known is UNAUTHENTICATED.

| | tunnel | orchestration channel |
|---|---|---|
| begins with | \`GET /homeplane/v1/tunnel HTTP/1.1\`, \`connection: upgrade\`, \`upgrade: homeplane-tunnel\`, \`x-homeplane-cluster: <name>\`; the answer is 101, or 401, 403, 404, 429 with \`{ code, message }\` | ALPN \`h2\` |
| then | the one who dialled serves HTTP/2 on that connection, the control plane is its client, from the first byte behind the 101 on | gRPC (or Connect) |
| calls | Connect (or gRPC), passed on as they are to the component with the service | gRPC |
| connections | 4 | one for each of executor, operator, task-gateway |
| ping, dead after | 1 s, 3 s without a byte, both ends | the same; the control plane gives up clients after 30 s |
| dialled again after | 0.25 s doubling to 15 s, full jitter | 0.25 s doubling to 5 s, full jitter, when a call needs it |
| end | GOAWAY, 1 s, then nothing new; calls under way have 30 s | GOAWAY |

Messages: [dataplane.proto](../../packages/idl/proto/homeplane/v1/dataplane.proto),
[secrets.proto](../../packages/idl/proto/homeplane/v1/secrets.proto),
[images.proto](../../packages/idl/proto/homeplane/v1/images.proto),
[orchestration.proto](../../packages/idl/proto/homeplane/v1/orchestration.proto).

## The tunnel: the control plane calls, the data plane serves

${section("dataplane.proto")}
${section("secrets.proto", /^SecretService$/)}
${section("images.proto")}
## The orchestration channel: the data plane calls, the control plane serves

${section("orchestration.proto")}
### Of flyteidl2, on the same channel

| call | by | meaning |
|---|---|---|
| \`workflow.EventsProxyService.Record\` | executor, task-gateway | phases and ends of attempts |
| \`workflow.InternalRunService.RecordAction\` | executor, task-gateway | an action that came to be inside the data plane: a child or a trace |
| \`workflow.InternalRunService.UpdateActionStatus\` | executor, task-gateway | the end of an action as a whole |
| \`cacheservice.v2.CacheService.Get\`, \`Put\` | executor | where the output of a cached task lies. Inside one project's domain only: \`Put\` refuses an address outside of it and a run that is not in it (PERMISSION_DENIED) |
| \`cacheservice.v2.CacheService.GetOrExtendReservation\`, \`ReleaseReservation\` | executor | the right to run a serialised task; it lives for three heartbeats after the last one |
| \`cacheservice.v2.CacheService.Delete\` | nobody yet | forgets an entry; its files stay |

Calls of task pods that are not \`ActionsService\` go to the control plane's client services through the task gateway: \`RunService\`,
\`DataProxyService\`, \`ClusterService\`, \`ProjectService\`, \`TaskService\`, \`ImageService\`.

## Inside the data plane

${section("secrets.proto", /^SecretMaterialiser$/)}
## Repeats

All reports may come more than once; the receiver drops what it has ([record.ts](../../packages/control-plane/src/orchestration/record.ts),
[apply-event.ts](../../packages/control-plane/src/actions/apply-event.ts)).
`;
}

function apiPage(): string {
  const methods = apiMethods();
  const services = [...new Set(methods.map(({ service }) => service))];
  const sections = services.map((service) => {
    const rows = methods.filter((method) => method.service === service);
    const lines = rows.map(({ name, calledBySdk, refused }) => {
      const answer = refused === undefined ? "answered" : `UNIMPLEMENTED: ${refused}`;
      return `| \`${name}\` | ${calledBySdk ? "yes" : ""} | ${answer} |`;
    });
    return `## \`${service.typeName}\`\n\n| method | the SDK calls it | |\n|---|---|---|\n${lines.join("\n")}\n`;
  });
  return `${made}# The API for clients

What the control plane answers on its port: the services of flyteidl2 that the \`flyte\` SDK (2.12.1, 2.5.8) and CLI call, by Connect over HTTP/1.1, and by
Connect, gRPC and gRPC-Web over HTTP/1.1 or HTTP/2 in plain text. A method that is not there says \`UNIMPLEMENTED\` and why.
\`ActionsService\`, which running tasks call, is the task gateway's ([channels](channels.md)).

| error | when |
|---|---|
| \`INVALID_ARGUMENT\` | the request is no message of the method, or a field is wrong: the message names the field and what would be right |
| \`NOT_FOUND\` | project, domain, task, run, action, trigger: the message names it and the way out |
| \`ALREADY_EXISTS\` | a name or version that is taken |
| \`FAILED_PRECONDITION\` | the project is archived; somebody else changed it in between |
| \`RESOURCE_EXHAUSTED\` | a request beyond 64 MiB after decompression, inputs and outputs beyond 20 MiB, no space left on the disk |
| \`UNAVAILABLE\` | the store can not be written; the server is stopping: call again |
| \`UNAUTHENTICATED\` | the server asks for a key, and the call has none that it knows |
| \`UNIMPLEMENTED\` | see below |
| \`INTERNAL\` | a fault of the server; the message carries the request's id, the log the cause |

${sections.join("\n")}`;
}

/** As the format check wants it. */
function formatted(name: string, content: string): string {
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const args = [biome, "format", `--stdin-file-path=docs/${name}`];
  return execFileSync(process.execPath, args, { cwd: root, input: content, encoding: "utf8" });
}

const pages = {
  "reference/cli.md": cliPage(),
  "reference/channels.md": channelsPage(),
  "reference/api.md": apiPage(),
  "reference/configuration.md": configurationPage(made),
};
const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(pages)) {
  const content = formatted(name, text);
  const file = join(import.meta.dirname, name);
  if (!check) writeFileSync(file, content);
  else if (readFileSync(file, "utf8") !== content) {
    process.stderr.write(`docs/${name} is out of date: run node scripts/launch.mjs run docs/generate.ts\n`);
    process.exitCode = 1;
  }
}
