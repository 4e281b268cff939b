"""How the arguments of AugLy's overlays are drawn; see `recipes`."""

import string

from PIL import Image, ImageDraw

from iscqk.images.augly_adapter import emoji_names, letter_indices
from iscqk.images.draws import Draw, Parameters

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


def masked_composite(draw: Draw) -> Parameters:
    """Another image, seen through a hole."""
    extent = draw.at_strength(0.15, 0.65)
    place = draw.place(extent, extent)
    x, y = place["x_pos"], place["y_pos"]
    box = [x, y, round(x + extent, 4), round(y + extent, 4)]
    shape = draw.choice(("ellipse", "rectangle"))
    return {"mask": {"shape": shape, "box": box}, "transform_function": "another_image"}


def masked_composite_objects(draw: Draw, parameters: Parameters) -> Parameters:
    """The mask, white where the other image is to be seen, and that image for a function."""
    width, height = draw.size
    x1, y1, x2, y2 = parameters["mask"]["box"]
    mask = Image.new("L", draw.size)
    paint = getattr(ImageDraw.Draw(mask), parameters["mask"]["shape"])
    paint((x1 * width, y1 * height, x2 * width, y2 * height), fill=255)
    another_image = draw.another_image()
    return {"mask": mask, "transform_function": lambda image: another_image}


def meme_format(draw: Draw) -> Parameters:
    """A caption above the image. Its least height leaves room for AugLy's search of a font size."""
    return {
        "text": "".join(
            draw.choice(string.ascii_letters) for _ in range(draw.choice(range(3, 11)))
        ),
        "font_file": draw.choice(FONTS),
        "caption_height": max(40, round(draw.size[1] * draw.at_strength(0.12, 0.5))),
        "text_color": draw.colour(),
        "meme_bg_color": draw.choice(((255, 255, 255), (0, 0, 0), draw.colour())),
    }


def overlay_emoji(draw: Draw) -> Parameters:
    """A Twemoji, which is square, up to 0.7 of the shorter side."""
    width, height = draw.size
    side = draw.at_strength(0.1, 0.7) * min(draw.size)
    return {
        "emoji_path": draw.choice(emoji_names()),
        "emoji_size": round(side / height, 4),
        "opacity": draw.uniform(0.6, 1.0),
        **draw.place(side / width, side / height),
    }


def overlay_image(draw: Draw) -> Parameters:
    """Another image over this one, up to 0.65 of its sides; the least is a pixel in width."""
    width, height = draw.size
    extent = draw.at_strength(max(0.15, 1 / width + 1 / height + 0.001), 0.65)
    return {
        "overlay_size": extent,
        "opacity": draw.uniform(0.6, 1.0),
        **draw.place(extent, extent),
    }


def overlay_onto_background_image(draw: Draw) -> Parameters:
    """This image over another one, down to 0.35 of its sides."""
    extent = draw.at_strength(0.92, 0.35)
    return {"overlay_size": extent, "opacity": 1.0, **draw.place(extent, extent)}


def overlay_onto_screenshot(draw: Draw) -> Parameters:
    """A web page or a telephone around the image; strength takes away resolution."""
    return {
        "template_filepath": draw.choice(("mobile.png", "web.png")),
        "resize_src_to_match_template": False,
        "max_image_size_pixels": round(draw.at_strength(500_000, 100_000)),
    }


def overlay_stripes(draw: Draw) -> Parameters:
    """Parallel lines over up to half of the image."""
    return {
        "line_width": draw.at_strength(0.05, 0.5),
        "line_angle": draw.uniform(-90, 90),
        "line_density": draw.uniform(0.5, 0.9),
        "line_type": draw.choice(("dashed", "dotted", "solid")),
        "line_color": draw.colour(),
        "line_opacity": draw.uniform(0.7, 1.0),
    }


def overlay_text(draw: Draw) -> Parameters:
    """Lines of random letters. AugLy wants them as numbers, and a font of at least one pixel."""
    font_file = draw.choice(FONTS)
    letters = letter_indices(font_file)
    lines = round(draw.at_strength(1, 4))
    return {
        "font_file": font_file,
        "font_size": max(draw.at_strength(0.08, 0.25), round(4 / min(draw.size), 4)),
        "color": draw.colour(),
        **draw.place(0.5, 0.5),
        "text": [[draw.choice(letters) for _ in range(8)] for _ in range(lines)],
    }
