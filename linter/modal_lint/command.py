"""What the commands do once the command line is understood: check, fix, show differences, tell the result."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import switches
from modal_lint.config import Resolver
from modal_lint.discover import STDIN
from modal_lint.engine import Session
from modal_lint.files import cache_folder
from modal_lint.report import FOR_PEOPLE, base, summary
from modal_lint.settings import Layer, Settings, UserError
from modal_lint.terminal import Progress, look, tell, write

if TYPE_CHECKING:
    from modal_lint.fixing import Fixer
    from modal_lint.model import Report
    from modal_lint.report.outputs import Output

_LAST: list[_Check] = []  # kept until the process ends, which `start.main` brings about: taking it apart takes time
_COUNTED = (*FOR_PEOPLE, "json")  # formats that know statistics


class Request(NamedTuple):
    """What the user asked for, beyond what `Settings` say."""

    paths: tuple[str, ...]
    overrides: tuple[Layer, ...] = ()
    config: str | None = None
    isolated: bool = False
    stdin_filename: str | None = None
    explicit: bool = True  # the paths were given, not defaulted
    diff: bool = False
    show_files: bool = False
    show_settings: bool = False
    statistics: bool = False
    exit_zero: bool = False
    exit_non_zero_on_fix: bool = False
    fix_only: bool = False
    since: str | None = None  # a revision: only what has changed since counts
    staged: bool = False
    update_baseline: bool = False
    add_suppressions: str | None = None  # the reason to write behind each
    output_file: str | None = None
    outputs: tuple[Output, ...] = ()
    cache: bool = True
    cache_folder: str | None = None  # None: where caches of this user are
    colour: str = "auto"
    verbosity: int = 0  # -2 silent, -1 quiet, 1 verbose


def check(request: Request) -> int:
    """Do what ``request`` says and return the exit status.

    Raises:
        UserError: of the user, on the command line or in a configuration file.
    """
    _LAST[:] = [_Check(request)]
    return _LAST[0].run()


class _Check:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._began = time.monotonic()
        staged = None
        if request.staged:
            from modal_lint import adoption

            staged = adoption.index_of(request)
        source = Resolver(request.overrides, isolated=request.isolated, explicit=request.config, files=staged)
        self._settings: Settings = source.at(os.getcwd())
        self._session = Session(
            request.paths,
            source,
            stdin=_standard_input() if STDIN in request.paths else None,
            stdin_filename=request.stdin_filename,
            jobs=self._settings.jobs,
            cache_folder=_cache_folder(request),
            staged=staged,
        )
        self._contents: dict[str, bytes] = {}
        plain = look(
            "never" if request.output_file and request.colour == "auto" else request.colour,
            sys.stdout,
            unsafe=self._settings.unsafe_fixes,
        )
        self._look = plain._replace(contents=self._contents)

    def run(self) -> int:
        if self._request.show_settings:
            return self._show_settings()
        if self._request.show_files:
            self._result("".join(target.absolute + "\n" for target in self._session.found.targets))
            return 0
        self._refuse_useless()
        self._prepare()
        self._warn_of_nothing()
        with Progress(wanted=self._request.verbosity >= 0 and not os.environ.get("CI")) as progress:
            self._session.progress = progress
            report = self._session.run()
        self._know_stdin(self._session.stdin)
        if self._request.update_baseline or self._request.add_suppressions is not None:
            report = self._adopt(report)
        if self._request.diff:
            return self._diff(report)
        if self._settings.fix:
            return self._fix(report)
        return self._tell(report, 0)

    def _prepare(self) -> None:
        """Say what counts besides the files as they are; raises `UserError`."""
        asked = self._request
        written = asked.update_baseline or asked.add_suppressions is not None
        if not asked.staged and asked.since is None and not written:
            return
        from modal_lint import adoption

        adoption.prepare(self._session, asked, self._settings)
        if self._session.staged is not None:
            staged = self._session.staged.contents
            self._contents.update({one.path: staged[one.absolute] for one in self._session.found.targets})

    def _adopt(self, report: Report) -> Report:
        """Write a baseline or suppressions; what is left."""
        from modal_lint import adoption

        if self._request.update_baseline:
            report, lines = adoption.update(self._session)
        else:
            report, lines = adoption.silence(self._session, report, self._request.add_suppressions or "")
        for line in lines if self._request.verbosity >= 0 else ():
            tell(base.visible(line))
        return report

    def _tell_stale(self) -> None:
        if self._session.baselines is not None and self._request.verbosity >= 0:
            from modal_lint import adoption

            for line in adoption.stale(self._session, listed=self._request.verbosity > 0):
                tell(line)

    def _show_settings(self) -> int:
        pairs = [(name.replace("_", "-"), value) for name, value in self._settings._asdict().items()]
        self._result("".join(f"{name} = {_plain(value)}\n" for name, value in pairs))
        return 0

    def _warn_of_nothing(self) -> None:
        found = self._session.begin()
        if self._request.explicit and not found.targets and not found.failures and self._request.verbosity > -2:
            asked = ", ".join(base.visible(path) for path in self._request.paths)
            tell(f"warning: no Python files found in {asked}: nothing was checked")

    def _refuse_useless(self) -> None:
        """Raise `UserError` for what cannot be written, before the work."""
        if self._request.statistics and self._format not in _COUNTED:
            raise UserError(f"--statistics: not in the format {self._format}; use one of " + ", ".join(_COUNTED))
        if not self._request.outputs and self._request.output_file is None:
            return
        from modal_lint.report import outputs

        checked = {target.absolute for target in self._session.found.targets}
        if self._request.output_file is not None:
            outputs.refuse_useless(self._request.output_file, "--output-file", checked)
        for output in self._request.outputs:
            if output.path != outputs.STDOUT:
                outputs.refuse_useless(output.path, f"--output {output.format}", checked, self._request.output_file)
            elif self._request.diff or self._fixes_stdin:
                what = "the differences" if self._request.diff else "what was fixed"
                raise UserError(f"--output {output.format}=-: standard output is for {what}")

    @property
    def _format(self) -> str:
        """The format of the main report: on standard output, or in the file of --output-file."""
        return self._settings.output_format if self._request.output_file is not None else self._shown

    @property
    def _shown(self) -> str:
        """The format on standard output."""
        named = (output.format for output in self._request.outputs if output.path == STDIN)
        return next(named, self._settings.output_format)

    def _result(self, text: str) -> None:
        if self._request.output_file is not None:
            from modal_lint.report.outputs import write_report

            write_report(self._request.output_file, text, "--output-file")
        elif self._request.verbosity > -2:
            write(text)

    def _write_others(self, report: Report) -> None:
        """Write the reports of --output, and the summary of a GitHub job."""
        if not self._request.outputs and not os.environ.get("GITHUB_STEP_SUMMARY"):
            return
        from modal_lint.report import outputs

        outputs.write_files(self._request.outputs, report, self._look)
        shown = any(output.path == outputs.STDOUT for output in self._request.outputs)
        if shown and self._request.output_file is not None and self._request.verbosity > -2:
            write(base.render(self._shown, report, self._look))
        trouble = outputs.append_summary(report) if self._request.verbosity > -2 else None
        if trouble:
            tell(f"warning: {trouble}")

    def _tell(self, report: Report, fixed: int) -> int:
        if self._settings.exposure:
            from modal_lint.committed.findings import annotated

            report = annotated(report, self._contents)
        report = report._replace(seconds=time.monotonic() - self._began)
        self._write_others(report)
        for_people = self._format in FOR_PEOPLE
        if self._request.statistics:
            text = summary.statistics(report, self._look, as_json=not for_people)
        else:
            text = base.render(self._format, report, self._look)
        end = summary.summary(report, self._look, fixed=fixed) if self._request.verbosity >= 0 else ""
        # Standard input that was fixed has standard output for itself.
        as_text = for_people and self._request.output_file is None and not self._fixes_stdin
        if self._fixes_stdin:
            write(text + end, sys.stderr)
        else:
            self._result(text + end if as_text else text)
            if not as_text:
                write(end, sys.stderr)
        self._tell_stale()
        self._verbose()
        return self._status(report, fixed)

    def _verbose(self) -> None:
        if self._request.verbosity > 0:
            seconds = time.monotonic() - self._began
            tell(f"checked {summary.count(len(self._session.found.targets), 'file')} in {seconds:.2f} s")

    def _status(self, report: Report, fixed: int) -> int:
        if report.is_broken:
            return 2
        if self._request.exit_zero:
            return 0
        left = bool(report.findings or report.failures)
        return 1 if left or (fixed and self._request.exit_non_zero_on_fix) else 0

    @property
    def _fixes_stdin(self) -> bool:
        return self._settings.fix and STDIN in self._request.paths and not self._request.diff

    def _diff(self, report: Report) -> int:
        self._write_others(report)
        changes = self._fixer.diff(report, self._look)
        self._result("".join(changes.values()))
        for failure in report.failures:
            tell(f"{base.place(base.from_failure(failure))}: not checked: {base.visible(failure.reason)}")
        if self._request.verbosity >= 0:
            checked = f"({summary.count(report.checked, 'file')} checked)"
            tell(f"Would fix {summary.count(len(changes), 'file')} {checked}." if changes else f"No fixes {checked}.")
            more = summary.unsafe_fixes(report, self._look)
            if more:
                tell(more)
        if report.is_broken:
            return 2
        return 1 if (changes or report.failures) and not self._request.exit_zero else 0

    def _fix(self, report: Report) -> int:
        if self._fixes_stdin:
            return self._fix_stdin(report)
        fixed = self._fixer.apply(report)
        if self._request.verbosity > -2:
            for line in fixed.lines:
                tell(base.visible(line))
            if fixed.applied and self._settings.show_fixes:
                write(summary.fixed_list(fixed.applied), sys.stderr)
        if self._request.fix_only:
            return self._tell_fixed(fixed.report, len(fixed.applied))
        return self._tell(fixed.report, len(fixed.applied))

    def _tell_fixed(self, report: Report, fixed: int) -> int:
        """Say what was fixed and nothing of what is left, but for files that could not be checked."""
        unchecked = report._replace(findings=())
        self._result(base.render(self._format, unchecked, self._look) if unchecked.failures else "")
        if self._request.verbosity >= 0:
            tell(f"Fixed {summary.count(fixed, 'finding')}.")
        return self._status(unchecked, fixed)

    def _fix_stdin(self, report: Report) -> int:
        data, left = self._fixer.fixed_stdin(report)
        if self._request.verbosity > -2:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        self._know_stdin(data)
        if self._request.fix_only:
            return self._status(left._replace(findings=()), 0)
        return self._tell(left, max(len(report.findings) - len(left.findings), 0))

    def _know_stdin(self, data: bytes | None) -> None:
        if data is not None:
            self._contents.update({one.path: data for one in self._session.found.targets if one.is_stdin})

    @property
    def _fixer(self) -> Fixer:
        from modal_lint.fixing import Fixer

        return Fixer(self._session, unsafe=self._settings.unsafe_fixes)


def _cache_folder(request: Request) -> str | None:
    if not request.cache or switches.is_off("cache"):
        return None
    return os.path.abspath(request.cache_folder or cache_folder())


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise UserError("standard input is closed")
    return sys.stdin.buffer.read()


def _plain(value: object) -> str:
    import json
    from dataclasses import fields, is_dataclass
    from enum import Enum

    def convert(item: object) -> object:
        if isinstance(item, Enum):
            return item.value
        if isinstance(item, Mapping):
            return {str(key): convert(one) for key, one in item.items()}
        if isinstance(item, (tuple, list)) and not hasattr(item, "_asdict"):
            return [convert(one) for one in item]
        if hasattr(item, "pattern"):
            return item.pattern
        if is_dataclass(item):
            return {one.name: convert(getattr(item, one.name)) for one in fields(item)}
        return {key: convert(one) for key, one in item._asdict().items()} if hasattr(item, "_asdict") else item

    return json.dumps(convert(value))
