"""Read a magnet's text: prose, and blocks by directives, each mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import unquote

from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.container import container_plugin

from optin.site.blocks.all_blocks import BLOCKS
from optin.site.blocks.block import Directive, Option
from optin.site.findings import nearest
from optin.site.magnet_files import MagnetFiles
from optin.site.magnet_findings import MagnetFindings
from optin.site.markdown_to_html import Prose, look_through, new_markdown
from optin.site.model import PictureFile, StoryPiece

CONTAINER = "container_block"
_OPTION = re.compile(r"([a-z][a-z_-]*):(?:\s+(.*))?")
_CLOSES = re.compile(r":{3,}\s*")


@dataclass(frozen=True)
class Story:
    """The pieces of a text, the pictures in its prose, and what there is to check in its words."""

    pieces: tuple[StoryPiece, ...]
    pictures: tuple[PictureFile, ...]
    prose: Prose
    words: str  # all of them, blocks included


def read_story(text: str, files: MagnetFiles, findings: MagnetFindings, file: str = "") -> Story:
    """Read the text of a magnet that hands out `file`; mistakes are added to `findings`."""
    return _StoryReader(text, files, findings, file).read()


class _StoryReader:
    """Reads one text. Lines are those of the magnet's file."""

    def __init__(self, text: str, files: MagnetFiles, findings: MagnetFindings, file: str) -> None:
        self._file = file
        self._lines, self._files, self._findings = text.split("\n"), files, findings
        self._above = findings.document.body_line - 1  # lines of the file above the text
        self._pictures: dict[str, PictureFile] = {}
        self._markdown = new_markdown()
        container_plugin(self._markdown, "block", validate=lambda _info, _marks: True)
        self._markdown.add_render_rule("image", lambda _renderer, *given: self._image(*given))
        self._tokens = self._markdown.parse(text)

    def read(self) -> Story:
        """Return the text's pieces, with findings added."""
        prose = look_through(self._tokens)
        for token in self._tokens:
            for child in token.children or ():
                child.meta["line"] = self._above + (token.map or [0])[0] + 1
        pieces = tuple(self._pieces(SyntaxTreeNode(self._tokens).children))
        words = "\n".join(token.content for token in self._tokens if token.type == "inline")
        return Story(pieces, tuple(self._pictures.values()), prose, words)

    def _pieces(self, nodes: Sequence[SyntaxTreeNode]) -> Iterator[StoryPiece]:
        for is_block, group in groupby(nodes, lambda node: node.type == CONTAINER):
            together = list(group)
            if not is_block:
                self._refuse_nested(together)
                yield StoryPiece(self.html(together), line=self.line(together[0]))
                continue
            for node in together:
                piece = self._block(node)
                if piece is not None:
                    yield piece

    def _block(self, node: SyntaxTreeNode) -> StoryPiece | None:
        line, name = self.line(node), node.info.strip()
        word = name.split()[0].lower() if name else ""
        if not name:
            self.refuse(line, "This ::: ends no block.", "Remove it, or begin a block, such as: ::: quote")
        elif word not in BLOCKS:
            self.refuse(line, f"The block {word[:40]!r} is unknown.", nearest(word, sorted(BLOCKS)))
        elif word != name.lower():
            cure = "Write its options on lines of their own below it, such as: name: …"
            self.refuse(line, f"After the name of the block {word!r} stands nothing.", cure)
        elif self._is_complete(node, word):
            directive = self._directive(node, word)
            value = None if directive is None else BLOCKS[word].read(directive, self)
            return None if value is None else StoryPiece(name=word, block=value, line=line)
        return None

    def _is_complete(self, node: SyntaxTreeNode, name: str) -> bool:
        """Return whether a block ends, and none begins inside it."""
        inner = next((it for it in node.walk() if it.type == CONTAINER and it is not node), None)
        if inner is not None:
            line = self.line(inner)
            if not inner.info.strip():
                message = f"The block {name!r} begins with more colons than the ::: in line {line}."
                self.refuse(self.line(node), message, "Begin and end it with three.")
                return False
            message = f"The block {name!r} does not end before another begins in line {line}."
            self.refuse(self.line(node), message, f"Write ::: alone on a line above line {line}.")
            return False
        end = (node.map or (0, 0))[1]
        if end >= len(self._lines) or _CLOSES.fullmatch(self._lines[end].strip()) is None:
            message = f"The block {name!r} does not end."
            self.refuse(self.line(node), message, "Write ::: alone on a line below it.")
            return False
        return True

    def _refuse_nested(self, nodes: Sequence[SyntaxTreeNode]) -> None:
        for node in nodes:
            for inner in node.walk():
                if inner.type == CONTAINER:
                    message = "A block cannot stand inside a list or a quotation."
                    self.refuse(
                        self.line(inner), message, "Begin ::: at the left margin, after an empty line."
                    )
                    return

    def _directive(self, node: SyntaxTreeNode, name: str) -> Directive | None:
        """Return a block as written; None where its options are wrong."""
        content, heading = list(node.children), ""
        options: dict[str, Option] = {}
        for _ in range(2):  # the heading and the options, in any order
            first = content[0] if content else None
            if first is not None and first.type == "heading" and first.tag == "h2" and not heading:
                heading = self.html(content.pop(0).children[0].children)
            elif first is not None and not options and self._begins_options(first):
                found = self._options(content.pop(0), name)
                if found is None:
                    return None
                options = found
        missing = sorted(BLOCKS[name].needed - {*options})
        if missing:
            message = f"The block {name!r} needs {missing[0]!r}."
            self.refuse(self.line(node), message, f"Write below ::: {name} a line such as: {missing[0]}: …")
            return None
        return Directive(name, self.line(node), heading, options, content)

    def _begins_options(self, node: SyntaxTreeNode) -> bool:
        """Return whether a paragraph is options: it begins with a word in lower case and a colon."""
        return node.type == "paragraph" and _OPTION.match(node.children[0].content) is not None

    def _options(self, node: SyntaxTreeNode, name: str) -> dict[str, Option] | None:
        found: dict[str, Option] = {}
        known = BLOCKS[name].options
        for place, text in enumerate(node.children[0].content.split("\n")):
            line, matched = self.line(node) + place, _OPTION.fullmatch(text.strip())
            if matched is None:
                cure = "Write each option as name: text, and leave an empty line below the last."
                self.refuse(line, f"This line of the block {name!r} is no option.", cure)
                return None
            key, value = matched[1], (matched[2] or "").strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1].strip()
            if key not in known:
                cure = nearest(key, sorted(known)) if known else "Remove it, or begin it with a capital."
                self.refuse(line, f"The block {name!r} has no option {key!r}.", cure)
                return None
            if not value or key in found:
                why = "is empty" if not value else "is there twice"
                self.refuse(line, f"The option {key!r} {why}.", "Write one text after its colon.")
                return None
            found[key] = Option(value, line)
        return found

    def refuse(self, line: int, message: str, cure: str) -> None:
        """Report a mistake."""
        self._findings.say(line, message, cure, code="block")

    def line(self, node: SyntaxTreeNode) -> int:
        """Return the line where a part of the text begins."""
        return self._above + (node.map or (0, 0))[0] + 1

    def html(self, nodes: Sequence[SyntaxTreeNode]) -> str:
        """Return parts of the text as HTML, and note their pictures."""
        tokens = [token for node in nodes for token in node.to_tokens()]
        return str(self._markdown.renderer.render(tokens, self._markdown.options, {}))

    def picture(self, line: int, name: str, alt: str, use: str) -> PictureFile | None:
        """Return a picture of the magnet's folder for a use; None, and a finding, where it is not usable."""
        return self._files.picture(line, name, alt, use)

    def text(self, text: str) -> str:
        """Return plain text as HTML."""
        return escapeHtml(text)

    def pages(self, line: int, name: str, numbers: tuple[int, ...]) -> tuple[PictureFile, ...]:
        """Return pages of a PDF of the magnet's folder, of its own file without a `name`."""
        if not name and not self._file:
            message = "The block 'inside' looks into a PDF, and this magnet has no file."
            self.refuse(line, message, "Write below ::: inside a line such as: file: example.pdf")
            return ()
        return self._files.pages(line, name or self._file, numbers)

    def _image(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
        """Return a picture in prose as HTML, and note its file."""
        token = tokens[at]
        line, source = int(token.meta["line"]), str(token.attrGet("src") or "")
        if source not in self._pictures:
            found = self._files.picture(line, unquote(source), token.content, "text")
            if found is not None:
                self._pictures[source] = replace(found, source=escapeHtml(source))
        if not token.content.strip():
            message = f"The picture {source} has no description for people who cannot see it."
            self._findings.say(
                line, message, "Write it between the brackets: ![what it shows](file).", code="alt"
            )
        return RendererHTML().image(tokens, at, options, env)
