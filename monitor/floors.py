"""From which size on is a change of this component worth a word, in its own unit?"""

from math import atanh, tanh

from detectors._component_noise import ComponentNoise
from monitor.policy import DATA_QUALITY, PAIR, JudgePolicy, is_smooth

_NEAR_ONE = 0.999  # atanh of a correlation of 1 is infinite; two columns this close are one
_WORDS = {
    "accuracy": "accuracy",
    "agreement": "accuracy",
    "mae": "accuracy",  # a share of the reference MAE: 1 % counts as a point, as it does for harm
    "bias": "calibration",
    "brier": "calibration",
    "rows": "rows",
    "errors": "errors",
}
_OF_SCORES = (
    "score",
    "confidence",
    "distance",
    "difference",
)  # differences of probabilities, or in sd of the score


def floor_of(
    policy: JudgePolicy, column: str, component: str, noise: ComponentNoise, slot: int, y: float
) -> float:
    """Least |y − μ|; of a correlation, what moves r by its floor on the side of y."""
    word = floor_word(component)
    floor = policy.floor(column, word)
    if word == "correlation":
        mu = noise.means.get(slot, noise.mean)
        moved = tanh(mu) + (floor if y >= mu else -floor)
        return abs(atanh(min(_NEAR_ONE, max(-_NEAR_ONE, moved))) - mu)
    if word == "calibration" and policy.regression and component != "brier":
        return policy.floor(column, "sd")  # biases come in sd of the errors, differences in sd of the score
    return floor


def floor_word(component: str) -> str:
    """The word of the config under which a component's floor is set. Names of components never clash: those
    of a category are `level:…`."""
    if component in DATA_QUALITY:
        return component
    if is_smooth(component):
        return "sd"
    if component.startswith(PAIR):
        return "correlation"
    of_scores = component.partition(":")[0] in _OF_SCORES  # of several classes: "score:<label>"
    return _WORDS.get(component, "calibration" if of_scores else "share")
