/** For tests: an STS over TLS that answers as it is told, and keeps what it was asked. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { testCertificate } from "../../../kube/src/testing/test-certificate.ts";

export interface StsAnswer {
  readonly status: number;
  readonly body: string;
}

export interface FakeSts extends AsyncDisposable {
  readonly url: string;
  readonly certificate: string;
  readonly asked: URLSearchParams[];
  answer: (form: URLSearchParams) => StsAnswer | Promise<StsAnswer>;
}

export async function startFakeSts(): Promise<FakeSts> {
  const { certificate, key } = testCertificate("sts");
  const asked: URLSearchParams[] = [];
  const answerTo = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await text(request));
    asked.push(form);
    const { status, body } = await sts.answer(form);
    response.writeHead(status, { "content-type": "text/xml" }).end(body);
  };
  const options = { cert: certificate, key };
  const server = createServer(options, (request, response) => void answerTo(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sts: FakeSts = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate,
    asked,
    answer: () => ({ status: 500, body: "" }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return sts;
}

export function granted(id: string, endsAtMs: number): StsAnswer {
  const credentials = `<AccessKeyId>${id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token+/${id}==</SessionToken>`;
  const expiration = `<Expiration>${new Date(endsAtMs).toISOString()}</Expiration>`;
  return {
    status: 200,
    body: `<?xml version="1.0"?><AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>${credentials}${expiration}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
  };
}

export function refused(status: number, code: string, message: string): StsAnswer {
  return {
    status,
    body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`,
  };
}
