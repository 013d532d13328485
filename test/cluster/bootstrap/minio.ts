/** The object store, over TLS, with an STS that believes the cluster's own tokens. */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { askMinio } from "./ask-minio.ts";
import type { Daemon } from "./daemon.ts";
import { apiUrl, buckets, credentials, full, minioUrl, node, tokenAudience } from "./layout.ts";

export interface RootKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

export const rootKeys = async (): Promise<RootKeys> =>
  JSON.parse(await readFile(credentials(full, "store-root.json"), "utf8")) as RootKeys;

export async function minio(program: string): Promise<Daemon> {
  const folder = join(full.folder, "minio");
  const certs = join(folder, "certs");
  for (const path of ["data", "certs/CAs"]) await mkdir(join(folder, path), { recursive: true });
  await copyFile(credentials(full, "store.crt"), join(certs, "public.crt"));
  await copyFile(credentials(full, "store.key"), join(certs, "private.key"));
  // It reads the issuer's keys from the API server.
  await copyFile(credentials(full, "ca.crt"), join(certs, "CAs/cluster.crt"));
  const { accessKey, secretKey } = await rootKeys();
  const address = `${node.address}:9000`;
  return {
    name: "minio",
    program,
    args: ["server", "--quiet", "--address", address, "--certs-dir", certs, join(folder, "data")],
    env: {
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      MINIO_IDENTITY_OPENID_CONFIG_URL: `${apiUrl(full)}/.well-known/openid-configuration`,
      MINIO_IDENTITY_OPENID_CLIENT_ID: tokenAudience,
      // The policy has the name of the audience, so any token with it has that policy, whatever role it asks for; the policy itself asks whose token it is.
      MINIO_IDENTITY_OPENID_CLAIM_NAME: "aud",
    },
    check: `${minioUrl}/minio/health/ready`,
  };
}

/** Two roles in one policy: which of them an account has, its name tells. The names of namespaces are free: tests have their own. */
const roles = [
  { accounts: ["executor", "object-store-service", "log-provider"], objectActions: ["s3:DeleteObject"] },
  { accounts: ["task"], objectActions: [] },
];

const tokenPolicy = {
  Version: "2012-10-17",
  Statement: roles.flatMap(({ accounts, objectActions }) => {
    const Condition = { StringLike: { "jwt:sub": accounts.map((name) => `system:serviceaccount:*:${name}`) } };
    const parts = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    return [
      {
        Effect: "Allow",
        Action: ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
        Resource: ["arn:aws:s3:::*"],
        Condition,
      },
      {
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject", ...parts, ...objectActions],
        Resource: ["arn:aws:s3:::*/*"],
        Condition,
      },
    ];
  }),
};

/** What tests find in the store. */
export async function fillStore(): Promise<void> {
  const { accessKey, secretKey } = await rootKeys();
  const ca = await readFile(credentials(full, "store-ca.crt"), "utf8");
  const access = { url: minioUrl, accessKeyId: accessKey, secretAccessKey: secretKey, ca };
  for (const bucket of buckets) await askMinio(access, { method: "PUT", path: `/${bucket}`, expected: [200, 409] });
  const path = `/minio/admin/v3/add-canned-policy?name=${tokenAudience}`;
  await askMinio(access, { method: "PUT", path, body: JSON.stringify(tokenPolicy) });
}
