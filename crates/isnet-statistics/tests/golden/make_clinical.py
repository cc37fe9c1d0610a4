"""Makes clinical.json: what statsmodels, SciPy and plain formulas say about what a clinical journal asks for.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0
    venv/bin/python make_clinical.py
"""

import itertools
import json
import math
import pathlib

import numpy as np
import scipy
import sklearn
import statsmodels
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2
from statsmodels.stats.proportion import proportion_confint

PROPORTIONS = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (8, 10), (37, 40), (250, 1000), (3, 20000), (51234, 100000), (999990, 1000000)]


def proportions():
    """[k, n, confidence, Wilson, Clopper–Pearson, Jeffreys]; statsmodels' Jeffreys is not cut at 0 and n: the test does it."""
    methods = ["wilson", "beta", "jeffreys"]
    bounds = lambda k, n, confidence, method: [float(bound) for bound in proportion_confint(k, n, 1 - confidence, method)]
    return [[k, n, c, *[bounds(k, n, c, method) for method in methods]] for k, n in PROPORTIONS for c in [0.8, 0.95, 0.99]]


def logit(p):
    return np.log(p / (1 - p))


def expit(x):
    return 1 / (1 + np.exp(-x))


def tables():
    """[[TP, FN, FP, TN], LR+ and bounds, LR−…, odds ratio…, prevalence, PPV and bounds, NPV…]; ratios by statsmodels, predictive values
    by the formulas of Mercaldo et al. (8) to (11), with z²/2 in each cell if one is 0."""
    found = []
    for cells in [(90, 10, 20, 180), (7, 3, 1, 12), (20, 0, 3, 17), (15, 5, 0, 30)]:
        tp, fn, fp, tn = np.array(cells) + (0.5 if 0 in cells else 0.0)
        plus, minus = Table2x2([[tp, fn], [fp, tn]], shift_zeros=False), Table2x2([[fn, tp], [tn, fp]], shift_zeros=False)
        ratios = [[x, *ci] for x, ci in [
            (plus.riskratio, plus.riskratio_confint()), (minus.riskratio, minus.riskratio_confint()), (plus.oddsratio, plus.oddsratio_confint())
        ]]  # fmt: skip
        z, prevalence = stats.norm.ppf(0.975), 0.03
        tp, fn, fp, tn = np.array(cells) + (z * z / 2 if 0 in cells else 0.0)
        se, sp, n1, n0 = tp / (tp + fn), tn / (tn + fp), tp + fn, fp + tn
        ppv = logit(se * prevalence / (se * prevalence + (1 - sp) * (1 - prevalence)))
        npv = logit(sp * (1 - prevalence) / (sp * (1 - prevalence) + (1 - se) * prevalence))
        half = [z * np.sqrt((1 - se) / se / n1 + sp / (1 - sp) / n0), z * np.sqrt(se / (1 - se) / n1 + (1 - sp) / sp / n0)]
        values = [expit(np.array([v, v - h, v + h])).tolist() for v, h in zip([ppv, npv], half)]
        found.append([list(cells), *np.array(ratios, dtype=float).tolist(), prevalence, *values])
    return found


