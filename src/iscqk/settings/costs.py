"""`costs`: what a run of another size is estimated with."""

from dataclasses import dataclass
from typing import Annotated

from iscqk.schema.kinds import Name, Positive, within
from iscqk.schema.section import Section, key

_Dollars = Annotated[float, within(0)]


@dataclass(frozen=True, kw_only=True)
class Costs(Section):
    """What `iscqk plan` estimates with: prices in dollars, and what no run tells it."""

    dated: Name = key("2025", "of the prices, such as large clouds list them without a contract")
    machine_hour: _Dollars = key(0.1, "an hour of a machine like the one that was measured")
    times_as_fast: Positive = key(
        1.0, "speed of the machine that is planned for, relative to the one that was measured"
    )
    gpu_hour: _Dollars = key(4.0, "an hour of a GPU")
    gpu_teraflops: Positive = key(50, "that it sustains: operations a second, in 10^12")
    terabyte_month: _Dollars = key(23, "a terabyte stored for a month")
    image_kilobytes: Positive = key(167, "an image's file; DISC21's 2.1 million are 350 GB")
    reading_times: Positive = key(
        1.0, "times as long as one of the measured run's images takes one of these to be read"
    )
