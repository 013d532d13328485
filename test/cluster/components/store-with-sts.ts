/** An object store as a cluster has one: S3 behind credentials of a session, which an STS gives for tokens of the cluster's ServiceAccounts. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TokenVerifier } from "@homeplane/kube";
import { openFsObjectStore, startS3Server } from "@homeplane/object-store";
import { silentLogger as log, systemClock as clock } from "@homeplane/runtime-kit";
import type { Pair } from "@homeplane/kube-embedded/certs";

export const buckets = { metadata: "homeplane-metadata", fastRegistration: "homeplane-fast-registration" } as const;
export const stsAudience = "sts.amazonaws.com";

const session = { accessKeyId: "session", secretAccessKey: "session-secret", sessionToken: "session-token" };

export interface StoreWithSts extends AsyncDisposable {
  readonly endpoint: string;
  readonly stsEndpoint: string;
  /** Accounts that were given credentials. */
  readonly assumedBy: ReadonlySet<string>;
}

export async function startStoreWithSts(folder: string, tokens: TokenVerifier, tls: Pair): Promise<StoreWithSts> {
  const names = Object.values(buckets);
  const store = await openFsObjectStore({ root: join(folder, "objects"), buckets: names, clock });
  const server = await startS3Server({
    ...{ store, buckets: names, multipartRoot: join(folder, "multipart"), credentials: session, clock, log },
    ...{ host: "127.0.0.1", port: 0 },
  });
  const assumedBy = new Set<string>();
  const sts = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    const answer = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const verified = await tokens.verifyToken(form.get("WebIdentityToken") ?? "", stsAudience);
      response.statusCode = verified.ok ? 200 : 400;
      if (verified.ok) assumedBy.add(verified.username);
      response.end(
        verified.ok ? credentials() : `<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>`,
      );
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => sts.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: server.url,
    stsEndpoint: `https://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    assumedBy,
    [Symbol.asyncDispose]: async () => {
      sts.closeAllConnections();
      await new Promise((resolve) => sts.close(resolve));
      await server.close();
    },
  };
}

function credentials(): string {
  const fields = {
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    SessionToken: session.sessionToken,
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const text = Object.entries(fields).map(([name, value]) => `<${name}>${value}</${name}>`);
  const result = `<AssumeRoleWithWebIdentityResult><Credentials>${text.join("")}</Credentials></AssumeRoleWithWebIdentityResult>`;
  return `<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`;
}
