"""A problem that a component found in an option, as a diagnostic at its place inside the text."""

from __future__ import annotations

from wlf.components.base import Problem
from wlf.graph.config import Item
from wlf.graph.diagnostics import Findings, did_you_mean
from wlf.graph.spots import marked

_CODES = {"option": "E105", "syntax": "E135", "field": "E136", "type": "E137"}


def note_problem(item: Item, path: str, problem: Problem, findings: Findings) -> None:
    """One diagnostic. What `${...}` became is not shown."""
    hint = problem.hint
    near = did_you_mean(problem.word, problem.known) if problem.word else ""
    if near.startswith("did") or not hint:
        hint = near
    code = _CODES[problem.fault]
    if item.substituted:
        findings.add(code, item, path, "not right once `${...}` is put in", "wlf check without it says more")
    elif problem.at is None or not item.text:
        findings.add(code, item, path, problem.message, hint)
    else:
        place = item.spot(problem.at)
        findings.add(code, place, path, problem.message, f"{hint or 'here:'}\n{marked(item.text, problem.at)}")
