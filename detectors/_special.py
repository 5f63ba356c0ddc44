"""scipy.special, without all of NumPy's tools.

SciPy takes every public name of NumPy as it loads, and NumPy loads what it is asked for: its test tools, a
compiler of Fortran, masked arrays: 0.12 s of every command. Every user of scipy.special takes it from here.
Beside other threads it is loaded as it comes: one of them may want what is not there for a moment.
"""

import sys

import numpy as np

_UNUSED = ("f2py", "ma", "testing")
_ABSENT = [name for name in _UNUSED if name not in vars(np) and len(sys._current_frames()) == 1]
for _name in _ABSENT:
    setattr(np, _name, None)
try:
    from scipy import special
finally:
    for _name in _ABSENT:
        if vars(np).get(_name, np) is None:  # else somebody has loaded it meanwhile
            delattr(np, _name)  # NumPy loads it when it is asked for

__all__ = ["special"]
