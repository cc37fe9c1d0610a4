//! How learning rate and heatmap loss weight change over a run.

use isnet_run::config::{HeatmapLossSchedule, LearningRateSchedule, LossConfig, TrainConfig};

/// The learning rate of a step, counted from 0.
///
/// # Example
/// ```
/// use isnet_run::RunConfig;
/// use isnet_train::schedule::learning_rate;
/// let set = [("train.schedule", "cosine"), ("train.learning_rate", "0.2"), ("train.epochs", "2")];
/// let config = RunConfig::from_toml("[data.phantom]", "x.toml", &set)?;
/// assert_eq!(learning_rate(&config.train, 10, 10), 0.1); // half-way through 2 epochs of 10 steps
/// # Ok::<(), isnet_run::RunError>(())
/// ```
pub fn learning_rate(config: &TrainConfig, steps_per_epoch: usize, step: usize) -> f64 {
    let warmup = if step < config.warmup_steps { (step + 1) as f64 / config.warmup_steps as f64 } else { 1.0 };
    let factor = match config.schedule {
        LearningRateSchedule::Constant => 1.0,
        LearningRateSchedule::Cosine => {
            let progress = step as f64 / (config.epochs * steps_per_epoch) as f64;
            0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
        }
        LearningRateSchedule::Step => {
            let drops = step / (config.step_epochs * steps_per_epoch);
            config.gamma.powi(i32::try_from(drops).unwrap_or(i32::MAX))
        }
    };
    config.learning_rate * warmup * factor
}

/// P at a step: 0 before `first_step`, then constant or in a straight line up to its value.
pub fn heatmap_loss_weight(config: &LossConfig, first_step: usize, steps_per_epoch: usize, step: usize) -> f64 {
    if step < first_step {
        return 0.0;
    }
    match config.heatmap_loss_schedule {
        HeatmapLossSchedule::Constant => config.heatmap_loss_weight,
        HeatmapLossSchedule::RampEpochs(epochs) => {
            let ramp = (epochs * steps_per_epoch).max(1) as f64;
            config.heatmap_loss_weight * ((step - first_step + 1) as f64 / ramp).min(1.0)
        }
    }
}
