// ❌ Don't do this
const sandbox = await modal.sandboxes.create(app, image, {
  env: {
    API_KEY: "sk-1234567890", // Don't hardcode!
  },
});

// ✅ Do this instead
const secret = await modal.secrets.fromName("api-keys");
const sandbox = await modal.sandboxes.create(app, image, {
  secrets: [secret],
});
