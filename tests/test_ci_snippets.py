"""The CI snippets of docs/gates.md are YAML of the shape that GitHub and GitLab read, and call what exists."""

from __future__ import annotations

import re

import yaml

from harness.cli import VERBS
from tests.real_data import ROOT

SNIPPETS = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/gates.md").read_text(), flags=re.M | re.S)


def test_github_actions() -> None:
    workflow = yaml.safe_load(SNIPPETS[0])
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert workflow[True]  # "on", which YAML 1.1 reads as a boolean and GitHub as the word
    assert all("uses" in step or "run" in step for step in steps)
    assert_called([step["run"] for step in steps if "run" in step])


def test_gitlab() -> None:
    (job,) = yaml.safe_load(SNIPPETS[1]).values()
    assert job["image"]
    assert 3 in job["allow_failure"]["exit_codes"]
    assert_called(job["script"])


def assert_called(commands: list[str]) -> None:
    """One of the commands is a check, and every verb is one of the harness."""
    verbs = re.findall(r"^harness (\w+)", "\n".join(commands), flags=re.M)
    assert "check" in verbs
    assert set(verbs) <= set(VERBS)
