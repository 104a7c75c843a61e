"""`modal-lint secrets`: the Secrets that a fix preserved values for are made, verified, and the values destroyed here."""
