"""What other tools, or the project itself, know of credentials: their patterns, their exceptions, their baselines."""
