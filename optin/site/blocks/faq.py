"""`::: faq`: questions that fold; the first is open."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it.tree import SyntaxTreeNode

from optin.site.blocks.block import Block, BlockReading, Directive

CURE = "Write each question as a heading (### Does it cost anything?), and its answer below it."


@dataclass(frozen=True)
class Question:
    """A question and its answer, as HTML."""

    question: str
    answer: str


@dataclass(frozen=True)
class Faq:
    """Questions with their answers."""

    heading: str
    questions: tuple[Question, ...]


def _read(directive: Directive, reading: BlockReading) -> Faq | None:
    found: list[tuple[SyntaxTreeNode, list[SyntaxTreeNode]]] = []
    for node in directive.content:
        if node.type == "heading":
            found.append((node, []))
        elif found:
            found[-1][1].append(node)
        else:
            reading.refuse(reading.line(node), "This text of the block 'faq' has no question above it.", CURE)
            return None
    if not found:
        reading.refuse(directive.line, "The block 'faq' has no question.", CURE)
        return None
    questions: list[Question] = []
    for node, answer in found:
        if not answer:
            message = "This question of the block 'faq' has no answer."
            reading.refuse(reading.line(node), message, "Write the answer below it.")
            return None
        questions.append(Question(reading.html(node.children[0].children), reading.html(answer)))
    return Faq(directive.heading, tuple(questions))


FAQ = Block(about="questions and answers", read=_read)
