"""Blocks in a magnet's text: what each becomes, and what `check` says about a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import html5lib
import pytest

from optin.services.site_edition import load_edition
from optin.site.blocks.all_blocks import BLOCKS
from optin.site.findings import Finding
from optin.site.hints import hints
from optin.site.load_site import load_site
from optin.theme.icons import icons_in
from optin.theme.theme import OURS
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.site.conftest import all_findings, findings, magnet, paper, toml

FENCE = re.compile(r"^```md\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDE = (ROOT / "docs" / "guide" / "blocks.md").read_text("utf-8")
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 48"><path d="M0 0h64v48H0z"/></svg>'
PDF = ROOT / "magnets" / "koud-bellen" / "koud-bellen.pdf"  # of six pages
QUOTE = "::: quote\nname: Noor\n\nGoed.\n:::"


def written(site: Path, text: str) -> Path:
    """Write a magnet with this text below its front matter, which has seven lines."""
    path = magnet(site)
    path.write_text(path.read_text("utf-8").replace("Tekst.", text), "utf-8")
    return path


def page(site: Path, slug: str = "brief") -> str:
    edition, found = load_edition(site, KINDS)
    assert edition is not None
    assert [it for it in found if it.severity == "error"] == []
    return edition.publication.form_pages[slug][0].form.page.decode()  # type: ignore[index]  # a plain text


def told(site: Path, text: str) -> Finding:
    """Return the one finding about a text."""
    written(site, text)
    (finding,) = findings(site)
    assert (finding.path, finding.code, finding.severity) == ("magnets/brief.md", "block", "error")
    assert finding.cure
    return finding


@pytest.mark.parametrize("example", FENCE.findall(GUIDE))
def test_every_example_of_the_guide_makes_a_block(site: Path, example: str) -> None:
    """W2: strict HTML without script or inline style, and nothing to find."""
    folder = paper(site, body=example)
    for name in ["x.pdf", *re.findall(r"[\w-]+\.pdf", example)]:
        (folder / name).write_bytes(PDF.read_bytes())
    for name in re.findall(r"[\w-]+\.(?:svg|webp|png|jpg)", example):
        (folder / name).write_text(SVG, "utf-8") if name.endswith("svg") else picture(folder / name)
    assert all_findings(site) == ()
    html = page(site, "paper")
    html5lib.HTMLParser(strict=True).parse(html)
    names = re.findall(r"^::: (\w+)$", example, re.MULTILINE)
    assert names
    for name in names:
        assert f'class="block {name}"' in html
    assert not re.search(r"<script|<[^>]+\s(style|on\w+)=", html)
    assert ":::" not in html


def picture(path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - few tests draw

    Image.new("RGB", (400, 300), "#0b5d4b").save(path)


def test_the_guide_shows_every_block_and_each_of_its_options() -> None:
    """W2: a block, an option or an icon that the guide does not show, nobody finds."""
    shown = "".join(FENCE.findall(GUIDE))
    for name, block in BLOCKS.items():
        assert f"::: {name}\n" in shown
        for option, meaning in block.options.items():
            assert re.search(rf"^{option}: ", shown, re.MULTILINE), (name, option)
            assert f"`{option}`" in GUIDE, (name, option, meaning)
    assert {*icons_in(OURS)} <= {*re.findall("`([a-z0-9-]+)`", GUIDE)}


def test_blocks_stand_between_the_prose(site: Path) -> None:
    """W2: in the order in which they were written."""
    written(site, f"Voor.\n\n{QUOTE}\n\nNa.")
    html = page(site)
    assert re.search(r"<p>Voor\.</p>.*<figure>.*<p>Goed\.</p>.*<p>Na\.</p>", html, re.DOTALL)


def test_what_an_author_writes_in_a_block_stays_text(site: Path) -> None:
    """W2, S1: in options and in words."""
    written(
        site, '::: quote\nname: <b onclick="x">\nrole: "{{ 7919 * 7907 }}"\n\n<script>1</script> {{ 1 }}\n:::'
    )
    html = page(site)
    assert "<b onclick" not in html
    assert "<script" not in html
    assert "{{ 7919 * 7907 }}" in html
    html5lib.HTMLParser(strict=True).parse(html)


def test_the_first_question_is_open(site: Path) -> None:
    """W2: folded by the browser, without script."""
    written(site, "::: faq\n### Een?\n\nJa.\n\n### Twee?\n\nNee.\n:::")
    block = page(site).partition('class="block faq"')[2].partition("</section>")[0]
    assert re.findall(r"<details[^>]*>", block) == ["<details open>", "<details>"]


@pytest.mark.parametrize(
    ("text", "line", "said", "cure"),
    [
        ("::: quote\nname: Noor\n\nGoed.", 8, "does not end", "Write ::: alone"),
        (":::: quote\nname: Noor\n\nGoed.\n:::", 8, "more colons than the ::: in line 12", "with three"),
        (
            "Eerst.\n\n::: quote\nname: Noor\n\nGoed.\n\n::: faq\n### Een?\n\nJa.\n:::",
            10,
            "in line 15",
            "line 15",
        ),
        (":::", 8, "ends no block", "::: quote"),
        (f"{QUOTE}\n\nMeer.\n\n:::", 16, "ends no block", "Remove it"),
        ("::: qoute\nGoed.\n:::", 8, "'qoute' is unknown", "Did you mean 'quote'?"),
        ("::: quote name=Noor\nGoed.\n:::", 8, "stands nothing", "lines of their own"),
        (f"- Punt\n\n  {QUOTE.replace(chr(10), chr(10) + '  ')}", 10, "inside a list", "left margin"),
        ("::: quote\nGoed.\n:::", 8, "needs 'name'", "name: …"),
        ("::: quote\nnaam: Noor\n\nGoed.\n:::", 9, "no option 'naam'", "Did you mean 'name'?"),
        ("::: quote\nname: Noor\nGoed.\n:::", 10, "is no option", "empty line"),
        ("::: quote\nname:\n\nGoed.\n:::", 9, "'name' is empty", "after its colon"),
        ("::: quote\nname: A\nname: B\n\nGoed.\n:::", 10, "'name' is there twice", "one text"),
        ("::: quote\nname: Noor\n:::", 8, "has no words", "what they say"),
        ("::: author\nname: Noor\n:::", 8, "says nothing", "why the author knows"),
        ("::: benefits\nTekst.\n:::", 9, "is a list", "hyphen"),
        ("::: benefits\n:::", 8, "is empty", "Write below it"),
        ("::: benefits\n- Een\n- Twee\n:::", 9, "no words in bold", "**"),
        ("::: benefits\n- phone **Bel** nu\n:::", 9, "the name of an icon", ":clock:"),
        ("::: benefits\n- *Echt* **Bel** nu\n:::", 9, "the name of an icon", ":clock:"),
        ("::: numbers\n- [Telt](/x) **6** bladzijden\n:::", 9, "a number in bold", "**12** pages"),
        ("::: benefits\n- :fone: **Bel** nu\n:::", 9, "'fone' is unknown", "Did you mean 'phone'?"),
        ("::: benefits\n- **Bel** nu\n\n  - meer\n:::", 9, "one line of text", "**"),
        ("::: numbers\n- **zes** bladzijden\n:::", 9, "a number in bold", "**12** pages"),
        ("::: numbers\n- **1** a\n- **2** b\n- **3** c\n- **4** d\n:::", 12, "has 4 numbers", "Keep the 3"),
        ("::: faq\nZomaar.\n:::", 9, "no question above it", "### "),
        ("::: faq\n:::", 8, "has no question", "### "),
        ("::: faq\n### Een?\n:::", 9, "has no answer", "below it"),
        ("::: inside\n- het schema\n:::", 9, "the number of a page", "- 2: "),
        ("::: inside\n- 0: niets\n:::", 9, "the number of a page", "- 2: "),
        ("::: inside\n- 2:\n:::", 9, "the number of a page", "- 2: "),
        ("::: inside\n- 2: a\n- 2: b\n:::", 10, "the number of a page", "once"),
        (
            f"::: inside\n{''.join(f'- {it}: a{chr(10)}' for it in range(1, 10))}:::",
            17,
            "more than 8",
            "Keep the 4",
        ),
        ("::: inside\n- 2: a\n:::", 8, "this magnet has no file", "file: example.pdf"),
        ("::: logos\n- Bedrijf\n:::", 9, "one picture", "logo.svg"),
        ("::: logos\n- ![](a.svg)\n:::", 9, "company's name", "logo.svg"),
    ],
)
def test_a_wrong_block_is_told_with_its_line_and_cure(
    site: Path, text: str, line: int, said: str, cure: str
) -> None:
    """W2, M4: a directive that does not close, an unknown one, wrong options, wrong content."""
    finding = told(site, text)
    assert finding.line == line, finding
    assert said in finding.message, finding
    assert cure in finding.cure, finding


def test_a_picture_of_a_block_is_looked_for_in_the_magnets_folder(site: Path) -> None:
    """W2, S8: the finding names the option's own line."""
    folder = paper(site, body="::: quote\nname: Noor\npicture: ../../optin.toml\n\nGoed.\n:::")
    (finding,) = findings(site)
    assert (finding.line, finding.code) == (10, "file")
    assert "leads outside paper/" in finding.message
    picture(folder / "noor.png")
    paper(site, body="::: quote\nname: Noor\npicture: noor.png\n\nGoed.\n:::")
    assert re.search(r'<img src="/static/noor-224\.[0-9a-f]{16}\.webp"', page(site, "paper"))


