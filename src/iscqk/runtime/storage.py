"""A file that a job keeps in a storage while it runs, by Snakemake's own plugin for that storage.

Snakemake sends what a job has made once the job has ended. A machine that goes away before takes
the rest along, unless the job has sent it itself.
"""

import asyncio
import logging
import os
import tempfile
from collections.abc import Coroutine
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from iscqk.errors import UserError

logger = logging.getLogger(__name__)


class StoredFile:
    """A file in a storage.

    Attributes:
        folder: a place for it here, gone with this object.
    """

    def __init__(self, plugin: str, address: str) -> None:
        """Reach for a storage; its settings are the variables that Snakemake's plugin takes.

        Args:
            plugin: its name, `s3`.
            address: of the file, `s3://bucket/state.pt`.

        Raises:
            UserError: there is no such plugin, or it does not take such an address.
        """
        self._address = address
        self._scratch = tempfile.TemporaryDirectory(prefix="iscqk-storage-")
        self.folder = Path(self._scratch.name)
        self._file = _file_in(plugin, address, self.folder)

    def fetch(self, path: Path) -> bool:
        """Bring the file here, if there is one; return whether there was.

        Raises:
            UserError: the storage cannot be read.
        """
        self._file.set_local_path(path)
        try:
            if not _done(self._file.managed_exists()):
                return False
            _done(self._file.managed_retrieve())
        except Exception as error:  # of Snakemake, of the plugin, of what the plugin is made of
            what = f"cannot be read ({_in_a_line(error)})"
            raise UserError(f"{self._address}: {what}; see that the storage is reached") from None
        return True

    def send(self, path: Path) -> bool:
        """Replace the file in the storage; return whether it arrived.

        Where it did not, that is told: the next one may.
        """
        self._file.set_local_path(path)
        try:
            _done(self._file.managed_store())
        except Exception as error:
            logger.warning("%s: could not be written (%s)", self._address, _in_a_line(error))
            return False
        return True

    def remove(self) -> None:
        """Remove the file from the storage, if there is one; where that fails, say so."""
        try:
            if _done(self._file.managed_exists()):
                _done(self._file.managed_remove())
        except Exception as error:
            logger.warning("%s: could not be removed (%s)", self._address, _in_a_line(error))


def _file_in(name: str, address: str, scratch: Path) -> Any:
    """Return the plugin's own object of a file."""
    # Takes a second, and whoever has a shared disk does not need it.
    from snakemake_interface_storage_plugins.registry import StoragePluginRegistry

    try:
        plugin = StoragePluginRegistry().get_plugin(name)
        provider = plugin.storage_provider(
            local_prefix=scratch, logger=logger, settings=_settings(plugin)
        )
        valid = provider.is_valid_query(address)
    except Exception as error:
        what = f"cannot be used ({_in_a_line(error)})"
        raise UserError(f"--storage {name}: {what}; install its plugin of Snakemake") from None
    if not valid:
        raise UserError(f"{address}: no address in --storage {name} ({valid.reason}); correct it")
    return provider.object(address)


def _settings(plugin: Any) -> Any:
    """Return a plugin's settings from the variables of the environment that are named for them."""
    if plugin.settings_cls is None:
        return None
    given = {}
    for field in fields(plugin.settings_cls):
        if text := os.environ.get(plugin.get_envvar(field.name)):
            given[field.name] = _typed(field, text)
    return plugin.settings_cls(**given)


def _typed(field: Field[Any], text: str) -> Any:
    """Return a setting's value, as Snakemake makes it of an option."""
    if field.type is bool:
        return text == str(True)
    return (field.metadata.get("parse_func") or field.metadata.get("type") or str)(text)


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
