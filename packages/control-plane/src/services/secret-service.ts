/** Secrets pass through to the data plane, which keeps them: nothing of one is stored or logged here, and no value ever comes back. */
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { SecretIdentifier } from "@homeplane/idl/flyteidl2/secret/definition";
import type { SecretService } from "@homeplane/idl/flyteidl2/secret/secret";
import { type Context, dataPlaneTimeoutMs } from "../context.ts";
import { invalid } from "./identifiers.ts";
import { requireDomain, requireProject } from "./require-project.ts";

export function secretService(ctx: Context): ServiceImpl<typeof SecretService> {
  const { secrets } = ctx.dataPlane;
  const checkScope = async (field: string, project: string, domain: string): Promise<void> => {
    if (project !== "" && domain === "") {
      throw invalid(
        `${field}domain`,
        `is required beside project "${project}": a secret belongs to a project's domain, to a domain, or to the organization`,
      );
    }
    if (project !== "") await requireProject(ctx, project, domain);
    else if (domain !== "") requireDomain(ctx, domain);
  };
  const checked = async (id: SecretIdentifier | undefined): Promise<SecretIdentifier> => {
    if (id === undefined) throw invalid("id", "is required");
    await checkScope("id.", id.project, id.domain);
    return id;
  };
  return {
    async createSecret({ id, secretSpec }, { signal }) {
      return told(secrets.createSecret({ id: await checked(id), ...(secretSpec && { secretSpec }) }, how(signal)));
    },
    async updateSecret({ id, secretSpec }, { signal }) {
      return told(secrets.updateSecret({ id: await checked(id), ...(secretSpec && { secretSpec }) }, how(signal)));
    },
    async getSecret({ id }, { signal }) {
      return told(secrets.getSecret({ id: await checked(id) }, how(signal)));
    },
    async listSecrets({ project, domain, limit, token }, { signal }) {
      await checkScope("", project, domain);
      const { secrets: page, token: next } = await told(
        secrets.listSecrets({ project, domain, limit, token }, how(signal)),
      );
      return { secrets: page, token: next };
    },
    async deleteSecret({ id }, { signal }) {
      return told(secrets.deleteSecret({ id: await checked(id) }, how(signal)));
    },
  };
}

function how(signal: AbortSignal) {
  return { signal, timeoutMs: dataPlaneTimeoutMs };
}

/** A data plane that is away says so; one that is older has no such service. */
async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const { code, rawMessage } = error;
    if (code === Code.Unimplemented) throw new ConnectError("this data plane keeps no secrets", Code.Unimplemented);
    throw new ConnectError(rawMessage, code);
  }
}
