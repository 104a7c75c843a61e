"""Processes on the machine that runs the code: where `modal secret create` and Modal's own tokens get into argv."""

from __future__ import annotations

from modal_lint.api.schema import Api, Persists, api

_POPEN = """args:host-argv, bufsize, executable, stdin, stdout, stderr, preexec_fn, close_fds, shell, cwd,
    env:host-env, universal_newlines, startupinfo, creationflags, restore_signals, start_new_session, pass_fds, *,
    user, group, extra_groups, encoding, errors, text, umask, pipesize, process_group"""
_STREAMS = "stdin, stdout, stderr, limit"


def _host(name: str, signature: str) -> Api:
    return api(name, signature, persists=Persists.LOCAL)


ROWS = (
    _host("subprocess.Popen", _POPEN),
    _host("subprocess.run", f"{_POPEN}, input, capture_output, timeout, check"),
    _host("subprocess.call", f"{_POPEN}, timeout"),
    _host("subprocess.check_call", f"{_POPEN}, timeout"),
    _host("subprocess.check_output", f"{_POPEN}, input, timeout"),
    _host("subprocess.getoutput", "cmd:host-argv, *, encoding, errors"),
    _host("subprocess.getstatusoutput", "cmd:host-argv, *, encoding, errors"),
    _host("os.system", "command:host-argv"),
    _host("os.popen", "cmd:host-argv, mode, buffering"),
    _host("os.execve", "path, argv:host-argv, env:host-env"),
    _host("os.execvpe", "file, args:host-argv, env:host-env"),
    _host("os.spawnvpe", "mode, file, args:host-argv, env:host-env"),
    _host("asyncio.create_subprocess_exec", f"program:host-argv, *args:host-argv, {_STREAMS}, env:host-env, **kwds"),
    _host("asyncio.create_subprocess_shell", f"cmd:host-argv, {_STREAMS}, *, env:host-env, **kwds"),
)
