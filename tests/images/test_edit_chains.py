"""Pools refuse what cannot be drawn from; a copy is a pure function of its key."""

import hashlib
import io
import json
import random

import numpy as np
import pytest
from blurred_noise import another, picture
from PIL import Image

from iscqk.errors import UserError
from iscqk.images import augly_edits
from iscqk.images.edit_chains import EditPool, encode_jpeg, make_copy
from iscqk.images.edits import EDIT_NAMES
from iscqk.images.squares import is_flat
from iscqk.settings.edits import Pool

CONFIG = {"names": ["blur", "crop", "hflip", "pad"], "strength": [0.0, 0.6], "length": [1, 3]}
EVERYTHING = EditPool(EDIT_NAMES, (0.0, 1.0), (2, 4))


def copy(key, pool=EVERYTHING, image=None):
    return make_copy(image or picture(), pool, key, another)


def pool_of(config):
    return EditPool(**Pool.parse(config).values())


def test_the_configuration_becomes_a_pool():
    pool = pool_of({**CONFIG, "required": ["skew"]})
    assert pool == EditPool(("blur", "crop", "hflip", "pad"), (0.0, 0.6), (1, 3), ("skew",))
    assert pool_of(CONFIG).required == ()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"names": ["blur", "crop", "hflipp"]}, r"unknown edit 'hflipp'.*hflip"),
        ({"names": ["qqqq", "blur", "crop"]}, r"unknown edit 'qqqq': known: apply_lambda"),
        ({"names": ["blur", "crop", "crop"]}, r"names: .*'crop', 'crop'\] has non-unique elements"),
        ({"names": []}, r"names: \[\] should be non-empty"),
        ({"names": "blur"}, "names: 'blur' is not of type 'array'"),
        ({"names": [1, "blur", "crop"]}, "names.0: 1 is not of type 'string'"),
        ({"required": ["skw"]}, r"unknown edit 'skw'.*skew"),
        ({"required": ["skew", "skew"]}, "required: .* has non-unique elements"),
        ({"required": None}, "required: None is not of type 'array'"),
        ({"strength": [-0.1, 0.5]}, "strength.0: -0.1 is less than the minimum of 0"),
        ({"strength": [0.1, 1.5]}, "strength.1: 1.5 is greater than the maximum of 1"),
        ({"strength": [0.6, 0.5]}, "need 0 <= low <= high <= 1"),
        ({"strength": [0.0, float("nan")]}, "strength: nan is no number"),
        ({"strength": 0.5}, "strength: 0.5 is not of type 'array'"),
        ({"strength": [0.1, 0.2, 0.3]}, r"strength: 3 values, and at most 2 can be"),
        ({"strength": ["a", 0.5]}, "strength.0: 'a' is not of type 'number'"),
        ({"length": [0, 2]}, "length.0: 0 is less than the minimum of 1"),
        ({"length": [3, 2]}, "need 1 <= low <= high"),
        ({"length": [1, 5]}, "edits do not repeat, and there are 4 names"),
        ({"length": [1.5, 2]}, "length.0: 1.5 is not of type 'integer'"),
        ({"length": [True, 2]}, "length.0: True is not of type 'integer'"),
        ({"weights": {"blurr": 2}}, "a weight for blurr, which is not among the names"),
        ({"weights": {"blur": 0}}, "weights.blur: 0 is less than or equal to the minimum of 0"),
        ({"weights": ["blur"]}, "weights: .* is no section; write keys and values below it"),
        ({"lenght": [1, 2]}, "lenght: unknown key; did you mean length"),
    ],
)
def test_impossible_pools_are_refused(change, complaint):
    with pytest.raises(UserError, match=complaint):
        pool_of({**CONFIG, **change})


@pytest.mark.parametrize(
    ("pool", "complaint"),
    [
        ((("blur", "crop", "crop"), (0, 1), (1, 2)), "a name is there twice: blur, crop, crop"),
        ((("blur",), (0, 1), (1, 1), ("skew", "skew")), "a name is there twice: skew, skew"),
        (((), (0, 1), (1, 1)), "there are 0 names"),
        ((("blur",), (-0.1, 0.5), (1, 1)), r"strength \(-0.1, 0.5\)"),
        ((("blur",), (0.1, 1.5), (1, 1)), r"strength \(0.1, 1.5\)"),
        ((("blur",), (0.0, float("nan")), (1, 1)), "need 0 <= low <= high <= 1"),
        ((("blur",), (0, 1), (0, 1)), "need 1 <= low <= high"),
    ],
)
def test_impossible_pools_are_refused_whoever_makes_them(pool, complaint):
    with pytest.raises(UserError, match=complaint):
        EditPool(*pool)


@pytest.mark.parametrize("key", ["names", "strength", "length"])
def test_missing_keys_are_named(key):
    with pytest.raises(UserError, match=f"'{key}' is a required property"):
        pool_of({k: v for k, v in CONFIG.items() if k != key})


def test_every_length_and_name_is_drawn():
    pool = EditPool(("blur", "crop", "hflip", "pad"), (0.1, 0.2), (1, 4))
    chains = [[edit["name"] for edit in copy((i,), pool)[1]] for i in range(80)]
    assert {len(chain) for chain in chains} == {1, 2, 3, 4}
    assert {chain[0] for chain in chains} == set(pool.names)
    assert all(len(set(chain)) == len(chain) for chain in chains)


