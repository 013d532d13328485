export { createSecretService, type SecretServiceOptions, type SecretServices } from "./secret-service.ts";
