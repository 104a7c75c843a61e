"""A shell command that writes a variable's value into a file: which variable, where to, and whether it is removed.

The command is not run and not fully parsed: it is cut into simple commands, quotes respected, and each is compared
with what is known to store what it is given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VARIABLE = lazy(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)(?:[:%#/^,-][^}]*)?\}|([A-Za-z_]\w*))")
_TOKEN = lazy(r"""'[^']*'|"(?:\\.|[^"\\])*"|\\.|&&|\|\||[;\n|]|[^'"\\;&|\n]+|.""", re.DOTALL)
_HEREDOC = lazy(r"<<-?[ \t]*(['\"]?)(\w+)\1([^\n]*)\n(.*?)\n[ \t]*\2[ \t]*(?=\n|$|[)&;])", re.DOTALL)
_REDIRECT = lazy(r"(?<![0-9&<>=-])(?:1)?>>?[ \t]*(?!&)(\"[^\"]*\"|'[^']*'|[^\s;&|<>()]+)")
_TEE = lazy(r"^\s*(?:sudo\s+)?tee\s+(?:-a\s+)?(\"[^\"]*\"|'[^']*'|[^\s;&|<>]+)")
_SPEAKING = lazy(r"^\s*(?:\(|\{)?\s*(?:sudo\s+)?(?:echo|printf|print|cat|tee|envsubst)\b")
_DUMPING = lazy(
    r"^\s*(?:env|printenv|export\s+-p|declare\s+-x|set)\b\s*(?:[A-Za-z_]\w*\s*)?(?=>|$|\|\s*(?:sort|tee)\b)"
)
_USERINFO = lazy(r"://[^\s/@]*\$")
_CLONE = lazy(r"\bgit\b(?:(?!\bgit\b)[^;&|])*\bclone\b")
_NEW_REMOTE = lazy(r"\bgit\b(?:(?!\bgit\b).)*\bremote\s+(?:set-url|remove|rm)\b")
_IN_PLACE = lazy(r"\bsed\b\s+(?:-\S+\s+)*(?:-[a-zA-Z]*i|--in-place)")
_REMOVING = lazy(r"\b(?:rm|shred|unlink)\b([^;&|\n]*)")


class Store(NamedTuple):
    """A command known to keep what it is given: where, and what takes it away again."""

    command: re.Pattern[str]
    where: str
    undo: re.Pattern[str]


def _store(command: str, where: str, undo: str) -> Store:
    return Store(lazy(_linear(command)), where, lazy(_linear(undo)))


def _linear(pattern: str) -> str:
    """The same pattern, in which each ``a.*b`` looks for ``b`` from the last ``a`` before it alone.

    Else a line of many ``a`` and no ``b`` would be looked through from each of them.
    """
    return re.sub(r"(\(\?:[^()]*\)\\b|[^|()]+)\.\*\??", r"\1(?:(?!\1).)*", pattern)


_STORES = (
    _store(r"\b(?:huggingface-cli|hf(?:\s+auth)?)\s+login\b", "~/.cache/huggingface/token", r"\blogout\b|rm\b.*token"),
    _store(r"\bwandb\s+login\b", "~/.netrc", r"rm\b.*netrc"),
    _store(r"\bgh\s+auth\s+login\b", "~/.config/gh/hosts.yml", r"gh\s+auth\s+logout|rm\b.*hosts\.yml"),
    _store(r"\b(?:docker|podman|buildah|skopeo|crane|helm\s+registry|oras)\b.*?\blogin\b", "its credentials file",
           r"\blogout\b|rm\b.*(?:config|auth)\.json"),
    _store(r"\b(?:npm|pnpm|yarn)\s+(?:config\s+)?set\b", "~/.npmrc", r"(?:npm|yarn)\s+config\s+delete|rm\b.*npmrc"),
    _store(r"\bpip3?\s+config\b.*?\bset\b", "pip.conf", r"pip3?\s+config\b.*unset|rm\b.*pip\.conf"),
    _store(r"\bpoetry\s+config\b", "auth.toml", r"poetry\s+config\s+--unset|rm\b.*auth\.toml"),
    _store(r"\bbundle\s+config\b", "~/.bundle/config", r"bundle\s+config\s+unset|rm\b.*\.bundle"),
    _store(r"\bcomposer\s+config\b", "auth.json", r"composer\s+config\b.*--unset|rm\b.*auth\.json"),
    _store(r"\bconda\s+(?:config|token)\b", "~/.condarc", r"rm\b.*condarc"),
    _store(r"\baws\s+configure\s+set\b", "~/.aws/credentials", r"rm\b.*\.aws"),
    _store(r"\baz\s+login\b", "~/.azure", r"az\s+logout|rm\b.*\.azure"),
    _store(r"\bcargo\s+login\b", "~/.cargo/credentials.toml", r"cargo\s+logout|rm\b.*credentials"),
    _store(r"\bdvc\s+remote\s+modify\b", ".dvc/config", r"rm\b.*\.dvc"),
    _store(r"\bkaggle\s+config\s+set\b", "~/.kaggle/kaggle.json", r"rm\b.*kaggle"),
    _store(r"\bmodal\s+token\s+set\b", "~/.modal.toml", r"rm\b.*modal\.toml"),
    _store(r"\bvault\s+login\b", "~/.vault-token", r"rm\b.*vault-token"),
    _store(r"\bkubectl\s+config\s+set\b|\bkubectl\s+config\s+set-credentials\b", "~/.kube/config", r"rm\b.*\.kube"),
    _store(r"\bngrok\b.*\b(?:add-)?authtoken\b", "ngrok.yml", r"rm\b.*ngrok"),
    _store(r"\bdoppler\s+configure\s+set\b", "~/.doppler", r"rm\b.*\.doppler"),
    _store(r"\bgit\s+remote\s+(?:add|set-url)\b", ".git/config", r"git\s+remote\s+(?:remove|rm)\b|rm\b.*\.git\b"),
    _store(r"\bgit\s+config\b", "the git configuration", r"git\s+config\b.*--unset|rm\b.*\.git"),
    _store(r"\bgit\s+credential(?:-store)?\b", "~/.git-credentials", r"rm\b.*git-credentials"),
)  # fmt: skip


