"""docs/reference/providers.md: execution providers of ONNX Runtime and their options, from the agent's table."""

from agents.providers import NUMBER, PREFIX, PROVIDERS, TEXT, Provider

SESSION = {
    "graph_optimization_level": "disable, basic, extended, all",
    "execution_mode": "sequential, parallel",
    "enable_cpu_mem_arena": "0, 1",
    "enable_mem_pattern": "0, 1",
    "allow_spinning": "0, 1",
    "free_dimensions": "fixed, open; by default fixed where the provider takes no graph with open dimensions",
    "session.*": "passed on to the runtime as it is, such as session.disable_cpu_ep_fallback=1",
}


def providers_page() -> str:
    parts = [
        "# Execution providers of ONNX Runtime\n",
        f"`--ep NAME` asks for one, without `ExecutionProvider`; `--option {PREFIX}NAME=VALUE` tells it something.",
        "Which of them a device has, and why not: `earshot devices probe`.",
        "How to get them: [execution providers](../how-to/execution-providers.md).\n",
        "## Options of a session\n",
        "| option | values |",
        "|---|---|",
        *(f"| `{name}` | {values} |" for name, values in SESSION.items()),
        "",
    ]
    return "\n".join(parts + [line for provider in PROVIDERS.values() for line in _provider(provider)])


def _provider(provider: Provider) -> list[str]:
    lines = [f"## {provider.name}\n", f"To have it: {provider.package}. Source: <{provider.source}>"]
    lines += [f"{note}\n" for note in _notes(provider)] or [""]
    if not provider.options:
        return [*lines, "It takes no options.\n"]
    rows = [f"| `{PREFIX}{name}` | {_values(values)} |" for name, values in provider.options.items()]
    return [*lines, "| option | values |", "|---|---|", *rows, ""]


def _notes(provider: Provider) -> list[str]:
    notes = []
    if provider.threads:
        notes.append(f"`{PREFIX}{provider.threads}` is the candidate's number of threads unless it is given.")
    if provider.defaults:
        told = ", ".join(f"{PREFIX}{name}={value}" for name, value in provider.defaults.items())
        notes.append(f"Told by default: `{told}`.")
    if provider.fixed_shapes:
        notes.append("Open dimensions are fixed for it, because it takes none.")
    if provider.machines:
        notes.append(f"Real on {', '.join(provider.machines)}; emulated elsewhere, and then never ranked.")
    return [" ".join(notes)] if notes else []


def _values(values: tuple[str, ...]) -> str:
    if values == NUMBER:
        return "a whole number"
    return "any text" if values == TEXT else ", ".join(values)