def unit(*address):
    """A number below 2**32 from an address of whole numbers, as in make_statistics.py."""
    state = 0
    for part in address:
        state = (state + part) & 0xFFFFFFFF
        for _ in range(2):
            state = ((state ^ (state >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
        state ^= state >> 16
    return state


def images(n):
    """Images of patients: three each, whether it is ill, and a probability of 41 steps that leans to the truth and to the patient."""
    i = range(n)
    patient = np.array([k // 3 for k in i])
    ill = np.array([unit(1, k // 3) % 5 < 2 if unit(2, k) % 4 else unit(3, k) % 2 == 0 for k in i])
    score = np.array([(unit(4, k) % 21 + unit(5, k // 3) % 13 + 8 * int(ill[k])) / 40 for k in i])
    return patient, ill, score


def grouped():
    """Of 150 images of 50 patients at threshold ½: variance of each share by a cluster-robust regression on a constant, and the interval of
    Wilson with the effective number; variances of the logarithms of LR+ and LR− by a cluster-robust Poisson regression (saturated, so the
    distribution does not matter), with min(G)/(min(G) − 1) and Student's t."""
    patient, ill, score = images(150)
    called = score >= 0.5
    shares = {"sensitivity": (called, ill), "specificity": (~called, ~ill), "ppv": (ill, called), "npv": (~ill, ~called), "accuracy": (called == ill, ill | True)}
    found = {}
    for name, (right, among) in shares.items():
        y, groups = right[among].astype(float), patient[among]
        fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": groups})
        p, g = y.mean(), len(set(groups))
        deff = max(1.0, fit.cov_params()[0][0] / (p * (1 - p) / len(y)))
        t, n = stats.t.ppf(0.975, g - 1), len(y) / deff
        low, high = proportion_confint(p * n, n, 2 * stats.norm.sf(t), "wilson")
        found[name] = [p, low, high, deff]
    g = min(len(set(patient[ill])), len(set(patient[~ill])))
    t = stats.t.ppf(0.975, g - 1)
    for name, y in {"positive_likelihood_ratio": called, "negative_likelihood_ratio": ~called}.items():
        model = sm.GLM(y.astype(float), np.column_stack([np.ones(150), ill]), family=sm.families.Poisson())
        fit = model.fit(tol=1e-14, cov_type="cluster", cov_kwds={"groups": patient, "use_correction": False})
        value, half = fit.params[1], t * np.sqrt(fit.cov_params()[1][1] * g / (g - 1))
        found[name] = [*np.exp([value, value - half, value + half])]
    return {name: [float(x) for x in values] for name, values in found.items()}


def decision():
    """Net benefit of 150 images, and standardized, at every tenth threshold, straight from the definition."""
    _, ill, score = images(150)
    found = []
    for percent in range(5, 100, 10):
        t = percent / 100
        benefit = ((score >= t) & ill).mean() - ((score >= t) & ~ill).mean() * t / (1 - t)
        found.append([percent, benefit, benefit / ill.mean(), ill.mean() - (1 - ill.mean()) * t / (1 - t)])
    return found


def heterogeneity():
    """[[right, all] of levels, χ² or nothing, p-value]: SciPy's χ², or every table with the same margins."""
    found = []
    for levels in [[(90, 100), (70, 100)], [(80, 100), (150, 200), (33, 60)], [(3, 3), (0, 3)], [(29, 30), (40, 40), (11, 15)], [(1, 9), (0, 12), (5, 14), (2, 20)]]:
        right, size = np.array(levels).T
        table = np.array([right, size - right])
        chi2, p, _, expected = stats.chi2_contingency(table, correction=False)
        if expected.min() >= 5:
            found.append([levels, chi2, p])
            continue
        chance = lambda ks: float(np.prod([math.comb(int(n), int(k)) for k, n in zip(ks, size)], dtype=object)) / math.comb(int(size.sum()), int(right.sum()))
        chances = [chance(ks) for ks in itertools.product(*[range(n + 1) for n in size]) if sum(ks) == right.sum()]
        assert abs(sum(chances) - 1) < 1e-9
        p = sum(c for c in chances if c <= chance(right) * (1 + 1e-7))
        if len(levels) == 2:
            assert abs(p - stats.fisher_exact(table).pvalue) < 1e-9
        found.append([levels, None, p])
    return found


def auc_in_groups(patient, ill, score):
    """AUC, and its variance between patients: a matrix of all pairs, and what each patient adds to its mean."""
    wins = (score[ill][:, None] > score[~ill]) + 0.5 * (score[ill][:, None] == score[~ill])
    auc, u = wins.mean(), np.zeros(patient.max() + 1)
    np.add.at(u, patient[ill], (wins.mean(1) - auc) / ill.sum())
    np.add.at(u, patient[~ill], (wins.mean(0) - auc) / (~ill).sum())
    g = min(len(set(patient[ill])), len(set(patient[~ill])))
    return auc, g / (g - 1) * (u @ u), g


def by_thirds():
    """300 images in three levels of 100 patients, by the patient's number modulo 3: Q and p-value of the logits of sensitivity and AUC, and
    AUC and bounds of each level."""
    patient, ill, score = images(300)
    logits, areas = [[], []], []
    for level in range(3):
        among = patient % 3 == level
        auc, variance, g = auc_in_groups(patient[among], ill[among], score[among])
        half = stats.t.ppf(0.975, g - 1) * np.sqrt(variance) / (auc * (1 - auc))
        areas.append([auc, expit(logit(auc) - half), expit(logit(auc) + half)])
        logits[1].append((logit(auc), variance / (auc * (1 - auc)) ** 2))
        y, groups = (score >= 0.5)[among & ill].astype(float), patient[among & ill]
        fit = sm.OLS(y, np.ones(len(y))).fit(cov_type="cluster", cov_kwds={"groups": groups})
        p = y.mean()
        variance = max(fit.cov_params()[0][0], p * (1 - p) / len(y))
        logits[0].append((logit(p), variance / (p * (1 - p)) ** 2))
    tests = []
    for pairs in logits:
        x, variance = np.array(pairs).T
        q = np.sum((x - np.sum(x / variance) / np.sum(1 / variance)) ** 2 / variance)
        tests.append([q, stats.chi2.sf(q, 2)])
    return {"sensitivity": tests[0], "auc": tests[1], "areas": areas}


def sizes():
    """[share, half width, Wilson, and of real counts Clopper–Pearson]: the first number that is enough, one by one."""
    found = []
    for share, half in [(0.9, 0.05), (0.8, 0.1), (0.95, 0.03), (0.5, 0.05), (1.0, 0.05)]:
        def first(method):
            for n in range(1, 10000):
                low, high = proportion_confint(share * n, n, 0.05, method)
                if high - low <= 2 * half:
                    return n
        found.append([share, half, first("wilson"), first("beta")])
    return found


def main():
    found = {
        "versions": {lib.__name__: lib.__version__ for lib in [np, scipy, sklearn, statsmodels]},
        "proportions": proportions(),
        "tables": tables(),
        "grouped": grouped(),
        "decision": decision(),
        "heterogeneity": heterogeneity(),
        "by_thirds": by_thirds(),
        "sizes": sizes(),
    }
    path = pathlib.Path(__file__).with_name("clinical.json")
    path.write_text(json.dumps(found, indent=None, separators=(",", ":")).replace('},"', '},\n"').replace('],"', '],\n"') + "\n")


main()
