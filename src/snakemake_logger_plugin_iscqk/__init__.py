"""Tell of a run in plain words: a line a job, bars in a terminal, how far it is by time.

profiles/default selects it. Where Snakemake is asked for more or less of its own account
(--verbose, --quiet, --printshellcmds, --debug-dag, --dry-run), it leaves the telling to Snakemake,
as it does where no workflow is run (--dag, --summary). Everything is in Snakemake's log file.

Snakemake imports every installed package named snakemake_logger_plugin_* before it reads its
command line, whichever it then selects: what is mended of Snakemake is mended as this is imported.
"""

import sys
from logging import LogRecord

from snakemake import cli
from snakemake.common import configfile
from snakemake_interface_logger_plugins.base import LogHandlerBase

from iscqk.runtime.cores import cores
from iscqk.runtime.open_files import open_closed_streams
from iscqk.terminal.account import Account
from iscqk.terminal.screen import screen_for
from snakemake_logger_plugin_iscqk.bare_cores import complete
from snakemake_logger_plugin_iscqk.plain_yaml import (
    name_user,
    read_plainly,
    refuse_no_cache,
    refuse_unreadable,
)


class LogHandler(LogHandlerBase):
    """Gives Snakemake's records to an account of the run.

    Attributes:
        account: None where Snakemake tells it itself.
    """

    account: Account | None = None

    def __post_init__(self) -> None:
        """Look at what Snakemake is asked for."""
        asked = self.common_settings
        own = asked.verbose or asked.quiet or asked.printshellcmds or asked.debug_dag
        if not own and not asked.dryrun:
            from snakemake.logging import ColorizingTextHandler, DefaultFormatter

            formatter = DefaultFormatter(asked.quiet, asked.show_failed_logs)
            written = ColorizingTextHandler(asked.nocolor, sys.stderr, formatter)
            self.account = Account(screen_for(sys.stderr), written.emit, asked.show_failed_logs)

    def emit(self, record: LogRecord) -> None:
        """Tell what a record is about."""
        try:
            if self.account:
                self.account.tell(record)
        except Exception:  # as every handler: no message ends the run
            self.handleError(record)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.account:
            self.account.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Whether Snakemake's own account is not wanted."""
        return self.account is not None

    @property
    def writes_to_file(self) -> bool:
        """No: Snakemake does."""
        return False

    @property
    def has_filter(self) -> bool:
        """No: it may have Snakemake's."""
        return False

    @property
    def has_formatter(self) -> bool:
        """No: it may have Snakemake's."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """No."""
        return False


if "snakemake" in sys.argv[0]:
    open_closed_streams()
    sys.argv[:] = complete(sys.argv)
    refuse_unreadable(sys.argv)
    refuse_no_cache()
    name_user()
    configfile._load_configfile = read_plainly
    cli.available_cpu_count = cores  # of `all`; Snakemake's own sees no container's limit
