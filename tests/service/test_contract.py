"""The contract's handwritten parts agree with themselves and with their pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuralstyle.v1.endpoint import Endpoint
from neuralstyle.v1.reasons import LocalExit, Reason, render_docs

REPOSITORY = Path(__file__).parents[2]


def test_exit_codes_are_unique_and_fit_a_process() -> None:
    shared = {LocalExit.INTERRUPTED}  # Ctrl-C and a cancelled job end alike, as in every shell
    codes = [reason.exit_code for reason in Reason] + [code.value for code in LocalExit if code not in shared]
    assert len(codes) == len(set(codes))
    assert all(0 <= code < 256 for code in codes)


def test_meanings_and_remedies_are_sentences() -> None:
    for reason in Reason:
        for sentence in (reason.info.meaning, reason.info.remedy):
            assert sentence[0].isupper() or sentence[0] == "`"
            assert sentence.endswith(".")


def test_the_page_of_errors_is_what_the_table_says() -> None:
    assert (REPOSITORY / "docs" / "errors.md").read_text() == render_docs(), "run `make docs`"


def test_an_endpoint_survives_its_file_and_unknown_keys_are_ignored() -> None:
    endpoint = Endpoint(("unix:/a", "127.0.0.1:1"), "/t", 7, "abc", "0.1.0", ("neuralstyle.v1",))
    text = endpoint.to_json().replace("{", '{\n  "from_the_future": 1,', 1)
    assert Endpoint.from_json(text) == endpoint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"targets": 5}', "null", "{"])
def test_a_file_that_is_no_endpoint_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Endpoint.from_json(text)


def test_the_front_end_does_not_load_torch() -> None:
    script = "import stylized.service.daemon, sys; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
