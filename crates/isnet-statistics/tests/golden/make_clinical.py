"""Makes clinical.json: what statsmodels, SciPy and plain formulas say about what a clinical journal asks for.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0
    venv/bin/python make_clinical.py
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
import statsmodels
from statsmodels.stats.proportion import proportion_confint

PROPORTIONS = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (8, 10), (37, 40), (250, 1000), (3, 20000), (51234, 100000), (999990, 1000000)]


def proportions():
    """[k, n, confidence, Wilson, Clopper–Pearson, Jeffreys]; statsmodels' Jeffreys is not cut at 0 and n: the test does it."""
    methods = ["wilson", "beta", "jeffreys"]
    bounds = lambda k, n, confidence, method: [float(bound) for bound in proportion_confint(k, n, 1 - confidence, method)]
    return [[k, n, c, *[bounds(k, n, c, method) for method in methods]] for k, n in PROPORTIONS for c in [0.8, 0.95, 0.99]]


def main():
    found = {
        "versions": {lib.__name__: lib.__version__ for lib in [np, scipy, sklearn, statsmodels]},
        "proportions": proportions(),
    }
    path = pathlib.Path(__file__).with_name("clinical.json")
    path.write_text(json.dumps(found, indent=None, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"') + "\n")


main()
