/** By what a task pod on a real cluster is known, and whom it trusts. The executor makes pods so, task-gateway asks for it, the operator places the CAs. */

/** Audiences of the tokens that are projected into a task pod. */
export const taskGatewayAudience = "homeplane-task-gateway";
/** In the init container alone. */
export const bundleAudience = "homeplane-bundle";

/** ConfigMap in every task namespace: the public roots, our CA and what the customer adds, in PEM. */
export const trustConfigMap = "homeplane-trust";
export const trustKey = "ca-bundle.crt";
