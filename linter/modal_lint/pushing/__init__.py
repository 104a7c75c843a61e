"""`modal-lint secrets`: preserved values become named Secrets, are verified there, and then destroyed here."""
