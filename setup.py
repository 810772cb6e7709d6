"""What a wheel holds beside the code: the small models and the examples, which stay at the top of the repository."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = (
    "checkpoints/mini",
    "checkpoints/mini-hits",
    "checkpoints/mini-faces",
    "checkpoints/mini-music",
    "checkpoints/evaluators",
    "examples",
)
NOT_SHIPPED = (".py", ".pyc")


def shipped() -> list[Path]:
    """The files, from the top of the repository."""
    files = [file for folder in SHIPPED for file in sorted(Path(folder).rglob("*")) if file.is_file()]
    return [file for file in files if file.suffix not in NOT_SHIPPED and not any(part.startswith(".") for part in file.parts)]


class BuildWithModels(build_py):
    """The package, and in it the folders `checkpoints` and `examples`. An editable install has them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for source, target in zip(shipped(), self.targets(), strict=True):
                self.mkpath(str(Path(target).parent))
                self.copy_file(str(source), target)

    def targets(self) -> list[str]:
        return [str(Path(self.build_lib, "sonicdiff", file)) for file in shipped()]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        return super().get_outputs(include_bytecode) + ([] if self.editable_mode else self.targets())

    def get_source_files(self) -> list[str]:
        return super().get_source_files() + [str(file) for file in shipped()]


setup(cmdclass={"build_py": BuildWithModels})
