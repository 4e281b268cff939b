"""Templates filled in: the one place that knows how pages are written and escaped."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_template(template: str, **values: object) -> str:
    """Return a template of `reporting/templates` filled in."""
    return environment().get_template(template).render(values)


def environment() -> Environment:
    """Return where the templates are; whatever is no `Markup` is escaped."""
    return Environment(
        loader=PackageLoader("iscqk.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
