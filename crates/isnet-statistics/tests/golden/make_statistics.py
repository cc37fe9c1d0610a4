"""Makes statistics.json: what scikit-learn, SciPy, statsmodels and a plain DeLong say about samples that both sides
make by one formula (`unit`, `single`, `multi`), so that no input is stored.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0
    venv/bin/python make_statistics.py
"""

import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
import statsmodels
from scipy import optimize, stats
from scipy.stats._resampling import BootstrapResult
from sklearn import calibration, metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

warnings.filterwarnings("ignore")
M32 = np.uint64(0xFFFFFFFF)
BINS = 15


def unit(*address):
    """A number below 2**32 from an address of whole numbers: mix(mix(a) + b)…, all modulo 2**32."""
    state = np.uint64(0)
    for part in np.broadcast_arrays(*[np.asarray(part, dtype=np.uint64) for part in address]):
        state = (state + part) & M32
        for _ in range(2):
            state = ((state ^ (state >> np.uint64(16))) * np.uint64(0x45D9F3B)) & M32
        state = state ^ (state >> np.uint64(16))
    return state


def labels_of(salt, n, n_labels):
    return (unit(salt, 1, np.arange(n)) % np.uint64(n_labels)).astype(int)


def single(salt, n, n_classes, levels, n_labels, model=0):
    """Labels below n_labels, and probabilities of n_classes classes made of `levels` steps."""
    label = labels_of(salt, n, n_labels)
    raw = 1 + (unit(salt, 2 + model, np.arange(n)[:, None], np.arange(n_classes)) % np.uint64(levels)).astype(int)
    raw = raw + (label[:, None] == np.arange(n_classes)) * (levels // 2)
    return label, (raw / raw.sum(1, keepdims=True)).astype(np.float32)


def multi(salt, n, n_classes, levels, n_labels, model=0):
    """Label k holds with chance 1/(k + 2), never from n_labels on; probabilities are steps of 1/levels."""
    idx, k = np.arange(n)[:, None], np.arange(n_classes)
    truth = (unit(salt, 1, idx, k) % (k + 2).astype(np.uint64) == 0) & (k < n_labels)
    step = (unit(salt, 2 + model, idx, k) % np.uint64(levels)).astype(int)
    step = np.minimum(step + truth * (levels // 3), levels)
    return truth, (step / levels).astype(np.float32)


CASES = {
    "random": ("single", 1, 200, 3, 1000, 3),
    "tied": ("single", 2, 150, 3, 4, 3),
    "binary": ("single", 3, 80, 2, 500, 2),
    "class missing": ("single", 4, 60, 4, 300, 3),
    "one class": ("single", 5, 20, 2, 300, 1),
    "one sample": ("single", 6, 1, 3, 300, 3),
    "large": ("single", 7, 100_000, 3, 1000, 3),
    "labels": ("multi", 8, 150, 4, 1000, 4),
    "labels tied": ("multi", 9, 120, 4, 5, 4),
    "label missing": ("multi", 10, 60, 3, 100, 2),
    "one labelled sample": ("multi", 11, 1, 3, 100, 3),
    "labels large": ("multi", 12, 100_000, 3, 1000, 3),
}


def number(value):
    return None if value is None or not np.isfinite(value) else float(value)


def mean(values):
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def calibration_error(truth, probability):
    """Of bins as in `calibration_curve`; its means are used where a bin has samples."""
    share, centre = calibration.calibration_curve(truth, probability, n_bins=BINS) if len(set(truth)) > 1 else (None, None)
    edges = np.arange(1, BINS) / BINS
    bins = np.searchsorted(edges, probability.astype(float))
    error, filled = 0.0, 0
    for b in range(BINS):
        here = bins == b
        if here.any():
            gap = truth[here].mean() - probability[here].astype(float).mean()
            if share is not None:
                assert abs(gap - (share[filled] - centre[filled])) < 1e-6
            filled += 1
            error += here.mean() * abs(gap)
    return error


def of_class(truth, predicted, probability):
    both = truth.any() and not truth.all()
    scores = {
        "precision": metrics.precision_score(truth, predicted, zero_division=np.nan),
        "recall": metrics.recall_score(truth, predicted, zero_division=np.nan),
        "specificity": metrics.recall_score(~truth, ~predicted, zero_division=np.nan),
        "f1": metrics.f1_score(truth, predicted, zero_division=np.nan) if (truth | predicted).any() else None,
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted) if both else None,
        "auc": metrics.roc_auc_score(truth, probability) if both else None,
        "average_precision": metrics.average_precision_score(truth, probability) if truth.any() else None,
        "brier_loss": metrics.brier_score_loss(truth, probability.astype(float), pos_label=True),
        "calibration_error": calibration_error(truth, probability),
    }
    return {name: number(value) for name, value in scores.items()}


def scores_of_single(label, probability):
    n_classes = probability.shape[1]
    predicted = probability.argmax(1)
    scores, classes = {}, [of_class(label == k, predicted == k, probability[:, k]) for k in range(n_classes)]
    for k, of in enumerate(classes):
        scores |= {f"{name}:{k}": value for name, value in of.items()}
    macro = dict(average="macro", zero_division=0)
    right = (label == predicted).astype(float)
    occurring = sorted(set(label) | set(predicted))
    scores |= {
        "accuracy": metrics.accuracy_score(label, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, predicted),
        "precision": metrics.precision_score(label, predicted, **macro),
        "recall": metrics.recall_score(label, predicted, **macro),
        "specificity": mean([classes[k]["specificity"] for k in occurring]),
        "f1": metrics.f1_score(label, predicted, **macro),
        "auc": mean([of["auc"] for of in classes]),
        "average_precision": mean([of["average_precision"] for of in classes]),
        "calibration_error": calibration_error(right, probability.max(1)),
    }
    exact = probability.astype(float)
    if n_classes == 2:
        scores["brier_loss"] = metrics.brier_score_loss(label, exact[:, 1], pos_label=1)
    else:
        one_hot = np.eye(n_classes)[label]
        scores["brier_loss"] = ((exact - one_hot) ** 2).sum(1).mean()
        if len(label) > 1:
            whole = metrics.brier_score_loss(label, exact, labels=list(range(n_classes)))
            assert abs(whole - scores["brier_loss"]) < 1e-12
    if n_classes > 2:
        pairs = []
        for a in range(n_classes):
            for b in range(a + 1, n_classes):
                here, area = (label == a) | (label == b), None
                if (label == a).any() and (label == b).any():
                    one = metrics.roc_auc_score(label[here] == a, probability[here, a])
                    other = metrics.roc_auc_score(label[here] == b, probability[here, b])
                    area = (one + other) / 2
                scores[f"pairwise_auc:{a}-{b}"] = area
                pairs.append(area)
        scores["pairwise_auc"] = mean(pairs)
        if len(set(label)) == n_classes:
            assert abs(metrics.roc_auc_score(label, probability, multi_class="ovo") - scores["pairwise_auc"]) < 1e-12
            assert abs(metrics.roc_auc_score(label, probability, multi_class="ovr") - scores["auc"]) < 1e-12
    return {name: number(value) for name, value in scores.items()}, metrics.confusion_matrix(
        label, predicted, labels=list(range(n_classes))
    )


def scores_of_multi(truth, probability, thresholds):
    n_classes = truth.shape[1]
    predicted = probability >= thresholds
    scores, classes = {}, [of_class(truth[:, k], predicted[:, k], probability[:, k]) for k in range(n_classes)]
    for k, of in enumerate(classes):
        scores |= {f"{name}:{k}": value for name, value in of.items()}
        scores[f"accuracy:{k}"] = metrics.accuracy_score(truth[:, k], predicted[:, k])
    occurring = [k for k in range(n_classes) if truth[:, k].any() or predicted[:, k].any()]
    macro = dict(average="macro", zero_division=0, labels=occurring)
    scores |= {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "label_accuracy": 1 - metrics.hamming_loss(truth, predicted),
        "balanced_accuracy": mean([metrics.balanced_accuracy_score(truth[:, k], predicted[:, k]) for k in range(n_classes)]),
        "precision": metrics.precision_score(truth, predicted, **macro) if occurring else None,
        "recall": metrics.recall_score(truth, predicted, **macro) if occurring else None,
        "specificity": mean([classes[k]["specificity"] for k in occurring]),
        "f1": metrics.f1_score(truth, predicted, **macro) if occurring else None,
    }
    for name in ["auc", "average_precision", "brier_loss", "calibration_error"]:
        scores[name] = mean([of[name] for of in classes])
    return {name: number(value) for name, value in scores.items()}, metrics.multilabel_confusion_matrix(truth, predicted)


def best_thresholds(truth, probability):
    """The first of the highest F1 of `precision_recall_curve`; ½ and none for a label that never holds."""
    chosen = []
    for k in range(truth.shape[1]):
        if not truth[:, k].any():
            chosen.append([0.5, None])
            continue
        precision, recall, thresholds = metrics.precision_recall_curve(truth[:, k], probability[:, k])
        f1 = [metrics.f1_score(truth[:, k], probability[:, k] >= threshold) for threshold in thresholds]
        best = int(np.argmax(f1))
        chosen.append([float(thresholds[best]), float(f1[best])])
    return chosen


def components(truth, score):
    """DeLong's V10 and V01: from all pairs, or by counting in sorted scores where there are too many."""
    positive, negative = score[truth], score[~truth]
    if len(score) <= 1000:
        kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        return kernel.mean(1), kernel.mean(0)
    low, high = np.sort(negative), np.sort(positive)
    below = (np.searchsorted(low, positive, "left") + np.searchsorted(low, positive, "right")) / 2
    above = len(high) - (np.searchsorted(high, negative, "left") + np.searchsorted(high, negative, "right")) / 2
    return below / len(negative), above / len(positive)


def delong(truth, first, second):
    (a10, a01), (b10, b01) = components(truth, first), components(truth, second)
    m, n = truth.sum(), (~truth).sum()
    covariance = np.cov(np.stack([a10, b10])) / m + np.cov(np.stack([a01, b01])) / n
    areas = np.array([a10.mean(), b10.mean()])
    errors = np.sqrt(np.diag(covariance))
    z = stats.norm.ppf(0.975)
    logit = np.log(areas / (1 - areas))
    wide = z * errors / (areas * (1 - areas))
    difference = areas[1] - areas[0]
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return {
        "auc": areas.tolist(),
        "covariance": covariance.tolist(),
        "interval": [[max(area - z * error, 0), min(area + z * error, 1)] for area, error in zip(areas, errors)],
        "logit_interval": [[1 / (1 + np.exp(-(x - w))), 1 / (1 + np.exp(-(x + w)))] for x, w in zip(logit, wide)],
        "difference": difference,
        "difference_interval": [difference - z * variance**0.5, difference + z * variance**0.5],
        "p_value": 2 * stats.norm.sf(abs(difference) / variance**0.5),
    }


def newcombe(auc, m, n):
    def beyond(area):
        half = (m + n) / 2 - 1
        shape = 1 + half * (1 - area) / (2 - area) + half * area / (1 + area)
        return abs(auc - area) - stats.norm.ppf(0.975) * np.sqrt(area * (1 - area) * shape / (m * n))

    low = optimize.brentq(beyond, 0, auc - 1e-12, xtol=1e-14) if auc > 0 else 0.0
    high = optimize.brentq(beyond, auc + 1e-12, 1, xtol=1e-14) if auc < 1 else 1.0
    return [low, high]


def macro_variance(label, probability):
    """Variance of the mean AUC over classes, from the covariances of all components of all classes."""
    n_classes = probability.shape[1]
    total = 0.0
    parts = []
    for k in range(n_classes):
        truth = label == k
        v10, v01 = components(truth, probability[:, k])
        m, n = truth.sum(), (~truth).sum()
        part = np.zeros(len(label))
        part[truth] = (v10 - v10.mean()) / np.sqrt(m * (m - 1))
        part[~truth] = (v01 - v01.mean()) / np.sqrt(n * (n - 1))
        parts.append(part)
    for one in parts:
        for other in parts:
            total += (one * other).sum() / n_classes**2
    return float(total)


RESAMPLES = 400
STATISTICS = ["accuracy", "f1", "auc"]


def statistics(label, probability):
    predicted = probability.argmax(1)
    return [
        metrics.accuracy_score(label, predicted),
        metrics.f1_score(label, predicted, average="macro", zero_division=0),
        np.mean([metrics.roc_auc_score(label == k, probability[:, k]) for k in range(probability.shape[1])]),
    ]


def given_bootstrap():
    """Intervals of `scipy.stats.bootstrap` for resamples that are drawn by formula."""
    label, probability = single(21, 60, 3, 1000, 3)
    n = len(label)
    drawn = (unit(22, np.arange(RESAMPLES)[:, None], np.arange(n)) % np.uint64(n)).astype(int)
    replicates = np.array([statistics(label[rows], probability[rows]) for rows in drawn])
    found = {}
    for idx, name in enumerate(STATISTICS):
        given = BootstrapResult(None, replicates[:, idx], None)

        def statistic(rows, axis=-1):
            rows = np.atleast_2d(rows)
            values = np.array([statistics(label[row], probability[row])[idx] for row in rows])
            return values if len(values) > 1 else values[0]

        intervals = {}
        for method in ["percentile", "BCa"]:
            result = stats.bootstrap(
                (np.arange(n),), lambda rows, axis: np.apply_along_axis(lambda row: statistics(label[row], probability[row])[idx], axis, rows),
                n_resamples=0, method=method, confidence_level=0.95, bootstrap_result=given, vectorized=True,
            )  # fmt: skip
            intervals[method.lower()] = [float(result.confidence_interval.low), float(result.confidence_interval.high)]
        found[name] = intervals
    return found


def drawn_bootstrap():
    """Percentile intervals of many random resamples, by sample and by group of `groups`."""
    label, probability = single(23, 240, 3, 1000, 3)
    groups = np.arange(240) // 6
    rng = np.random.default_rng(1)
    by_sample = [statistics(label[rows], probability[rows]) for rows in rng.integers(0, 240, (4000, 240))]
    members = [np.flatnonzero(groups == group) for group in range(40)]
    by_group = []
    for drawn in rng.integers(0, 40, (4000, 40)):
        rows = np.concatenate([members[group] for group in drawn])
        by_group.append(statistics(label[rows], probability[rows]))
    percentiles = lambda values: np.percentile(np.array(values), [2.5, 97.5], axis=0).T.tolist()  # noqa: E731
    return {
        "by_sample": dict(zip(STATISTICS, percentiles(by_sample))),
        "by_group": dict(zip(STATISTICS, percentiles(by_group))),
    }


def hdi(draws):
    ordered = np.sort(draws)
    inside = int(np.floor(0.95 * len(ordered)))
    start = int(np.argmin(ordered[inside:] - ordered[: len(ordered) - inside]))
    return [float(ordered[start]), float(ordered[start + inside])]


def posterior():
    """Scores of 200,000 matrices with Dirichlet rows and the observed row sums."""
    label, probability = single(24, 90, 3, 1000, 3)
    matrix = metrics.confusion_matrix(label, probability.argmax(1)).astype(float)
    rng = np.random.default_rng(2)
    rows = [rng.dirichlet(row + 1, 200_000) * row.sum() for row in matrix]
    draws = np.stack(rows, axis=1)
    diagonal = np.einsum("dii->di", draws)
    recall, precision = diagonal / draws.sum(2), diagonal / draws.sum(1)
    f1 = 2 * diagonal / (draws.sum(1) + draws.sum(2))
    others = draws.sum((1, 2))[:, None] - draws.sum(2)
    specificity = (others - draws.sum(1) + diagonal) / others
    found = {
        "accuracy": hdi(diagonal.sum(1) / matrix.sum()),
        "balanced_accuracy": hdi(recall.mean(1)),
        "precision": hdi(precision.mean(1)),
        "specificity": hdi(specificity.mean(1)),
        "f1": hdi(f1.mean(1)),
        "f1:0": hdi(f1[:, 0]),
        "precision:1": hdi(precision[:, 1]),
    }
    # The recall of a class is exactly Beta(hits + 1, misses + K − 1): the shortest interval is found, not drawn.
    right, wrong = matrix[2, 2], matrix[2].sum() - matrix[2, 2]
    beta = stats.beta(right + 1, wrong + 2)
    low = optimize.minimize_scalar(lambda p: beta.ppf(p + 0.95) - beta.ppf(p), bounds=(0, 0.05), method="bounded").x
    found["recall:2"] = [float(beta.ppf(low)), float(beta.ppf(low + 0.95))]
    return found


def curves(kind, salt, n, n_classes, levels, n_labels):
    label, probability = single(salt, n, n_classes, levels, n_labels)
    fpr, tpr, roc_thresholds = metrics.roc_curve(label == 0, probability[:, 0])
    precision, recall, thresholds = metrics.precision_recall_curve(label == 0, probability[:, 0])
    share, centre = calibration.calibration_curve(label == 0, probability[:, 0].astype(float), n_bins=BINS)
    return {
        "roc": [[x, y, number(t)] for x, y, t in zip(fpr, tpr, roc_thresholds)],
        "precision_recall": [[x, y, t] for x, y, t in zip(recall, precision, [*map(float, thresholds), None])],
        "reliability": [[x, y] for x, y in zip(centre, share)],
    }


def main():
    cases = {}
    for name, (task, *arguments) in CASES.items():
        case = {"task": task, "arguments": arguments}
        if task == "single":
            label, probability = single(*arguments)
            case["scores"], confusion = scores_of_single(label, probability)
        else:
            truth, probability = multi(*arguments)
            case["thresholds"] = best_thresholds(truth, probability) if arguments[1] <= 1000 else None
            case["scores"], confusion = scores_of_multi(truth, probability, 0.5)
            if case["thresholds"]:
                chosen = np.array([threshold for threshold, _ in case["thresholds"]], dtype=np.float32)
                case["scores_at_thresholds"], _ = scores_of_multi(truth, probability, chosen)
        case["confusion"] = confusion.tolist()
        cases[name] = case

    paired = {}
    for name in ["random", "tied", "binary", "large"]:
        arguments = CASES[name][1:]
        label, first = single(*arguments)
        _, second = single(*arguments, model=100)
        right = [first.argmax(1) == label, second.argmax(1) == label]
        table = [[(right[0] & right[1]).sum(), (right[0] & ~right[1]).sum()], [(~right[0] & right[1]).sum(), (~right[0] & ~right[1]).sum()]]
        smaller, differing = min(table[0][1], table[1][0]), table[0][1] + table[1][0]
        paired[name] = {
            "delong": [delong(label == k, first[:, k], second[:, k]) for k in range(first.shape[1])],
            "macro_variance": macro_variance(label, first),
            "mcnemar": {
                "only_first": int(table[0][1]),
                "only_second": int(table[1][0]),
                "p_exact": float(mcnemar(table, exact=True).pvalue),
                "p_mid": float(2 * stats.binom.cdf(smaller, differing, 0.5) - stats.binom.pmf(smaller, differing, 0.5)),
            },
        }
    p_values = [0.012, 0.5, 0.012, 0.0004, 0.03, 1.0, 0.049]
    found = {
        "versions": {lib.__name__: lib.__version__ for lib in [np, scipy, sklearn, statsmodels]},
        "cases": cases,
        "paired": paired,
        "newcombe": [[auc, m, n, *newcombe(auc, m, n)] for auc, m, n in [(0.8, 20, 30), (1.0, 4, 9), (0.5, 1, 1), (0.0, 3, 8), (0.93, 400, 35)]],
        "holm": [p_values, multipletests(p_values, method="holm")[1].tolist()],
        "given_bootstrap": given_bootstrap(),
        "drawn_bootstrap": drawn_bootstrap(),
        "posterior": posterior(),
        "curves": [{"arguments": list(arguments[1:]), **curves(*arguments)} for arguments in [CASES["tied"], ("single", 25, 40, 3, 1000, 3)]],
    }  # fmt: skip
    path = pathlib.Path(__file__).with_name("statistics.json")
    path.write_text(json.dumps(found, indent=None, separators=(",", ":")).replace('},"', '},\n"') + "\n")


main()
