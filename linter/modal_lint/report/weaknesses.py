"""Which weakness of MITRE's list (https://cwe.mitre.org) a rule is about."""

from __future__ import annotations

# The longest prefix counts. 798: use of hard-coded credentials; 522: insufficiently protected credentials; 532: in a
# log file; 214: in the arguments of a process; 526: in environment variables; 312: stored in cleartext;
# 598: in the query of a GET request.
_WEAKNESSES = {"MS1": 798, "MS2": 522, "MS203": 312, "MS204": 532, "MS205": 214, "MS207": 526, "MS507": 598}


def weakness(code: str) -> int | None:
    """The number of the weakness that the rule ``code`` finds; None for one that finds mistakes, not exposures."""
    return _WEAKNESSES.get(code) or _WEAKNESSES.get(code[:3])


def page(number: int) -> str:
    """The address of a weakness's page."""
    return f"https://cwe.mitre.org/data/definitions/{number}.html"
