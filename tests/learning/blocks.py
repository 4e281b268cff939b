"""In blocks of how many rows losses take a bank."""

from iscqk.learning import attention, bank_loss, live_head, soft_targets

SIZES = (7, 64, 100_000)


def take_blocks_of(rows: int, monkeypatch) -> None:
    for module in (attention, bank_loss, live_head, soft_targets):
        monkeypatch.setattr(module, "BLOCK", rows)
