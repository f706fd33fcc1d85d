"""The imports point down, as ARCHITECTURE.md draws them, and only named modules read the environment or the clock."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "aidlib"
ROWS = {"reference": 1, "display": 2, "estimate": 3, "store": 3, "poverty": 5, "report": 7, "editions": 9, "cli": 10}
ROWS |= dict.fromkeys(["survey", "rules", "intake", "demo"], 4)
ROWS |= dict.fromkeys(["causes", "relapse", "policy", "wellbeing"], 6)
ROWS |= dict.fromkeys(["release", "render"], 8)
ONLY_THE_CLI_USES = {"intake", "demo"}
HEAVY = {"matplotlib", "sklearn", "typst", "papermill", "xlsxwriter", "openpyxl", "fastexcel", "msoffcrypto", "IPython"}
HEAVY |= {"nbclient", "nbformat", "jupyter_client", "ipykernel", "fontTools", "scipy.optimize", "scipy.stats"}
# survey.load, rules.load and Chapter find the store, the rules and the run; editions set them for the kernels
READS_ENVIRONMENT = {"survey/load.py", "rules/book.py", "report/chapter.py", "reference/project.py"}


def modules() -> list[tuple[str, str, ast.Module]]:
    """(path in the package, its folder, syntax tree) of every module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found.append((inside.as_posix(), inside.parts[0].removesuffix(".py"), tree))
    return found


def imports(tree: ast.AST) -> set[str]:
    """Folders of aidlib that a module imports, wherever in the file; "relative" for a relative import."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["aidlib.relative"] if node.level else [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("aidlib.")}
    return found


def at_the_top(tree: ast.Module) -> set[str]:
    """Dotted names that a module imports at its top, outside functions and TYPE_CHECKING."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reads(tree: ast.AST, owner: str, names: set[str]) -> bool:
    """Whether an attribute of ``owner`` among ``names`` is used: os.environ, Path.cwd."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
        for node in ast.walk(tree)
    )


def test_imports_point_down():
    wrong = []
    for path, home, tree in modules():
        if home.startswith("__"):
            continue  # the package's own __init__ and __main__
        for used in imports(tree) - {home}:
            down = ROWS.get(used, 99) < ROWS[home]
            if not down or (used in ONLY_THE_CLI_USES and home != "cli"):
                wrong.append(f"{path}: {home} may not import {used}")
    assert wrong == []


def test_the_test_sees_a_wrong_arrow():
    assert imports(ast.parse("def f():\n    from aidlib import render\n    import aidlib.store.parts")) == {
        "render",
        "store",
    }
    assert imports(ast.parse("from . import x")) == {"relative"}


def test_every_folder_has_a_row_and_lists_its_names():
    homes = {home for _, home, _ in modules() if not home.startswith("__")}
    assert homes <= set(ROWS)
    for home in homes - {"cli"}:
        assert "__all__" in (PACKAGE / home / "__init__.py").read_text(encoding="utf-8"), home


def test_heavy_packages_are_imported_where_they_are_needed():
    wrong = [
        f"{path}: {name}"
        for path, _, tree in modules()
        for name in at_the_top(tree)
        if name in HEAVY or name.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_nothing_below_editions_reads_environment_or_clock_but_the_named_ones():
    readers = {
        path
        for path, home, tree in modules()
        if not home.startswith("__")
        and ROWS[home] < ROWS["editions"]
        and home != "intake"  # keeps the pseudonym key in the user's configuration folder
        and (reads(tree, "os", {"environ", "getenv"}) or reads(tree, "Path", {"cwd", "home"}))
    }
    assert readers <= READS_ENVIRONMENT
    clocks = [
        path
        for path, home, tree in modules()
        if not home.startswith("__")
        and ROWS[home] < ROWS["editions"]
        and (
            reads(tree, "time", {"time", "localtime"})
            or reads(tree, "datetime", {"now", "today", "utcnow"})
            or reads(tree, "date", {"today"})
            or reads(tree, "Timestamp", {"now", "today"})
        )
    ]
    assert clocks == []


def test_only_the_demo_names_its_truth_file():
    namers = [
        path for path, home, _ in modules() if "truth.json" in (PACKAGE / path).read_text("utf-8") and home != "demo"
    ]
    assert namers == []
