"""Find blocks that a template fills in vain: Jinja drops what the extended template has no place for."""

from __future__ import annotations

from contextlib import suppress

from jinja2 import Environment, TemplateError, nodes


def lost_blocks(env: Environment, names: list[str]) -> list[tuple[str, str]]:
    """Return, for each template of `names` that extends another, that one and the block it lacks.

    The pair is (extended template, block). What cannot be rendered has none; rendering it tells why.
    """
    found: list[tuple[str, str]] = []
    for name in names:
        with suppress(TemplateError):
            own, *extended = _chain(env, name)
            places = {block.name for it in extended for block in it.find_all(nodes.Block)}
            filled = (it.name for it in own.body if isinstance(it, nodes.Block))
            parent = _extended(own)
            found += [(parent, block) for block in filled if parent is not None and block not in places]
    return found


def _chain(env: Environment, name: str) -> list[nodes.Template]:
    """Return a template and what it extends, the last at the end. Raises TemplateError, also for a circle."""
    chain: list[nodes.Template] = []
    seen: list[str] = []
    at: str | None = name
    while at is not None:
        if at in seen:
            msg = f"{at} extends itself"
            raise TemplateError(msg)
        seen.append(at)
        chain.append(_parsed(env, at))
        at = _extended(chain[-1])
    return chain


def _parsed(env: Environment, name: str) -> nodes.Template:
    if env.loader is None:
        raise AssertionError(name)
    source, _, _ = env.loader.get_source(env, name)
    return env.parse(source, name)


def _extended(template: nodes.Template) -> str | None:
    """Return the name of the extended template, where it is a plain name."""
    extends = template.find(nodes.Extends)
    return extends.template.value if extends and isinstance(extends.template, nodes.Const) else None
