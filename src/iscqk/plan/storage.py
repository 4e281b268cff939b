"""The storage that files go through where machines share no disk, as Snakemake was told of it."""

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, NamedTuple

from iscqk.errors import UserError


class Storage(NamedTuple):
    """A storage, by the name of Snakemake's plugin; without one, files lie on a disk.

    Attributes:
        plugin: `s3`.
        prefix: of all files in it, `s3://bucket/run`.
    """

    plugin: str = ""
    prefix: str = ""

    @classmethod
    def of(cls, settings: Any) -> "Storage":
        """Return Snakemake's default storage.

        Raises:
            UserError: its prefix has letters that commands would take apart, or the plugin.
        """
        plugin, prefix = settings.default_storage_provider, settings.default_storage_prefix or ""
        if not plugin:
            return cls()
        if odd := re.search(r"[^\w./:@+=~-]", prefix, re.ASCII):
            what = f"has {odd[0]!r} in it; name one of letters, digits and ._-/ alone"
            raise UserError(f"--default-storage-prefix: {prefix} {what}")
        return cls(plugin, prefix.rstrip("/"))

    def here(self, paths: Iterable[str]) -> list[str]:
        """Return those of the plan's paths that are here: none where files lie in a storage.

        What lies under their names then is another's, and not there for a job on another machine.
        """
        return [] if self.plugin else list(filter(os.path.exists, paths))

    def place(self, path: str) -> str:
        """Return where a file of the plan is that no rule declares, as a word of a command."""
        return shlex.quote("/".join(filter(None, [self.prefix, path])))

    @property
    def options(self) -> list[str]:
        """The options that tell a stage of it."""
        return ["--storage", self.plugin] if self.plugin else []

    @property
    def snakemake_options(self) -> str:
        """The options that tell another Snakemake of it."""
        words = ["--default-storage-provider", self.plugin, "--default-storage-prefix", self.prefix]
        return shlex.join(words) if self.plugin else ""


def let_jobs_reach(storage: Storage, providers: Any) -> None:
    """Let jobs have a storage's settings, as the variables that these are named for.

    Args:
        storage: that files go through.
        providers: Snakemake's settings by plugin, be they from options or from such variables.
    """
    settings = providers[storage.plugin].get_settings() if storage.plugin else None
    for field in fields(settings) if settings else ():
        if (value := getattr(settings, field.name)) is not None:
            name = f"SNAKEMAKE_STORAGE_{storage.plugin}_{field.name}".upper().replace("-", "_")
            os.environ[name] = str(value)
