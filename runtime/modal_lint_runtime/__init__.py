"""The reference client runtime of Modal's secrets API (its semantics are what the rules claim)."""
