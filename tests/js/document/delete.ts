await modal.secrets.delete("old-credentials");
