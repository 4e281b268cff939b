"""Folders of your own."""

from iscqk.images.dataset_interface import (
    NAMED,
    Source,
    existing_file,
    existing_folders,
    find_named,
    named_lists,
)

SOURCE = Source(
    "your own",
    lambda dataset: find_named(dataset, existing_folders, existing_file, named_lists(dataset)),
    watched=True,
    takes=NAMED,
)
