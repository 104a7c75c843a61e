"""What the code in a container gets from its environment, and what it needs of it."""
