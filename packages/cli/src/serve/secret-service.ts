import { secretsNamespace } from "@homeplane/idl";
import { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import { createSecretService } from "@homeplane/secret-service";
import type { Build } from "./component.ts";

const maxBytes = 4 << 20;

export const secretService: Build = ({ config, client, shared, handler }) => {
  const { org, cluster } = config;
  const secrets = createSecretService({ ...shared, client, namespace: secretsNamespace, org, cluster });
  const callers = new Map<typeof SecretService | typeof SecretMaterialiser, readonly string[]>([
    [SecretService, ["tunnel-service"]],
    [SecretMaterialiser, ["executor"]],
  ]);
  return {
    services: [secrets.service],
    checks: [],
    handler: handler(callers, maxBytes, (router) => {
      router.service(SecretService, secrets.users);
      router.service(SecretMaterialiser, secrets.materialiser);
    }),
  };
};
