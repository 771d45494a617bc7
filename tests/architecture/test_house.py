"""The house as it is installed: the lock is fresh, the wheel carries what it needs."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What it takes to run, at scale, and to work on it: each holds the one before.
LOCKS = ("requirements.txt", "requirements-scale.txt", "requirements-dev.txt")


def _pins(path: Path) -> dict[str, str]:
    rows = (line.split(";")[0].rstrip(" \\") for line in path.read_text(encoding="utf-8").splitlines())
    return dict(row.split("==") for row in rows if "==" in row and not row.startswith((" ", "#")))


def test_lock_covers_the_project_and_agrees_with_the_development_lock(tmp_path: Path) -> None:
    run, scale, dev = (_pins(ROOT / name) for name in LOCKS)
    assert run
    assert {name: scale.get(name) for name in run} == run
    assert {name: dev.get(name) for name in scale} == scale
    # Compiling against the lock as a constraint changes nothing, or a dependency was added without it.
    output = tmp_path / "requirements.txt"
    output.write_bytes((ROOT / "requirements.txt").read_bytes())
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-header", "--python-version", "3.11", "pyproject.toml", "-o", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert _pins(output) == run


def test_lock_names_no_address() -> None:
    for name in LOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_wheel_installs_and_carries_its_data(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "-o", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "marketplace/templates/layouts/page.html", "marketplace/data/pilot.toml", "marketplace/data/demo/solutions.jsonl",
        "indexer/data/vocabulary.tsv", "marketplace/static/jigai.css", "marketplace/records/migrations/versions/0001_first_tables.py",
    ):  # fmt: skip
        assert wanted in names
    # A fresh environment that sees this one's dependencies, but not this checkout.
    venv.create(tmp_path / "fresh", with_pip=False)
    python = tmp_path / "fresh" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--python", str(python), str(wheel)], check=True)
    (site_packages,) = (tmp_path / "fresh" / "lib").glob("python*/site-packages")
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (site_packages / "dependencies.pth").write_text(dependencies + "\n", encoding="utf-8")
    code = (
        "import marketplace.app, pathlib; print(pathlib.Path(marketplace.app.__file__).parent); print(marketplace.app.templates_folder())"
    )
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(python), "-c", code], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True)
    installed, templates = done.stdout.splitlines()
    assert installed.startswith(str(tmp_path))
    assert (Path(templates) / "layouts" / "page.html").exists()
