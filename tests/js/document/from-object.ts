const secret = await modal.secrets.fromObject({
  API_KEY: "sk-...",
  API_ENDPOINT: "https://api.example.com",
});
