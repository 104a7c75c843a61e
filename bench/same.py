"""Whether the steps of the pipeline change a finding: ``python bench/same.py [CORPUS...]``. See README.md.

Every corpus is checked whole, then without each step, then without any; what is said must be the same to the byte.
"""

from __future__ import annotations

import os
import subprocess
import sys

import corpora
import install
import synthetic
from targets import STEPS

NAMES = ("A", "A/10", "B", "C")


def main() -> int:
    """Build, install, compare; 1 if anything differs."""
    names = sys.argv[1:] or list(NAMES)
    install.install_ours()
    built, _ = corpora.build_and_count(names, len(synthetic.PARTS))
    differing = 0
    for corpus in built.values():
        whole = _said(corpus, "")
        print(f"{corpus.name}: {whole.count(b'noqa_row')} findings", flush=True)
        for off in (*STEPS, ",".join(STEPS)):
            same = _said(corpus, off) == whole
            differing += not same
            print(f"  without {off}: {'the same' if same else 'DIFFERENT'}", flush=True)
    return 1 if differing else 0


def _said(corpus: corpora.Corpus, off: str) -> bytes:
    program = install.program(install.OURS, "modal-lint")
    assert program is not None
    done = subprocess.run(
        [program, "check", "--select", "ALL", "--output-format", "json", *corpus.paths],
        cwd=corpus.root,
        env={**os.environ, "MODAL_LINT_DISABLE": off, "MODAL_LINT_CACHE_DIR": str(install.HOME / "caches" / "same")},
        capture_output=True,
        check=False,
    )
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
