"""One rule of modal-lint as a fixit rule: a literal under a telling key, in a mapping given to Modal in place."""

from __future__ import annotations

import re

import libcst as cst
from fixit import LintRule
from libcst.metadata import QualifiedNameProvider

_KEY = re.compile(r"(?i)key|token|secret|passw|credential")
_CALLEE = re.compile(r"^modal\.|\.(?:env|create|exec|function|cls|with_options)$")


class HardcodedEnv(LintRule):
    """A credential is given to Modal as a literal."""

    METADATA_DEPENDENCIES = (QualifiedNameProvider,)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802 - the name is libcst's
        """Report the entries of the call's mappings."""
        names = self.get_metadata(QualifiedNameProvider, node.func, set())
        if not any(_CALLEE.search(name.name) for name in names):
            return
        for argument in node.args:
            if isinstance(argument.value, cst.Dict):
                self._look(argument.value)

    def _look(self, mapping: cst.Dict) -> None:
        for element in mapping.elements:
            if (
                isinstance(element, cst.DictElement)
                and isinstance(element.key, cst.SimpleString)
                and isinstance(element.value, cst.SimpleString)
                and _KEY.search(element.key.value)
            ):
                self.report(element, "hardcoded")
