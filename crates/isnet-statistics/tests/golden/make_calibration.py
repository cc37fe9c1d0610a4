"""Makes calibration.json with statsmodels 0.15.0, SciPy 1.17.1 and NumPy 2.4: run it in this folder.

Samples are made by one formula here and in tests/calibration.rs: image i of 240, four of each patient; a hash decides.
"""

import json

import numpy as np
import scipy
import statsmodels.api as sm
from scipy.optimize import minimize_scalar
from scipy.stats import norm


def unit(*key):
    """Three rounds of splitmix64, as isnet_testkit's: in [0, 1)."""
    state = 0
    for part in key:
        state = (state ^ part) & (2**64 - 1)
        state = (state + 0x9E3779B97F4A7C15) & (2**64 - 1)
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
        state = z ^ (z >> 31)
    return (state >> 11) / 2**53


N = 240
p = np.array([0.02 + 0.96 * unit(1, i) for i in range(N)])
y = np.array([1.0 if unit(2, i) < 0.8 * p[i] ** 1.5 + 0.1 * unit(3, i // 4) else 0.0 for i in range(N)])
group = np.arange(N) // 4
logit = np.log(p / (1 - p))


def both(exog, offset=None):
    model = sm.GLM(y, exog, family=sm.families.Binomial(), offset=offset)
    plain = model.fit(tol=1e-14)
    # The sandwich with G/(G-1) alone; statsmodels' own correction has (N-1)/(N-K) too.
    robust = model.fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": group, "use_correction": False})
    g = N / 4
    return {
        "value": plain.params[0],
        "error": plain.bse[0],
        "error_in_groups": robust.bse[0] * np.sqrt(g / (g - 1)),
    }


def spiegelhalter():
    score = (y - p) * (1 - 2 * p)
    z = score.sum() / np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    of_group = np.array([score[group == g].sum() for g in range(N // 4)])
    g = N / 4
    return {"z": z, "p": 2 * norm.sf(abs(z)), "z_in_groups": score.sum() / np.sqrt(g / (g - 1) * (of_group**2).sum())}


def debiased():
    order = np.argsort(p, kind="stable")
    bins = min(N // 20, 15)
    total = 0.0
    for b in range(bins):
        rows = order[b * N // bins : (b + 1) * N // bins]
        r = y[rows] - p[rows]
        total += len(rows) / N * (r.mean() ** 2 - r.var(ddof=1) / len(rows))
    return np.sqrt(max(total, 0.0))


def temperature():
    def loss(log_t):
        eta = logit / np.exp(log_t)
        return np.logaddexp(0, eta).sum() - (y * eta).sum()

    return np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-12}).x)


def platt():
    n1, n0 = y.sum(), (1 - y).sum()
    target = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    fit = sm.GLM(target, np.column_stack([logit, np.ones(N)]), family=sm.families.Binomial()).fit(tol=1e-14)
    return list(fit.params)


def spline():
    knots = np.quantile(logit, [0.1, 0.5, 0.9])
    cube = lambda x, k: np.maximum(x - k, 0) ** 3
    bent = lambda x: (
        cube(x, knots[0])
        - cube(x, knots[1]) * (knots[2] - knots[0]) / (knots[2] - knots[1])
        + cube(x, knots[2]) * (knots[1] - knots[0]) / (knots[2] - knots[1])
    ) / (knots[2] - knots[0]) ** 2
    basis = lambda x: np.column_stack([x, bent(x), np.ones(len(x))])
    fit = sm.GLM(y, basis(logit), family=sm.families.Binomial()).fit(tol=1e-14)
    ends = [1 / (1 + np.exp(-np.quantile(logit, q))) for q in (0.01, 0.99)]
    at = np.linspace(ends[0], ends[1], 51)[[0, 25, 50]]
    found = fit.get_prediction(basis(np.log(at / (1 - at)))).summary_frame(alpha=0.05)
    distance = np.abs(fit.predict(basis(logit)) - p)
    return {
        "at": list(at),
        "share": list(found["mean"]),
        "low": list(found["mean_ci_lower"]),
        "high": list(found["mean_ci_upper"]),
        "mean_distance": distance.mean(),
        "distance_of_90": np.quantile(distance, 0.9),
    }


golden = {
    "first": [p[0], p[239], y.sum()],
    "intercept": both(np.ones((N, 1)), offset=logit),
    "slope": both(np.column_stack([logit, np.ones(N)])),
    "spiegelhalter": spiegelhalter(),
    "debiased_error": debiased(),
    "temperature": temperature(),
    "platt": platt(),
    "curve": spline(),
    "made_with": f"statsmodels {sm.__version__ if hasattr(sm, '__version__') else __import__('statsmodels').__version__}, SciPy {scipy.__version__}",
}
with open("calibration.json", "w") as file:
    json.dump(golden, file, indent=1)
    file.write("\n")
