/** Failures of the Kubernetes API become answers that a caller can act on; no message of theirs ever holds a value. */
import { Code, ConnectError } from "@connectrpc/connect";
import { isNotFound, KubeError } from "@homeplane/kube";

export async function answered<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // The server's own words on a Secret that it refused could quote it.
    const why = error.status === 422 || error.status === 400 ? error.reason : error.message;
    const final = error.status >= 400 && error.status < 500 && error.status !== 429 && error.status !== 409;
    throw new ConnectError(`${what}: ${why}`, final ? Code.FailedPrecondition : Code.Unavailable);
  }
}

/** Undefined when there is none. */
export async function unlessNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
