"""Configuring and building a preset, for the scripts that do: in parallel, and past the first failure."""
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def configure(preset, *definitions):
    environment = dict(os.environ)
    if shutil.which("ninja"):
        environment.setdefault("CMAKE_GENERATOR", "Ninja")
    return subprocess.run(["cmake", "--preset", preset, "--log-level=WARNING", *definitions], cwd=ROOT, env=environment,
                          stdout=subprocess.DEVNULL, check=False).returncode == 0


def build(preset, *targets):
    """Builds what can be built: one broken file must not hide what the others say. True when all of it was."""
    folder = ROOT / "build" / preset
    keep_going = ["-k", "0"] if (folder / "build.ninja").exists() else ["-k"]
    chosen = ["--target", *targets] if targets else []
    return subprocess.run(["cmake", "--build", folder, "-j", str(os.cpu_count()), *chosen, "--", *keep_going],
                          cwd=ROOT, check=False).returncode == 0
