/** Services with an answer of a line or two. */
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import type { AuthMetadataService } from "@homeplane/idl/flyteidl2/auth/auth_service";
import type { IdentityService } from "@homeplane/idl/flyteidl2/auth/identity";
import type { ClusterService } from "@homeplane/idl/flyteidl2/cluster/service";
import type { ImageService } from "@homeplane/idl/flyteidl2/imagebuilder/service";

/** An empty endpoint means "this server". */
export const clusterService: ServiceImpl<typeof ClusterService> = {
  selectCluster: async () => ({ clusterEndpoint: "", cluster: "" }),
};

/** On loopback there is one user: the one who owns the machine's account. */
export const identityService: ServiceImpl<typeof IdentityService> = {
  userInfo: async () => ({ subject: "local", name: "local user", preferredUsername: "local" }),
};

export const authMetadataService: Partial<ServiceImpl<typeof AuthMetadataService>> = {
  getOAuth2Metadata: () => {
    throw new ConnectError("this server asks for no authentication: use `insecure: true`", Code.Unimplemented);
  },
  getPublicClientConfig: () => {
    throw new ConnectError("this server asks for no authentication: use `insecure: true`", Code.Unimplemented);
  },
};

/** No image was built here: the client takes any error for "absent". */
export const imageService: ServiceImpl<typeof ImageService> = {
  getImage: () => {
    throw new ConnectError("images are not built by this server", Code.NotFound);
  },
};
