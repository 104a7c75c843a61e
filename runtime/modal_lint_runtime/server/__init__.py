"""A local server of Modal's gRPC protocol over the workspace, for the real SDKs (docs/server.md).

Needs the `server` extra. `serving.Running` is a server in a thread, `serving.Server` one for a process of its own.
"""
