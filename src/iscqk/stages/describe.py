"""Describe any images with a model, to match others against them.

Writes HDF5: `ids`, `vectors` (n, D) float32, `paths` (absolute), `sha256`, `flat` (of one colour),
`sizes`, `modified`, `changed`, `inodes`. Where the file is there already, or the command was
stopped, only new and changed images are described; what another model has made, or is of other
images alone, is not written over. Images that cannot be read are left out. Of more than 65,536
images the file is a list of such files (`shards`), which lie in a folder beside it; there, too, is
what is known of images whose whole folder is away.
"""

import argparse

from iscqk.errors import UserError
from iscqk.formats.model_files import ROLES
from iscqk.formats.printable_names import printable
from iscqk.matching.cache import check_place, is_new
from iscqk.matching.inputs import find_inputs
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import print_line
from iscqk.runtime.options import output_file
from iscqk.runtime.wording import counted
from iscqk.stages.shared.own_image_options import add_exclude, add_model, add_threads
from iscqk.stages.shared.own_images import loaded_model

EXAMPLE = "iscqk describe photos --output photos.h5"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's options."""
    parser.add_argument("images", nargs="+", metavar="IMAGES", help="files and folders")
    add_exclude(parser)
    add_model(parser)
    parser.add_argument(
        "--side", choices=ROLES, default="references", help="what they are (default: references)"
    )
    parser.add_argument("--output", type=output_file, required=True, metavar="H5")
    add_threads(parser)


def run(arguments: argparse.Namespace) -> None:
    """Write the descriptors."""
    check_place(arguments.output)
    inputs = find_inputs(arguments.images, arguments.exclude)
    if inputs.described:
        name = printable(inputs.described[0])
        raise UserError(f"{name}: described already; name images and folders")
    new = inputs.images if is_new(arguments.output) else []
    model = loaded_model(arguments, new)
    with importing():
        from iscqk.matching.aside import NONE_THERE
        from iscqk.matching.describing import describe_files, warn_of_flat
        from iscqk.matching.views import View

    view = View(arguments.side)
    found = describe_files(
        model, view, inputs.images, arguments.output, arguments.threads, NONE_THERE
    )
    warn_of_flat(found)
    count, dimensions = found.vectors.shape
    what = f"{counted(count, 'image')} in {dimensions} dimensions"
    print_line(f"{printable(arguments.output)}: {what}")
