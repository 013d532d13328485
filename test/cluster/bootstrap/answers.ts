import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";

/** Whether a GET is answered with 200. Who answers is not asked: these are this machine's own addresses. */
export function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (status: number | undefined): void => resolve(status === 200);
    const options = { timeout: 2_000, rejectUnauthorized: false, agent: false } as const;
    const request = (url.startsWith("https:") ? getTls : getPlain)(url, options, (response) => {
      response.resume();
      settle(response.statusCode);
    });
    request.on("timeout", () => request.destroy()).on("error", () => settle(undefined));
  });
}
