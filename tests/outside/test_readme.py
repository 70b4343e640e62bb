"""The commands of README.md and docs/usage.md, run literally and in order, in one folder, against the simulated AWS."""

import os
import re
import subprocess

import pytest

from conftest import HERE, REPOSITORY, binary, serve

# An answer about tables, as `backproof explain exit-codes` says; anything else means that the command did not work.
ANSWERS = {0, 10, 11}
# The demo and the tests have steps of their own, installing is a build, and the sandbox serves until it is ended.
ELSEWHERE = ("cargo ", "backproof sandbox")


def commands(text):
    """The lines of every block of shell commands."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


@pytest.mark.parametrize("document", ["README.md", "docs/usage.md"])
def test_every_command_does_what_it_says(tmp_path, document):
    text = (REPOSITORY / document).read_text()
    lines = commands(text)
    assert len(lines) >= 8, lines
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "backproof").symlink_to(binary())
    folder = tmp_path / "folder"
    folder.mkdir()
    printed = {}
    with serve(HERE / "readme.toml") as sandbox:
        environment = sandbox.environment(HOME=str(tmp_path), BACKPROOF_POLL_INTERVAL="1s")
        environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
        for line in lines:
            # The empty lines answer the question for a passphrase.
            ran = subprocess.run(
                ["bash", "-c", line], cwd=folder, env=environment, input="\n\n", capture_output=True, text=True, timeout=120
            )
            assert ran.returncode in ANSWERS, f"{line}\n{ran.stdout}\n{ran.stderr}"
            assert "panicked" not in ran.stderr, line
            printed[line] = ran.stdout
    if document == "README.md":
        digest = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
        assert digest.strip() in re.sub(r"as of \S+", "as of 2026-11-23T12:00:00Z", printed["backproof scan --to audit"])
