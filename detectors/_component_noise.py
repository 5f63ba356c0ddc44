"""What is normal for one component of a column? The numbers that `_learning` fits and `_noise` scores by.

This and what a judgement makes by the thousand are structs of msgspec, made ten times as fast as a frozen
dataclass and passed over by the garbage collector: nothing in them can refer back to them.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from detectors._ewma import Spread
from detectors._records import Records


class ComponentNoise(Struct, frozen=True, kw_only=True, gc=False):
    """What is normal for one component: learnt once, then only read."""

    share: bool  # the component is a share of rows: y·n is a count
    upward: bool = False  # only a rise is a change (unseen, out of range, stuck)
    counted: bool = False  # zero in the reference by construction: the binomial law alone, no guard
    slot: str = "none"
    means: Mapping[int, float]  # μ by slot code
    cycles: Mapping[int, int]  # windows behind each μ
    mean: float  # μ of a slot never seen
    slot_variance: float = 0.0  # variance of a slot never seen around `mean`
    floor: float = 0.0  # smallest believable share: (0 + ½) / (N + 1)
    sigma2: float  # variance of one row
    tau2: float = 0.0  # variance between windows
    scale_up: float = 1.0
    scale_down: float = 1.0
    nu_up: float = 1e9
    nu_down: float = 1e9
    rho: float = 0.0  # correlation of neighbouring windows
    memory: float = 1.0  # windows that carry the information of one independent window, ≥ 1
    long_memory: float = 1.0  # the same for sums over weeks, where that is more
    windows: int = 0  # R
    ewma_variance: float = 1.0
    ewma_nu: float = 1e9  # independent windows behind it
    sum_variances: tuple[float, ...] = (1.0, 1.0, 1.0)  # of the last two, three and four windows
    sum_nu: float = 1e9
    z_record: Records = field(default_factory=Records)
    ewma_record: Records = field(default_factory=Records)
    offset: float = 0.0  # learnt from production: mean there − mean of the file, not part of μ

    @property
    def nu(self) -> float:
        """Of the wilder side."""
        return min(self.nu_up, self.nu_down)

    @property
    def spread(self) -> Spread:
        """Of the running mean and the sums of z."""
        return Spread(
            variance=self.ewma_variance, nu=self.ewma_nu, sums=self.sum_variances, sums_nu=self.sum_nu
        )
