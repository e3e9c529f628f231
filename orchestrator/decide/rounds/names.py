"""Lists of layers in a recipe's text: whoever has the text can make the artifact again, so nothing may be left out."""

from collections.abc import Collection, Sequence

# A list up to this long is read faster than what could stand for it.
_SHORT = 120


def is_nameable(node: str) -> bool:
    """Whether a recipe's text can hold it: the others must stay as the quantizer has them."""
    return bool(node) and not any(c in node for c in ",()=+*") and not any(c.isspace() for c in node)


def joined(nodes: Sequence[str], quantized: Collection[str]) -> str:
    """``nodes`` with + between them. Where that is long, ``*`` stands for the rest of names that begin alike, as far as
    it means no other of the ``quantized`` ones."""
    plain = "+".join(sorted(nodes))
    if len(plain) <= _SHORT:
        return plain
    wanted, patterns = set(nodes), []
    every = {*quantized, *nodes}
    for node in sorted(nodes):
        if node in wanted:
            pattern, meant = _widest(node, set(nodes), every)
            patterns.append(pattern)
            wanted -= meant
    return "+".join(patterns)


def _widest(node: str, nodes: set[str], every: Collection[str]) -> tuple[str, set[str]]:
    """The shortest beginning of ``node`` that ends a part of its name and that only ``nodes`` have."""
    for end in (i + 1 for i, letter in enumerate(node) if letter in "/._"):
        meant = {name for name in every if name.startswith(node[:end])}
        if end < len(node) and meant <= nodes and len(meant) > 1:
            return node[:end] + "*", meant
    return node, {node}
