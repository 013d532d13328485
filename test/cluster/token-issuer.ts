/** An identity provider as a cluster is one: a discovery document, its keys, and tokens for ServiceAccounts. */
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface TokenIssuer extends AsyncDisposable {
  /** Of the discovery document. */
  readonly url: string;
  /** Signed; `seconds` below 0 makes one that has ended. */
  token(claims: { readonly subject: string; readonly audience: string; readonly seconds?: number }): string;
}

export async function startTokenIssuer(): Promise<TokenIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomUUID();
  const server = createServer((request, response) => {
    const issuer = `http://127.0.0.1:${port}`;
    const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" }] };
    const discovery = { issuer, jwks_uri: `${issuer}/keys`, id_token_signing_alg_values_supported: ["RS256"] };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.url === "/keys" ? keys : discovery));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/.well-known/openid-configuration`,
    token({ subject, audience, seconds = 3600 }) {
      const now = Math.floor(Date.now() / 1000);
      const times = { iat: now + Math.min(seconds, 0) - 60, nbf: now + Math.min(seconds, 0) - 60, exp: now + seconds };
      const parts = [
        { alg: "RS256", typ: "JWT", kid },
        { iss: `http://127.0.0.1:${port}`, sub: subject, aud: [audience], ...times },
      ];
      const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
      return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
