import { ObjectStoreError } from "../error.ts";

/**
 * A session policy that keeps credentials to the objects below a prefix, such as `org/project/domain/`. What the role itself may not do
 * is not allowed by it. At most 2,048 characters go through an STS. Throws for a prefix that a policy would take for a pattern.
 */
export function prefixPolicy(buckets: readonly string[], prefix: string): string {
  if (prefix === "" || /[*?$]/.test(prefix))
    throw new ObjectStoreError("InvalidKey", `"${prefix}" can not be the prefix of a policy`);
  const arns = buckets.map((bucket) => `arn:aws:s3:::${bucket}`);
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["s3:ListBucket"],
        Resource: arns,
        Condition: { StringLike: { "s3:prefix": [`${prefix}*`] } },
      },
      {
        Effect: "Allow",
        Action: [
          "s3:GetObject",
          "s3:PutObject",
          "s3:DeleteObject",
          "s3:AbortMultipartUpload",
          "s3:ListMultipartUploadParts",
        ],
        Resource: arns.map((arn) => `${arn}/${prefix}*`),
      },
    ],
  });
}
