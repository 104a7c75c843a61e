"""Whether a credential's value ever got into git, since when, and whether it was pushed: from local objects only."""
