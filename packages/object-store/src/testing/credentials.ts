export const credentials = { accessKeyId: "test-key", secretAccessKey: "test-secret" };
