//! Checks that need more than one key: contradictions are errors, oddities are warnings.

use super::{
    AG_SONONET, BestMetric, ClassWeights, CompositeName, Intensity, LearningRateSchedule, MethodName, OptimizerName,
    PLAIN_CNN, PLAIN_VIT, RawConfig, RunConfig, Selector, Stage, UNET, loss::gwrp_decay,
};
use crate::error::{Result, RunError};

/// A value that contradicts another: key, value and what is expected.
type Contradiction = (&'static str, String, String);

/// Refuses values that contradict each other.
pub(super) fn check(config: &RunConfig, raw: &RawConfig) -> Result<()> {
    let contradictions = [
        name,
        scale,
        margin,
        exchange,
        bounds,
        depth,
        rules,
        splits,
        folds,
        stages,
        transformer,
        segmenter,
        architecture,
        normal,
        class_weights,
        patience,
    ];
    match contradictions.iter().find_map(|contradiction| contradiction(config)) {
        None => Ok(()),
        Some((key, value, reason)) => Err(RunError::Value { key: key.into(), place: raw.place(key), value, reason }),
    }
}

fn name(config: &RunConfig) -> Option<Contradiction> {
    let empty = config.name.trim().is_empty();
    empty.then(|| ("name", config.name.clone(), "a run needs a name".into()))
}

fn scale(config: &RunConfig) -> Option<Contradiction> {
    let [low, high] = config.data.augment.scale;
    (low > high).then(|| ("data.augment.scale", format!("[{low}, {high}]"), "the smallest factor comes first".into()))
}

fn margin(config: &RunConfig) -> Option<Contradiction> {
    let margin = config.data.mask_margin;
    let reason = "from 1 on it is in whole pixels; below 1 it is a share of the shorter side";
    (margin > 1.0 && margin.fract() != 0.0).then(|| ("data.mask_margin", margin.to_string(), reason.into()))
}

/// A method that is nothing but exchanged backgrounds, without any.
fn exchange(config: &RunConfig) -> Option<Contradiction> {
    let exchanges = config.data.augment.exchange_background > 0.0;
    let reason = "`method.name` is `background_exchange`, which does nothing else; give a share above 0";
    (config.method.name == MethodName::BackgroundExchange && !exchanges)
        .then(|| ("data.augment.exchange_background", "0".into(), reason.into()))
}

fn bounds(config: &RunConfig) -> Option<Contradiction> {
    let (low, high) = (config.method.low, config.method.high);
    (low >= high).then(|| ("method.high", high.to_string(), format!("it must be above `method.low` = {low}")))
}

fn depth(config: &RunConfig) -> Option<Contradiction> {
    let bits = config.data.depth_bits.filter(|_| config.data.intensity != Intensity::Depth)?;
    let reason = format!("`data.intensity` is `{}`; say `data.intensity = \"depth\"`", config.data.intensity);
    Some(("data.depth_bits", bits.to_string(), reason))
}

/// The dual selector has rules of its own, and only LRP has a choice of them.
fn rules(config: &RunConfig) -> Option<Contradiction> {
    let method = &config.method;
    let (dual, chosen) = (method.selector == Selector::Dual, method.composite != CompositeName::Isnet);
    let (name, composite) = (method.name, method.composite.to_string());
    match name {
        MethodName::GradInput if dual => Some((
            "method.selector",
            "dual".into(),
            "its maps are by z⁺ and LRP-ε; say `method.name = \"isnet\"`".into(),
        )),
        MethodName::GradInput if chosen => {
            Some(("method.composite", composite, "only `method.name = \"isnet\"` has a choice of rules".into()))
        }
        MethodName::Isnet if dual && chosen => {
            let reason = "`method.selector` is `dual`, whose rules are z⁺ and LRP-ε; leave it at `isnet`";
            Some(("method.composite", composite, reason.into()))
        }
        _ => None,
    }
}

fn splits(config: &RunConfig) -> Option<Contradiction> {
    let data = &config.data;
    let tested = |split| data.test_splits.iter().flatten().any(|test| test == split);
    if data.train_split == data.validation_split {
        let reason = "validation must not look at the training split";
        return Some(("data.validation_split", data.validation_split.clone(), reason.into()));
    }
    tested(&data.train_split)
        .then(|| ("data.test_splits", data.train_split.clone(), "a test must not look at the training split".into()))
}

fn folds(config: &RunConfig) -> Option<Contradiction> {
    let data = &config.data;
    if data.folds == 1 {
        return Some((
            "data.folds",
            "1".into(),
            "one fold would leave nothing to train on; take 2 or more, or 0".into(),
        ));
    }
    (data.folds > 0 && data.fold >= data.folds)
        .then(|| ("data.fold", data.fold.to_string(), format!("folds are counted from 0 to {}", data.folds - 1)))
}

fn stages(config: &RunConfig) -> Option<Contradiction> {
    let stages = &config.model.stages;
    if config.model.architecture == UNET {
        return unet("model.stages", stages, config);
    }
    let architecture = config.model.architecture.as_str();
    if architecture != PLAIN_CNN && architecture != AG_SONONET {
        let reason = format!(
            "stages build a `{PLAIN_CNN}`, `{UNET}` or `{AG_SONONET}`, but `model.architecture` is `{}`",
            config.model.architecture
        );
        return (!stages.is_empty()).then(|| ("model.stages", format!("{} stages", stages.len()), reason));
    }
    let few = if architecture == AG_SONONET { 3 } else { 1 };
    if stages.len() < few {
        let reason = format!("a `{architecture}` needs at least {few} stage(s)");
        return Some(("model.stages", format!("{} stages", stages.len()), reason));
    }
    if let Some(stage) = stages.iter().find(|stage| stage.kernel % 2 == 0) {
        return Some(("model.stages", stage.kernel.to_string(), "a kernel must be odd to keep the size".into()));
    }
    let shrink = stages.iter().try_fold(1_usize, |shrink, stage| shrink.checked_mul(stage.pool));
    let side = config.data.height.min(config.data.width);
    shrink.is_none_or(|shrink| shrink > side).then(|| {
        let reason = format!("their pools shrink an image of {side} px to nothing; use fewer or smaller pools");
        ("model.stages", format!("{} stages", stages.len()), reason)
    })
}

fn transformer(config: &RunConfig) -> Option<Contradiction> {
    let sizes = config.model.transformer.as_ref()?;
    let (data, architecture) = (&config.data, &config.model.architecture);
    if architecture != PLAIN_VIT {
        let reason = format!("these sizes build a `{PLAIN_VIT}`, but `model.architecture` is `{architecture}`");
        return Some(("model.transformer", format!("{} layers", sizes.layers), reason));
    }
    if !sizes.width.is_multiple_of(sizes.heads) {
        let reason = format!("it must be a multiple of `model.transformer.heads` = {}", sizes.heads);
        return Some(("model.transformer.width", sizes.width.to_string(), reason));
    }
    [data.height, data.width].iter().any(|side| !side.is_multiple_of(sizes.patch)).then(|| {
        let reason = format!("it must divide the height and width of the images, {} × {} px", data.height, data.width);
        ("model.transformer.patch", sizes.patch.to_string(), reason)
    })
}

/// The stages of the segmenter that a pipeline trains first, and its epochs.
fn segmenter(config: &RunConfig) -> Option<Contradiction> {
    let (pipeline, epochs) = (&config.method.segment_classify, config.train.epochs);
    if config.method.name != MethodName::SegmentClassify || pipeline.segmenter.is_some() {
        return None;
    }
    if pipeline.segmenter_epochs >= epochs {
        let reason = format!("it must be below `train.epochs` = {epochs}, or no epoch is left for the classifier");
        return Some(("method.segment_classify.segmenter_epochs", pipeline.segmenter_epochs.to_string(), reason));
    }
    unet("method.segment_classify.stages", &pipeline.stages, config)
}

/// Methods that are an architecture, or need one that makes a map.
fn architecture(config: &RunConfig) -> Option<Contradiction> {
    let name = config.method.name;
    let needs = match name {
        MethodName::Multitask | MethodName::Segment => UNET,
        MethodName::AttentionGated => AG_SONONET,
        _ => return None,
    };
    let reason = || format!("the method `{name}` needs the architecture `{needs}`");
    (config.model.architecture != needs).then(|| ("model.architecture", config.model.architecture.clone(), reason()))
}

/// The class without anomaly must be one whose number is known.
fn normal(config: &RunConfig) -> Option<Contradiction> {
    let (normal, key) = (config.method.ham.normal.as_ref()?, "method.ham.normal");
    match &config.data.classes {
        None => Some((key, normal.clone(), "list the classes in `data.classes`, so that its number is known".into())),
        Some(classes) if !classes.contains(normal) => {
            Some((key, normal.clone(), format!("it is no class of `data.classes`: {}", classes.join(", "))))
        }
        Some(_) => None,
    }
}

fn unet(key: &'static str, stages: &[Stage], config: &RunConfig) -> Option<Contradiction> {
    let wrong = |value: String, reason: String| Some((key, value, reason));
    let [rest @ .., _] = stages else { return wrong("[]".into(), format!("a `{UNET}` needs at least two stages")) };
    if rest.is_empty() {
        return wrong("1 stage".into(), format!("a `{UNET}` needs at least two stages"));
    }
    if let Some(stage) = stages.iter().find(|stage| stage.kernel % 2 == 0) {
        return wrong(stage.kernel.to_string(), "a kernel must be odd to keep the size".into());
    }
    let shrink: usize = rest.iter().map(|stage| stage.pool).product();
    let (height, width) = (config.data.height, config.data.width);
    let divides = height.is_multiple_of(shrink) && width.is_multiple_of(shrink);
    if divides {
        return None;
    }
    let reason = format!(
        "their pools divide by {shrink}, which `data.height` = {height} and `data.width` = {width} are not a multiple of"
    );
    wrong(format!("{} stages", stages.len()), reason)
}

fn class_weights(config: &RunConfig) -> Option<Contradiction> {
    let (ClassWeights::List(weights), Some(classes)) = (&config.loss.class_weights, &config.data.classes) else {
        return None;
    };
    (weights.len() != classes.len()).then(|| {
        let reason = format!("`data.classes` has {} classes, so it needs as many weights", classes.len());
        ("loss.class_weights", format!("{weights:?}"), reason)
    })
}

/// Patience waits for a better score, and the newest epoch has none.
fn patience(config: &RunConfig) -> Option<Contradiction> {
    let patience = config.train.early_stopping_patience?;
    let reason = "`train.best_metric` is `last`, which never ends a training early; choose a validation score, or leave the patience out";
    (config.train.best_metric == BestMetric::Last)
        .then(|| ("train.early_stopping_patience", patience.to_string(), reason.into()))
}

/// Says what is valid but odd.
pub(super) fn warnings(config: &RunConfig) -> Vec<String> {
    let mut warnings: Vec<String> = missing_paths(config).chain(far_decay(config)).collect();
    let (method, train) = (&config.method, &config.train);
    let (sgd, steps) = (train.optimizer == OptimizerName::Sgd, train.schedule == LearningRateSchedule::Step);
    let odd = [
        (
            method.name == MethodName::Isnet && config.loss.heatmap_loss_weight == 0.0,
            "`loss.heatmap_loss_weight` is 0: this trains the standard classifier; say `method.name = \"standard\"`",
        ),
        (
            method.name != MethodName::Standard && config.start_epoch() >= train.epochs,
            "`method.start_epoch` is not before `train.epochs`: the terms of the method never count",
        ),
        (
            method.name == MethodName::Isnet && method.epsilon == 0.0,
            "`method.epsilon` is 0: this is gradient × input; the papers use 0.01",
        ),
        (train.nesterov && sgd && train.momentum == 0.0, "`train.nesterov` does nothing: `train.momentum` is 0"),
        (train.nesterov && !sgd, "`train.nesterov` does nothing: `train.optimizer` is `adamw`"),
        (
            steps && train.step_epochs >= train.epochs,
            "`train.step_epochs` is not below `train.epochs`: the learning rate never drops",
        ),
        (train.batch_size == 1, "`train.batch_size` is 1: batch norm has no batch to measure"),
        (
            train.gradient_clip_norm == 0.0,
            "`train.gradient_clip_norm` is 0: a heatmap loss without clipping may diverge",
        ),
    ];
    warnings.extend(odd.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.to_owned()));
    warnings
}

fn missing_paths(config: &RunConfig) -> impl Iterator<Item = String> {
    let weights = config.model.weights.iter().map(|path| ("model.weights", path));
    let missing = config.data.source.paths().into_iter().chain(weights).filter(|(_, path)| !path.exists());
    missing.map(|(key, path)| format!("`{key}`: `{}` does not exist", path.display()))
}

/// `1 − d` more than ten times larger or smaller than the preset.
fn far_decay(config: &RunConfig) -> Option<String> {
    const FAR: f64 = 10.0;
    let (d, preset) = (config.loss.gwrp_decay, gwrp_decay(config.data.height * config.data.width));
    let ratio = (1.0 - d) / (1.0 - preset);
    (matches!(config.method.name, MethodName::Isnet | MethodName::GradInput) && !(1.0 / FAR..=FAR).contains(&ratio))
        .then(|| {
            let effect = if ratio > 1.0 { "only the worst pixels count" } else { "nearly the mean counts" };
            let (height, width) = (config.data.height, config.data.width);
            format!("`loss.gwrp_decay` is {d}, far from {preset:.4}, the preset for {height} × {width} px: {effect}")
        })
}