def test_claims_in_a_block_are_read_by_the_laws_rules_too(site: Path) -> None:
    """M5, W2: what no page may say, no block may say either."""
    written(
        site,
        "::: faq\n### Wat kost het?\n\nUw toestemming is verplicht.\n:::",
    )
    assert [it.code for it in findings(site)] == ["price"]


def advice(site: Path) -> set[str]:
    """Return the messages of the hints about blocks."""
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    return {it.message for it in hints(loaded, KINDS.files) if it.code == "block"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"::: quote\nname: Noor\n\n{'Goed ' * 26}\n:::", "The quote has 26 words; people read 25."),
        (f"::: author\nname: Anna\n\n{'Belde ' * 31}\n:::", "The author has 31 words; people read 30."),
        (
            "::: benefits\n- **Bel** nu\n- **Nu eindelijk zonder enige twijfel bellen** nu\n:::",
            "has 6 words and 1 more",
        ),
        (
            f"::: benefits\n{'- **Bel** nu' + chr(10) * 1}{('- **Bel** nu' + chr(10)) * 6}:::",
            "There are 7 benefits",
        ),
        ("::: logos\n- ![Bedrijf](a.svg)\n:::", "do not say what they mean"),
        (f"::: inside\n{''.join(f'- {it}: a{chr(10)}' for it in range(1, 6))}:::", "shows 5 pages"),
    ],
)
def test_a_block_that_could_be_better_gets_a_hint(site: Path, text: str, said: str) -> None:
    """W2, M4: at its line, and nothing is refused."""
    folder = paper(site, body=text)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    (folder / "a.svg").write_text(SVG)
    assert findings(site) == []
    (message,) = advice(site)
    assert said in message


