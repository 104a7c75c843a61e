"""Files that hold Python without being Python: notebooks, and Markdown with blocks of code."""
