import { staticCredentials } from "../credentials/source.ts";

export const credentials = { accessKeyId: "test-key", secretAccessKey: "test-secret" };
export const credentialSource = staticCredentials(credentials);
