import { get as getPlain } from "node:http";
import { get as getTls } from "node:https";
import { connect } from "node:net";

const longestMs = 2_000;

/**
 * Whether somebody does his work there: a GET is answered with 200, or the socket of a `unix:` address takes connections. Who answers is not asked:
 * these are this machine's own addresses.
 */
export function answers(address: string): Promise<boolean> {
  return address.startsWith("unix:") ? accepts(address.slice("unix:".length)) : serves(address);
}

function serves(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: longestMs, rejectUnauthorized: false, agent: false } as const;
    const request = (url.startsWith("https:") ? getTls : getPlain)(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("no answer"))).on("error", () => resolve(false));
  });
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: longestMs });
    const settle = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.on("connect", () => settle(true));
    socket.on("error", () => settle(false)).on("timeout", () => settle(false));
  });
}
