"""The OpenAPI document and the answers of the running services agree, whatever is sent."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.flow.support import Toby
from tests.house.support import ENDPOINTS
from tests.servers import WANTED

pytestmark = pytest.mark.flow

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# Answers look alike on every database: on one of them more is sent, made up at random.
PHASES = "examples,coverage,fuzzing" if WANTED == "mariadb" else "examples,coverage"
# What ends the session that is used here; without a token these are called as well.
ENDS_THE_SESSION = "logout|auth/sessions$|auth/password/change"


@pytest.mark.parametrize("who", ["nobody", "a moderator"])
def test_whatever_is_sent_is_answered_as_documented(toby: Toby, who: str, tmp_path: Path) -> None:
    """No 5xx, no undocumented content, no answer that does not fit its schema, and nothing taken
    that the document forbids. What it allows may still be refused, by a rule of the domain."""
    command = [
        *(str(SCHEMATHESIS), "--config-file", str(HERE / "schemathesis.toml"), "run"),
        *(str(settings.ROOT / "docs" / "openapi" / "toby.json"), "--url", toby.stack.origin),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        *("--phases", PHASES, "--max-examples", "20", "--seed", "1"),
        *("--generation-database", "none", "--no-color"),
    ]
    fuzzer = toby.person("fuzzer")
    if who != "nobody":
        toby.stack.manage("accounts", "set_role", fuzzer.name, "moderator")
        command += ["-H", f"Authorization: Bearer {fuzzer.token}"]
        command += ["--exclude-path-regex", ENDS_THE_SESSION]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert tested is not None
    assert int(tested[1]) >= len(ENDPOINTS) - 6
    # Else most answers were 401.
    assert fuzzer.try_to("GET", "users/me")[0] == 200
