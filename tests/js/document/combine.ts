import { ModalClient } from "modal";

const modal = new ModalClient();

const app = await modal.apps.fromName("web-app", {
  createIfMissing: true,
});

// Reference a named secret
const awsSecret = await modal.secrets.fromName("aws-credentials");

// Create ephemeral secret for environment-specific config
const configSecret = await modal.secrets.fromObject({
  ENVIRONMENT: "production",
  LOG_LEVEL: "info",
});

const image = modal.images.fromRegistry("node:20");

const sandbox = await modal.sandboxes.create(app, image, {
  secrets: [awsSecret, configSecret],
  // Additional env vars (will be merged into a secret automatically)
  env: {
    PORT: "8080",
    NODE_ENV: "production",
  },
});
