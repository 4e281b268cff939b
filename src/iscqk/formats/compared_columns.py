"""Columns of a comparison's table, after that of the labels, which is called as what they are.

Not in `formats.results`, from which images are made: one more column makes none of them anew.
"""

COLUMNS = (
    *("phase", "micro_ap", "micro_ap_std", "recall_at_p90"),
    *("images_seen", "train_seconds", "peak_mb"),
    *("seeds", "recall_at_p90_std", "micro_ap_low", "micro_ap_high"),
    *("best_other", "difference", "difference_low", "difference_high", "settings"),
)
