"""The documentation: `make docs` builds it into docs/_build; a warning is an error there."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import drawn  # noqa: E402
import generated  # noqa: E402

logging.getLogger("faiss").setLevel(logging.WARNING)  # it tells how it looks for AVX-512

project = "iscqk"
author = "the authors of iscqk"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["mermaid"]
html_math_renderer = "drawn"

html_theme = "furo"
html_title = "iscqk"
html_show_copyright = False
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_attr_annotations = False  # NumPy's spell out to what docutils takes for links


def setup(app):
    """Draw formulas and graphs; write the pages made of settings and commands before the rest."""
    drawn.add_to(app)
    app.connect("builder-inited", lambda app: generated.write(Path(app.srcdir) / "reference"))