def test_an_edit_is_drawn_as_often_as_it_weighs():
    pool = pool_of({**CONFIG, "length": [1, 1], "weights": {"hflip": 5, "pad": 2}})
    drawn = [copy((i,), pool)[1][0]["name"] for i in range(900)]
    assert all(
        abs(drawn.count(n) - 100 * w) < 60 for n, w in (("hflip", 5), ("pad", 2), ("crop", 1))
    )


def test_weights_that_are_alike_change_the_shares_of_none():
    pool = pool_of({**CONFIG, "length": [1, 1], "weights": dict.fromkeys(CONFIG["names"], 3)})
    drawn = [copy((i,), pool)[1][0]["name"] for i in range(400)]
    assert all(abs(drawn.count(name) - 100) < 40 for name in CONFIG["names"])


def test_a_required_edit_is_in_every_chain_at_any_place():
    inside = EditPool(("blur", "crop", "hflip"), (0, 1), (3, 3), ("crop",))
    outside = EditPool(("blur", "crop", "hflip"), (0, 1), (3, 3), ("skew", "vflip"))
    alone = EditPool(("crop",), (0, 1), (1, 1), ("crop",))
    assert [edit["name"] for edit in copy((0,), alone)[1]] == ["crop"]
    for pool in (inside, outside):
        chains = [[edit["name"] for edit in copy((i,), pool)[1]] for i in range(40)]
        assert all(set(chain) & set(pool.required) and len(set(chain)) == 3 for chain in chains)
        assert {i for c in chains for i in range(3) if c[i] in pool.required} == {0, 1, 2}


def test_records_are_json_and_keep_to_the_strengths():
    pool = EditPool(EDIT_NAMES, (0.25, 0.5), (5, 5))
    for number in range(20):
        edits = copy(("r", number), pool)[1]
        assert json.loads(json.dumps(edits)) == edits
        assert all(set(edit) == {"name", "strength", "parameters"} for edit in edits)
        assert all(0.25 <= edit["strength"] <= 0.5 for edit in edits)


def test_the_same_key_gives_the_same_copy_whatever_happened_before():
    first = [copy((7, "round1", i)) for i in range(12)]
    random.seed(3)
    np.random.seed(3)
    state, numpy_state = random.getstate(), np.random.get_state()[1].tolist()
    for i in reversed(range(12)):
        image, edits = copy((7, "round1", i))
        assert image.tobytes() == first[i][0].tobytes() and edits == first[i][1]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == (state, numpy_state)


def test_augly_s_edits_are_drawn_as_they_always_were():
    """Runs that are half done, and figures that were published, rest on it."""
    pool = EditPool(tuple(sorted(augly_edits.EDITS)), (0.0, 1.0), (2, 4))
    chains = json.dumps([copy((number,), pool)[1] for number in range(200)])
    assert hashlib.sha256(chains.encode()).hexdigest().startswith("85db12651e7b7f06")


def test_an_edit_that_would_leave_one_colour_is_passed_over():
    dotted = Image.new("RGB", (72, 54), "white")
    dotted.paste("black", (0, 0, 9, 9))
    for pool in (EditPool(("crop",), (1, 1), (1, 1)), EditPool(("crop", "hflip"), (1, 1), (2, 2))):
        copies = [copy((number,), pool, dotted) for number in range(40)]
        assert not any(is_flat(image) or image is dotted for image, _ in copies)
        whole = pool.length[0]
        assert {len(edits) for _, edits in copies} == {whole - 1, whole}
        assert len(copy((0,), pool, Image.new("RGB", (72, 54)))[1]) == whole


def test_keys_that_look_alike_are_different_keys():
    pool = EditPool(("random_noise",), (0.5, 0.5), (1, 1))
    keys = [(1, "2"), ("1", 2), (12,), ("12",), ("1", "2"), (1, 2), ("1, 2",), (2, 1), (1, 2, 0)]
    assert len({copy(key, pool)[0].tobytes() for key in keys}) == len(keys)


@pytest.mark.parametrize("part", [1.0, True, None, np.int64(1), ("a",)])
def test_keys_of_other_types_are_a_bug(part):
    with pytest.raises(TypeError, match="made of int and str"):
        copy((0, part))


def test_the_image_is_left_as_it_was():
    image = picture()
    before = image.tobytes()
    for number in range(20):
        copied = copy((number,), image=image)[0]
        assert copied is not image and image.tobytes() == before and image.size == (72, 54)


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (9, 900), (900, 9), (40, 300)])
def test_long_chains_survive_odd_shapes(size):
    pool = EditPool(EDIT_NAMES, (0.0, 1.0), (6, 6))
    for number in range(12):
        image = copy((number,), pool, picture(size))[0]
        assert image.mode == "RGB" and min(image.size) >= 8


def test_jpeg_bytes_depend_on_the_pixels_only():
    image = picture()
    commented = image.copy()
    commented.info = {"comment": b"secret", "dpi": (300, 300)}
    jpeg = encode_jpeg(image)
    assert encode_jpeg(commented) == jpeg == encode_jpeg(image)
    assert commented.info["comment"] == b"secret"
    decoded = Image.open(io.BytesIO(jpeg))
    assert decoded.format == "JPEG" and decoded.size == image.size and decoded.mode == "RGB"
    assert len(encode_jpeg(image, quality=20)) < len(jpeg)


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_impossible_qualities_are_refused(quality):
    with pytest.raises(UserError, match=f"JPEG quality must be in 1..100, not {quality}"):
        encode_jpeg(picture(), quality)
