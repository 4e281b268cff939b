"""How the arguments of AugLy's functions are sampled, where it takes more than a line.

Each function is named after the one of AugLy it is for, and returns that one's arguments in values
that JSON can hold; `..._objects` puts the objects in the place of their names.
"""

import math

from PIL import Image, ImageChops, ImageFilter, ImageOps

from iscqk.images.parameter_sampler import Parameters, ParameterSampler

FILTERS = (  # from mild to severe
    ("SMOOTH", "DETAIL", "SHARPEN"),
    ("SMOOTH_MORE", "EDGE_ENHANCE", "MedianFilter", "UnsharpMask"),
    ("EDGE_ENHANCE_MORE", "MinFilter", "MaxFilter", "ModeFilter"),
    ("EMBOSS", "CONTOUR", "FIND_EDGES"),
)
FUNCTIONS = {
    "posterize": ImageOps.posterize,
    "solarize": ImageOps.solarize,
    "offset": ImageChops.offset,  # rolls the image around its borders
}


def pil_filter(sampler: ParameterSampler) -> Parameters:
    """One of Pillow's filters as they are: strength decides among which."""
    tier = min(int(sampler.strength * len(FILTERS)), len(FILTERS) - 1)
    return {"filter_type": sampler.choice(FILTERS[tier])}


def pil_filter_objects(sampler: ParameterSampler, parameters: Parameters) -> Parameters:
    """Pillow's filter class."""
    return {"filter_type": getattr(ImageFilter, parameters["filter_type"])}


def own_function(sampler: ParameterSampler) -> Parameters:
    """`apply_lambda`: what AugLy has no function for."""
    name = sampler.choice(sorted(FUNCTIONS))
    if name == "posterize":
        return {"aug_function": name, "bits": round(sampler.at_strength(6, 2))}
    if name == "solarize":
        return {"aug_function": name, "threshold": round(sampler.at_strength(250, 100))}
    width, height = sampler.size
    x, y = width * sampler.signed(0.02, 0.4), height * sampler.signed(0.02, 0.4)
    return {"aug_function": name, "xoffset": round(x), "yoffset": round(y)}


def own_function_objects(sampler: ParameterSampler, parameters: Parameters) -> Parameters:
    """The function of Pillow's."""
    return {"aug_function": FUNCTIONS[parameters["aug_function"]]}


def blur(sampler: ParameterSampler) -> Parameters:
    """A Gaussian, as wide as 3 % of the image."""
    return {"radius": sampler.at_strength(0.4, max(1.0, 0.03 * math.sqrt(math.prod(sampler.size))))}


def color_jitter(sampler: ParameterSampler) -> Parameters:
    """Three factors, each in a direction of its own."""
    names = ("brightness_factor", "contrast_factor", "saturation_factor")
    return {name: sampler.factor(0.4, 1.8) for name in names}


def convert_color(sampler: ParameterSampler) -> Parameters:
    """A few colours only, or the colours mixed towards an exchange of the channels."""
    if sampler.choice(("palette", "matrix")) == "palette":
        adaptive = int(Image.Palette.ADAPTIVE)
        return {"mode": "P", "palette": adaptive, "colors": round(sampler.at_strength(64, 5))}
    exchange = sampler.choice(((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)))
    amount = sampler.at_strength(0.05, 1.0)
    matrix = [0.0] * 12  # three rows: from red, from green, from blue, and a constant
    for row, column in enumerate(exchange):
        matrix[4 * row + row] += 1 - amount
        matrix[4 * row + column] += amount
    return {"mode": "RGB", "matrix": tuple(matrix)}


def clip_image_size(sampler: ParameterSampler) -> Parameters:
    """Fewer pixels, or more."""
    factor = sampler.factor(0.06, 2.0)
    bound = "max_resolution" if factor < 1 else "min_resolution"
    return {bound: round(factor * math.prod(sampler.size))}


def pixelization(sampler: ParameterSampler) -> Parameters:
    """Down to 20 pixels along the shorter side and up again."""
    severe = max(0.1, 20 / min(sampler.size))
    return {"ratio": sampler.at_strength(0.9, min(severe, 0.9))}


def change_aspect_ratio(sampler: ParameterSampler) -> Parameters:
    """AugLy's ratio is that of the result, so the image's own must enter."""
    width, height = sampler.size
    return {"ratio": round(width / height * sampler.factor(0.5, 2.0), 6)}


def crop(sampler: ParameterSampler) -> Parameters:
    """A box anywhere, of any shape; strength decides its area."""
    area = sampler.at_strength(0.97, 0.25)
    width = area ** sampler.uniform(0.3, 0.7)
    height = area / width
    x, y = sampler.uniform(0, 1 - width), sampler.uniform(0, 1 - height)
    return {
        "x1": x,
        "y1": y,
        "x2": min(1.0, round(x + width, 4)),
        "y2": min(1.0, round(y + height, 4)),
    }


def pad(sampler: ParameterSampler) -> Parameters:
    """A frame, up to half the image wide on each side."""
    width = round(sampler.at_strength(0.02, 0.5) * sampler.uniform(0.4, 1.0), 4)
    height = round(sampler.at_strength(0.02, 0.5) * sampler.uniform(0.4, 1.0), 4)
    return {"w_factor": width, "h_factor": height, "color": sampler.colour()}


def perspective_transform(sampler: ParameterSampler) -> Parameters:
    """Every corner moves by up to a tenth of the shorter side (one sigma)."""
    # AugLy raises when a strong warp leaves no inside to crop to; up to 5 % none can.
    crop_wanted = sampler.choice((False, True))
    return {
        "sigma": round(sampler.at_strength(0.005, 0.1) * min(sampler.size), 4),
        "seed": sampler.seed(),
        "crop_out_black_border": crop_wanted and sampler.strength <= 0.5,
    }


def resize(sampler: ParameterSampler) -> Parameters:
    """Each side by a factor of its own, with any of Pillow's interpolations."""
    width, height = (round(side * sampler.factor(0.4, 1.7)) for side in sampler.size)
    resample = int(sampler.choice(tuple(Image.Resampling)))
    return {"width": width, "height": height, "resample": resample}


def skew(sampler: ParameterSampler) -> Parameters:
    """A shear; the far borders move by up to 0.4 of the image, however thin it is."""
    axis = sampler.choice((0, 1))
    across, along = sampler.size if axis == 0 else sampler.size[::-1]
    return {
        "skew_factor": round(sampler.signed(0.03, 0.8) * min(1.0, across / along), 4),
        "axis": axis,
    }
