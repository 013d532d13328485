/**
 * Cached results: where the output of a task lies that ran before on the same inputs. An entry is found and written inside one project's domain
 * only, and can only point at what lies there.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Metadata, MetadataSchema } from "@homeplane/idl/flyteidl2/cacheservice/cacheservice";
import type { CacheService, Identifier } from "@homeplane/idl/flyteidl2/cacheservice/v2/cacheservice";
import type { Context } from "../context.ts";
import { checkName, invalid, isBelow, projectScope, scopePrefix } from "../services/identifiers.ts";
import { requireProject } from "../services/require-project.ts";
import type { CacheKey } from "../store/port.ts";

const maxKeyLength = 1024;
const maxMetadataBytes = 16 << 10;
/** A reservation outlives this many heartbeats that do not come. */
const missedHeartbeats = 3;
const minHeartbeatMs = 1_000;
const maxHeartbeatMs = 10 * 60_000;

export function cacheService(ctx: Context): ServiceImpl<typeof CacheService> {
  return {
    async get({ identifier, baseRequest }) {
      const key = keyOf(identifier, baseRequest?.key);
      const entry = await ctx.store.cache.get(key);
      if (entry === undefined)
        throw new ConnectError(`nothing is cached under "${key.key}" in ${key.project}/${key.domain}`, Code.NotFound);
      const metadata: Metadata = {
        ...fromBinary(MetadataSchema, entry.metadata),
        createdAt: timestampFromMs(entry.createdAt),
        lastUpdatedAt: timestampFromMs(entry.updatedAt),
      };
      return { output: { output: { case: "outputUri", value: entry.outputUri }, metadata } };
    },

    async put({ identifier, baseRequest }) {
      const key = keyOf(identifier, baseRequest?.key);
      const output = baseRequest?.output;
      if (output?.output.case !== "outputUri")
        throw invalid("base_request.output.output_uri", "is required: values are kept in the object store only");
      const outputUri = output.output.value;
      const metadata = toBinary(MetadataSchema, output.metadata ?? create(MetadataSchema));
      if (metadata.length > maxMetadataBytes)
        throw invalid("base_request.output.metadata", `is ${metadata.length} bytes, the limit is ${maxMetadataBytes}`);
      await requireOwn(key, outputUri, output.metadata);
      const entry = { outputUri, metadata, at: ctx.clock.now() };
      if (await ctx.store.cache.put(key, entry, baseRequest?.overwrite?.overwrite ?? false)) return {};
      throw new ConnectError(`"${key.key}" is cached already: set overwrite to replace it`, Code.AlreadyExists);
    },

    async delete({ identifier, baseRequest }) {
      await ctx.store.cache.delete(keyOf(identifier, baseRequest?.key));
      return {};
    },

    async getOrExtendReservation({ identifier, baseRequest }) {
      const key = keyOf(identifier, baseRequest?.key);
      const owner = baseRequest?.ownerId ?? "";
      checkName(owner, "base_request.owner_id");
      await requireProject(ctx, key.project, key.domain);
      const asked = baseRequest?.heartbeatInterval ? durationMs(baseRequest.heartbeatInterval) : minHeartbeatMs;
      const heartbeatMs = Math.min(maxHeartbeatMs, Math.max(minHeartbeatMs, asked));
      const now = ctx.clock.now();
      const wanted = { owner, heartbeatMs, expiresAt: now + missedHeartbeats * heartbeatMs };
      const held = await ctx.store.cache.reserve(key, wanted, now);
      return {
        reservation: {
          key: key.key,
          ownerId: held.owner,
          heartbeatInterval: durationFromMs(held.heartbeatMs),
          expiresAt: timestampFromMs(held.expiresAt),
        },
      };
    },

    async releaseReservation({ identifier, baseRequest }) {
      const key = keyOf(identifier, baseRequest?.key);
      await ctx.store.cache.release(key, baseRequest?.ownerId ?? "");
      return {};
    },
  };

  function keyOf(identifier: Identifier | undefined, key = ""): CacheKey {
    const { org = "", project = "", domain = "" } = identifier ?? {};
    if (org !== ctx.config.org)
      throw new ConnectError(`organization "${org}" is not the one of this control plane`, Code.PermissionDenied);
    const scope = projectScope(
      { $typeName: "flyteidl2.common.ProjectIdentifier", organization: org, name: project, domain },
      "identifier",
    );
    if (key === "") throw invalid("base_request.key", "is required");
    if (key.length > maxKeyLength)
      throw invalid("base_request.key", `has ${key.length} characters, the limit is ${maxKeyLength}`);
    return { ...scope, key };
  }

  /** Whoever may write here could else lay results before another project's tasks, or read theirs. */
  async function requireOwn(key: CacheKey, outputUri: string, metadata: Metadata | undefined): Promise<void> {
    await requireProject(ctx, key.project, key.domain);
    const own = scopePrefix(ctx, key);
    if (!isBelow(outputUri, own) || outputUri.split("/").includes(".."))
      throw new ConnectError(
        `output_uri: "${outputUri}" is not below ${own} of the object store`,
        Code.PermissionDenied,
      );
    const run = metadata?.keyMap?.values["run"] ?? "";
    const { project, domain } = key;
    if ((await ctx.store.runs.get({ project, domain, run })) === undefined)
      throw new ConnectError(`key_map.run: there is no run "${run}" in ${project}/${domain}`, Code.PermissionDenied);
  }
}
