import { selfAccess, selfRules, selfSubject, subjectAccess } from "./access-reviews.ts";
import { builtin } from "./builtin.ts";
import type { ResourceType } from "./resource-type.ts";
import { reviewToken } from "./token-review.ts";

function review(
  group: string,
  kind: string,
  answer: NonNullable<ResourceType["review"]>,
  namespaced = false,
): ResourceType {
  return builtin(kind, { group, namespaced, review: answer });
}

const AUTHENTICATION = "authentication.k8s.io";
const AUTHORIZATION = "authorization.k8s.io";

/** Kinds that are questions: a create is answered with its status, and nothing is stored. */
export const reviewTypes: readonly ResourceType[] = [
  review(AUTHENTICATION, "TokenReview", reviewToken),
  review(AUTHENTICATION, "SelfSubjectReview", selfSubject),
  review(AUTHORIZATION, "SubjectAccessReview", subjectAccess),
  review(AUTHORIZATION, "SelfSubjectAccessReview", selfAccess),
  review(AUTHORIZATION, "SelfSubjectRulesReview", selfRules),
  review(AUTHORIZATION, "LocalSubjectAccessReview", subjectAccess, true),
];