def test_a_page_that_lacks_a_block_is_told_which_would_help(site: Path) -> None:
    """W2, M4: who hands out a file has something to show of it; each hint is silent once it is heeded."""

    def codes() -> set[str]:
        loaded = load_site(site, KINDS.files).site
        assert loaded is not None
        return {it.code for it in hints(loaded, KINDS.files) if it.slug == "paper"}

    toml(site, "[purposes.tips-email]", '[purposes.call]\nchannel = "phone"\nretention = "6 months"\n'
         'text.nl = "U mag mij één keer bellen over deze tips."\n\n[purposes.tips-email]')  # fmt: skip
    front = "purposes: [call]\nfields: [{name: phone, why: Om u te bellen als u dat aankruist.}]\n"
    wanted = {"no-look-inside", "no-benefits", "no-support", "no-answers"}
    folder = paper(site, front)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    assert wanted <= codes()
    blocks = [
        QUOTE,
        "::: inside\n- 1: a\n:::",
        "::: benefits\n- **Bel** nu\n:::",
        "::: faq\n### Een?\n\nJa.\n:::",
    ]
    folder = paper(site, front, "\n\n".join(blocks))
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    assert not wanted & codes()


def test_every_magnet_of_the_repository_has_a_cover_and_blocks() -> None:
    """W2: the repository's own site could be shown to a customer; each block is there at least once."""
    loaded = load_site(ROOT, KINDS.files).site
    assert loaded is not None
    there = set()
    for one in loaded.magnets.values():
        named = {piece.name for piece in one.story if piece.name}
        assert one.picture is not None, one.slug
        assert named, one.slug
        there |= named
    assert there == {*BLOCKS}
    # no mail of an example company comes back
    found = {f"{it.path}: {it.message}" for it in hints(loaded, KINDS.files) if it.code != "bounces"}
    assert found == set()


@pytest.mark.parametrize(
    ("bold", "shown"),
    [
        ("12 artikelen", "12 <span>artikelen</span>"),
        ("10 000 lezers", "10 000 <span>lezers</span>"),
        ("15", "15"),
        ("2 &amp; 3", "2 <span>&amp; 3</span>"),
    ],
)
def test_a_unit_in_bold_stands_smaller_after_its_number(site: Path, bold: str, shown: str) -> None:
    """W2: so that three numbers fit beside each other on a phone."""
    written(site, f"::: numbers\n- **{bold}** van de wet\n:::")
    assert f"<dd>{shown}</dd>" in page(site)
