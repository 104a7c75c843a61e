"""The language server: diagnostics, fixes, hover and completion in an editor. Needs the extra `editor`."""
