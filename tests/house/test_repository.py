"""The house itself: the documents tell the truth, the lock has hashes and no addresses."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from graphlib import TopologicalSorter

import grimp
import pytest

from optin.settings.installation import SETTING_NAMES, environment_name
from tests.house.requirements_table import NOT_YET, PAGE, PARTLY, ROOT, lines, named_tests, page
from tests.installed import COMMANDS

README = (ROOT / "README.md").read_text("utf-8")


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_page_of_requirements_is_up_to_date() -> None:
    """The officer's lawyer reads what the tests say."""
    assert PAGE.read_text("utf-8") == page(), "run: make docs"


def test_every_requirement_that_is_built_has_a_test() -> None:
    """A number without a test is a promise."""
    named = named_tests()
    numbers = [number for number, _, _ in lines()]
    assert set(named) <= set(numbers)
    assert set(PARTLY) | NOT_YET <= set(numbers)
    assert [number for number in numbers if number not in NOT_YET and number not in named] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_the_lock_has_hashes_and_no_addresses(name: str) -> None:
    """Two commands install the same bytes everywhere."""
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    pins = re.findall(r"^([a-z0-9][^\s=]*)==", text, re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(blocks) > 20
    assert all("--hash=sha256:" in block for block in blocks)


MOST_LINES = 350


def test_a_long_module_says_why() -> None:
    """Nobody reads past 350 lines without a reason."""
    long = set()
    for name in tracked():
        if not (name.startswith("optin/") and name.endswith(".py")):
            continue
        text = (ROOT / name).read_text("utf-8")
        docstring = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
        if text.count("\n") > MOST_LINES and "The module is long because" not in docstring:
            long.add(name)
    assert long == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Whoever reads a module begins below it; in a circle there is no below."""
    graph = grimp.build_graph("optin", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(imports).prepare()  # else CycleError names the circle


def test_only_a_command_takes_many_arguments() -> None:
    """Click hands over each option as an argument; elsewhere what travels together is one value."""
    modules = [name for name in tracked() if name.endswith(".py") and name.startswith("optin/")]
    many = {name for name in modules if "noqa: PLR0913" in (ROOT / name).read_text("utf-8")}
    assert {name for name in many if not name.startswith("optin/cli/")} == set()


def test_nothing_speaks_of_one_machine() -> None:
    """Paths and addresses of one machine do not belong here."""
    foreign = re.compile(r"(?<![\w.])/(work|root|farm|home)/|pypi\.org|pythonhosted|registry\.npm")
    for name in tracked():
        if (
            name.endswith((".otf", ".pdf", ".webp", ".woff2", ".xz"))
            or name == "tests/house/test_repository.py"
        ):
            continue
        text = (ROOT / name).read_text("utf-8")
        assert not foreign.search(text), name


def test_the_readme_names_what_is_there() -> None:
    """Every command of the program, every make target and every room stands in the README; none else."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = re.findall(r"`make ([a-z-]+)`", README) + re.findall(
        r"^(?:\$ )?make ([a-z-]+)", README, re.MULTILINE
    )
    assert {"demo", "test"} <= set(shown) <= targets
    assert set(re.findall(r"`optin ([a-z]+(?:-[a-z]+)*)", README)) == set(COMMANDS)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = " ".join(contracts["contracts"][0]["layers"]).replace("|", " ").replace(":", " ").split()
    rooms = re.findall(r"^\| `optin/([a-z_]+)", README, re.MULTILINE)
    assert rooms == [layer for layer in layers if layer != "__main__"], "from the top down, as imports go"
    for name in SETTING_NAMES:
        assert environment_name(name) in README


def test_every_dependency_has_its_reason() -> None:
    """One line each, in pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = text.split("dependencies = [")[1].split("[project.scripts]")[0]
    for line in block.splitlines():
        if line.strip().startswith('"'):
            assert re.search(r'",\s+# \w', line), line


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_the_statement_names_every_processor_and_period(lang: str) -> None:
    """What the site does with data stands in its statement, and nothing stands there that it does not do."""
    site = tomllib.loads((ROOT / "optin.toml").read_text("utf-8"))
    statement = (ROOT / "privacy" / f"{lang}.md").read_text("utf-8")
    for processor in site["processors"].values():
        assert processor["name"] in statement
        assert processor["agreement"].rpartition(" ")[2] in statement
    units = {"nl": {"month": "maanden", "day": "dagen"}, "en": {"month": "months", "day": "days"}}[lang]
    for purpose in site["purposes"].values():
        count, unit = purpose["retention"].split()
        assert f"{count} {units[unit.removesuffix('s')]}" in statement
    assert site["controller"]["name"] in statement
    assert site["controller"]["email"] in statement


def test_every_background_job_stands_in_the_operators_page() -> None:
    """O5: /health/ready names a job that is stale; the page says what each one does."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "optin").rglob("*.py"))
    jobs = {*re.findall(r'\bJob\(\s*f?"([a-z ]+?)(?: \{\w+\})?"', source)}
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert {"courier", "limit log", "webhooks to"} <= jobs
    assert [name for name in sorted(jobs) if f"`{name}" not in page] == []


MAY_NAME_A_CHANNEL = {
    "optin/consent/channel.py",  # where each stands
    "optin/consent/rights_request.py",  # the way by which a letter or a call came, which is no channel
    "optin/export/contacts_in_cell.py",  # what addresses and numbers look like in a list
    "optin/export/contact_list_reader.py",  # and what their columns are called
    "optin/export/column_presets.py",  # columns as other tools name them
    "optin/export/connectors/lead_fields.py",  # the same, where they are told at once
    "optin/invoices/customer_statement.py",  # an invoice gives a telephone number (BT-57)
    "optin/theme/samples.py",  # examples of both
}


def test_nothing_asks_which_channel_it_is() -> None:
    """Who treats channels differently asks the channel: its address, its words, its medium."""
    named = re.compile(r"Channel\.[A-Z]|TELEPHONE|[\"']phone[\"']")
    texts = {
        name: (ROOT / name).read_text("utf-8")
        for name in tracked()
        if name.startswith(("optin/", "templates/")) and name.endswith((".py", ".html", ".txt"))
    }
    assert {name for name, text in texts.items() if named.search(text)} == MAY_NAME_A_CHANNEL
