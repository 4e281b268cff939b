"""How the arguments of AugLy's overlays are sampled; see `edit_parameters`."""

import string

from PIL import Image, ImageDraw

from iscqk.images.augly_adapter import emoji_names, letter_indices
from iscqk.images.parameter_sampler import Parameters, ParameterSampler

FONTS = (  # Latin ones of different character out of AugLy's 364
    "Chunkfive.ttf",
    "IBMPlexMono-Bold.ttf",
    "Impact.ttf",
    "Lobster_1.3.ttf",
    "OpenSans-Regular.ttf",
    "Pacifico.ttf",
    "PlayfairDisplay-Black.ttf",
    "Ubuntu-B.ttf",
)


def masked_composite(sampler: ParameterSampler) -> Parameters:
    """Another image, seen through a hole."""
    extent = sampler.at_strength(0.15, 0.65)
    place = sampler.place(extent, extent)
    x, y = place["x_pos"], place["y_pos"]
    box = [x, y, round(x + extent, 4), round(y + extent, 4)]
    shape = sampler.choice(("ellipse", "rectangle"))
    return {"mask": {"shape": shape, "box": box}, "transform_function": "another_image"}


def masked_composite_objects(sampler: ParameterSampler, parameters: Parameters) -> Parameters:
    """The mask, white where the other image is to be seen, and that image for a function."""
    width, height = sampler.size
    x1, y1, x2, y2 = parameters["mask"]["box"]
    mask = Image.new("L", sampler.size)
    paint = getattr(ImageDraw.Draw(mask), parameters["mask"]["shape"])
    paint((x1 * width, y1 * height, x2 * width, y2 * height), fill=255)
    another_image = sampler.another_image()
    return {"mask": mask, "transform_function": lambda image: another_image}


def meme_format(sampler: ParameterSampler) -> Parameters:
    """A caption above the image. Its least height leaves room for AugLy's search of a font size."""
    return {
        "text": "".join(
            sampler.choice(string.ascii_letters) for _ in range(sampler.choice(range(3, 11)))
        ),
        "font_file": sampler.choice(FONTS),
        "caption_height": max(40, round(sampler.size[1] * sampler.at_strength(0.12, 0.5))),
        "text_color": sampler.colour(),
        "meme_bg_color": sampler.choice(((255, 255, 255), (0, 0, 0), sampler.colour())),
    }


def overlay_emoji(sampler: ParameterSampler) -> Parameters:
    """A Twemoji, which is square, up to 0.7 of the shorter side."""
    width, height = sampler.size
    side = sampler.at_strength(0.1, 0.7) * min(sampler.size)
    return {
        "emoji_path": sampler.choice(emoji_names()),
        "emoji_size": round(side / height, 4),
        "opacity": sampler.uniform(0.6, 1.0),
        **sampler.place(side / width, side / height),
    }


def overlay_image(sampler: ParameterSampler) -> Parameters:
    """Another image over this one, up to 0.65 of its sides; the least is a pixel in width."""
    width, height = sampler.size
    extent = sampler.at_strength(max(0.15, 1 / width + 1 / height + 0.001), 0.65)
    return {
        "overlay_size": extent,
        "opacity": sampler.uniform(0.6, 1.0),
        **sampler.place(extent, extent),
    }


def overlay_onto_background_image(sampler: ParameterSampler) -> Parameters:
    """This image over another one, down to 0.35 of its sides."""
    extent = sampler.at_strength(0.92, 0.35)
    return {"overlay_size": extent, "opacity": 1.0, **sampler.place(extent, extent)}


def overlay_onto_screenshot(sampler: ParameterSampler) -> Parameters:
    """A web page or a telephone, of which the image fills a third at most: severe at any strength.

    Strength only takes away resolution, down to 100,000 pixels in all. Copies of up to 300 pixels a
    side have no more anyway, and to them it does nothing.
    """
    return {
        "template_filepath": sampler.choice(("mobile.png", "web.png")),
        "resize_src_to_match_template": False,
        "max_image_size_pixels": round(sampler.at_strength(500_000, 100_000)),
    }


def overlay_stripes(sampler: ParameterSampler) -> Parameters:
    """Parallel lines over up to half of the image."""
    return {
        "line_width": sampler.at_strength(0.05, 0.5),
        "line_angle": sampler.uniform(-90, 90),
        "line_density": sampler.uniform(0.5, 0.9),
        "line_type": sampler.choice(("dashed", "dotted", "solid")),
        "line_color": sampler.colour(),
        "line_opacity": sampler.uniform(0.7, 1.0),
    }


def overlay_text(sampler: ParameterSampler) -> Parameters:
    """Lines of random letters. AugLy wants them as numbers, and a font of at least one pixel."""
    font_file = sampler.choice(FONTS)
    letters = letter_indices(font_file)
    lines = round(sampler.at_strength(1, 4))
    return {
        "font_file": font_file,
        "font_size": max(sampler.at_strength(0.08, 0.25), round(4 / min(sampler.size), 4)),
        "color": sampler.colour(),
        **sampler.place(0.5, 0.5),
        "text": [[sampler.choice(letters) for _ in range(8)] for _ in range(lines)],
    }
