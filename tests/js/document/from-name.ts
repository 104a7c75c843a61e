const secret = await modal.secrets.fromName("api-keys");

// Ensure specific keys exist
const secret = await modal.secrets.fromName("database-creds", {
  requiredKeys: ["DB_HOST", "DB_PASSWORD"],
});
