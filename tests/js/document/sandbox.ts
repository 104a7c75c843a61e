import { ModalClient } from "modal";

const modal = new ModalClient();

const app = await modal.apps.fromName("api-client", {
  createIfMissing: true,
});

// Reference an existing secret
const apiSecret = await modal.secrets.fromName("api-keys");

// Or create an ephemeral secret
const dbSecret = await modal.secrets.fromObject({
  DB_HOST: "postgres.example.com",
  DB_USER: "admin",
  DB_PASSWORD: "secret123",
});

const image = modal.images
  .fromRegistry("python:3.13")
  .dockerfileCommands(["RUN pip install requests psycopg2"]);

const sandbox = await modal.sandboxes.create(app, image, {
  secrets: [apiSecret, dbSecret],
});

// Environment variables from secrets are now available
const proc = await sandbox.exec([
  "python",
  "-c",
  "import os; print(os.environ.get('DB_HOST'))",
]);

const output = await proc.stdout.readText();
console.log(output); // "postgres.example.com"

await sandbox.terminate();
