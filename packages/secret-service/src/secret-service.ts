import type { ServiceImpl } from "@connectrpc/connect";
import type { SecretMaterialiser, SecretService } from "@homeplane/idl/homeplane/v1/secrets";
import type { KubeClient } from "@homeplane/kube";
import type { Clock, Logger, Random, Service } from "@homeplane/runtime-kit";
import { createBroom } from "./broom.ts";
import { materialiser } from "./materialise.ts";
import { userSecrets } from "./user-secrets.ts";

export interface SecretServiceOptions {
  readonly client: KubeClient;
  /** Where users' secrets are kept: a namespace for this alone, which exists. */
  readonly namespace: string;
  readonly org: string;
  readonly cluster: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface SecretServices {
  /** For the tunnel. */
  readonly users: ServiceImpl<typeof SecretService>;
  /** For the executor, inside the data plane. */
  readonly materialiser: ServiceImpl<typeof SecretMaterialiser>;
  /** Removes what attempts leave behind. */
  readonly service: Service;
}

export function createSecretService(options: SecretServiceOptions): SecretServices {
  const { client, clock } = options;
  return {
    users: userSecrets(client, options),
    materialiser: materialiser(client, options, clock),
    service: createBroom(options),
  };
}
