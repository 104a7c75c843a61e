"""What a project allows: values and files in which nothing is a mistake. It drops findings and unmasks nothing."""

from __future__ import annotations

from dataclasses import dataclass

from modal_lint.interop.patterns import compiled, relative


@dataclass(frozen=True, slots=True)
class Allowance:
    """One list of exceptions, as gitleaks has them.

    Attributes:
        paths: patterns of files.
        regexes: patterns of values, or of the line.
        line: whether they are looked for in ``KEY = "value"`` and not in the value alone.
        stopwords: words, in lower case, of which a value holds one.
        together: whether all kinds that are given must fit, and not only one.
        rules: names of the patterns that it is about; none means everything.
        base: the folder that paths are told relative to.
    """

    paths: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    line: bool = False
    stopwords: tuple[str, ...] = ()
    together: bool = False
    rules: tuple[str, ...] = ()
    base: str = ""

    def check(self) -> None:
        """Raises PatternError or UserError where it cannot be used."""
        for regex in (*self.paths, *self.regexes):
            compiled(regex)

    def allows(self, key: str | None, value: str, path: str) -> bool:
        """Whether a value under a name in the file ``path`` is none to tell."""
        answers = []
        if self.paths:
            name = relative(path, self.base)
            answers.append(any(compiled(regex).search(name) for regex in self.paths))
        if self.regexes:
            text = line_of(key, value) if self.line else value
            answers.append(any(compiled(regex).search(text) for regex in self.regexes))
        if self.stopwords:
            lowered = value.lower()
            answers.append(any(word in lowered for word in self.stopwords))
        return bool(answers) and (all(answers) if self.together else any(answers))


def line_of(key: str | None, value: str) -> str:
    """The line that a value under a name would be in a file of settings."""
    return f'{key or "value"} = "{value}"'
