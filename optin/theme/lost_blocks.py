"""Find blocks that a template fills in vain: Jinja drops what the extended template has no place for."""

from __future__ import annotations

from jinja2 import Environment, nodes


def lost_blocks(env: Environment, names: list[str]) -> list[tuple[str, str]]:
    """Return, for each template of `names` that extends another, that one and the block it lacks.

    The pair is (extended template, block). Raises jinja2.TemplateError for a template that is none.
    """
    found: list[tuple[str, str]] = []
    for name in names:
        own = _parsed(env, name)
        parent = _extended(own)
        if parent is None:
            continue
        places = set[str]()
        at: str | None = parent
        while at is not None:
            extended = _parsed(env, at)
            places |= {block.name for block in extended.find_all(nodes.Block)}
            at = _extended(extended)
        filled = (it.name for it in own.body if isinstance(it, nodes.Block))
        found += [(parent, block) for block in filled if block not in places]
    return found


def _parsed(env: Environment, name: str) -> nodes.Template:
    if env.loader is None:
        raise AssertionError(name)
    source, _, _ = env.loader.get_source(env, name)
    return env.parse(source, name)


def _extended(template: nodes.Template) -> str | None:
    """Return the name of the extended template, where it is a plain name."""
    extends = template.find(nodes.Extends)
    return extends.template.value if extends and isinstance(extends.template, nodes.Const) else None