class Stored(NamedTuple):
    """A variable whose value a command keeps (None: of the whole environment), and where it is then."""

    variable: str | None
    where: str


def stored(command: str, is_secret: Callable[[str], bool]) -> Stored | None:
    """What a command line leaves in a file of the values of secret variables; None for nothing.

    Args:
        command: one ``RUN`` of an image, with everything that it does.
        is_secret: whether a variable of this name is a secret.
    """
    text, found = _without_heredocs(command.replace("\\\n", " "), is_secret)
    if found is not None and not _removes(text, found.where):
        return found
    pieces = list(_pieces(text))
    for index, (pipeline, _) in enumerate(pieces):
        rest = "\n".join(piece for piece, _ in pieces[index + 1 :])
        found = _kept(pipeline, rest, is_secret)
        if found is not None:
            return found
    return None


def variables(text: str) -> Iterator[str]:
    """The variables that the shell fills in: not those in single quotes or behind a backslash."""
    for token in _TOKEN.finditer(text):
        if not token[0].startswith("'"):
            for match in _VARIABLE.finditer(token[0]):
                yield match[1] or match[2]


def _without_heredocs(text: str, is_secret: Callable[[str], bool]) -> tuple[str, Stored | None]:
    """The command without the texts of its here-documents, and what one of these writes into a file."""
    found: Stored | None = None
    for match in _HEREDOC.finditer(text):
        if match[1]:
            continue
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()] + match[3]
        secret = next(filter(is_secret, (one[1] or one[2] for one in _VARIABLE.finditer(match[4]))), None)
        target = _target(line)
        if secret is not None and target is not None and found is None:
            found = Stored(secret, target)
    return _HEREDOC.sub(lambda match: f"<<{match[2]}{match[3]}", text), found


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """The pipelines of a command line, each with what ends it."""
    current = ""
    for token in _TOKEN.finditer(text):
        if token[0] in ("&&", "||", ";", "\n"):
            yield current, token[0]
            current = ""
        else:
            current += token[0]
    yield current, ""


def _kept(pipeline: str, rest: str, is_secret: Callable[[str], bool]) -> Stored | None:
    """What one pipeline keeps, if what follows does not remove it."""
    secret = next(filter(is_secret, variables(pipeline)), None)
    target = _target(pipeline)
    if secret is None:
        dumped = _DUMPING.match(pipeline) and target is not None and not _removes(rest, target)
        return Stored(None, target or "") if dumped else None
    for store in _STORES:
        if store.command.search(pipeline):
            return None if store.undo.search(rest) else Stored(secret, store.where)
    if _CLONE.search(pipeline) and _USERINFO.search(pipeline):
        return None if _drops_clone(pipeline, rest) else Stored(secret, ".git/config of the clone")
    if _IN_PLACE.search(pipeline):
        return Stored(secret, "the file that sed changes")
    if _SPEAKING.match(pipeline) and target is not None and not _removes(rest, target):
        return Stored(secret, target)
    return None


def _target(pipeline: str) -> str | None:
    """The file that the output of a pipeline goes to."""
    last = pipeline
    for token in _TOKEN.finditer(pipeline):
        if token[0] == "|":
            last = pipeline[token.end() :]
    tee = _TEE.match(last)
    found = [tee[1]] if tee else [match[1] for match in _REDIRECT.finditer(_blanked(pipeline))]
    targets = [one.strip("\"'") for one in found]
    kept = [one for one in targets if not one.startswith("/dev/") and one]
    return kept[-1] if kept else None


def _blanked(text: str) -> str:
    """The text without what stands in quotes, except after ``>``."""
    parts = [token[0] for token in _TOKEN.finditer(text)]
    for index, part in enumerate(parts):
        if part[:1] in "'\"" and not (index and parts[index - 1].rstrip().endswith(">")):
            parts[index] = "_"
    return "".join(parts)


def _removes(rest: str, target: str) -> bool:
    """Whether what follows removes a file, or a folder that it is in."""
    name = target.rstrip("/")
    for match in _REMOVING.finditer(rest):
        for word in match[1].split():
            gone = word.strip("\"'").rstrip("/")
            if (
                gone == name
                or (gone and name.startswith(f"{gone}/"))
                or (gone.endswith("*") and name.startswith(gone[:-1]))
            ):
                return True
    return False


def _drops_clone(pipeline: str, rest: str) -> bool:
    """Whether what follows a clone removes it, its ``.git``, or the URL in it."""
    words = [word.strip("\"'") for word in pipeline.split()]
    repository = next((word for word in words if "://" in word), "")
    places = {repository.rstrip("/").removesuffix(".git").rpartition("/")[2], words[-1]}
    if _NEW_REMOTE.search(rest):
        return True
    for match in _REMOVING.finditer(rest):
        for word in match[1].split():
            gone = word.strip("\"'").rstrip("/")
            if gone.endswith(".git") or gone in places or gone.rpartition("/")[2] in places:
                return True
    return False
