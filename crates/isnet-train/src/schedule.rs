//! How learning rate and the weight of a method's own terms change over a run.

use isnet_run::config::{HeatmapLossSchedule, LearningRateSchedule, TrainConfig};

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
            0.5 * (1.0 + libm::cos(std::f64::consts::PI * progress))
        }
        LearningRateSchedule::Step => {
            let drops = step / (config.step_epochs * steps_per_epoch);
            config.gamma.powi(i32::try_from(drops).unwrap_or(i32::MAX))
        }
    };
    config.learning_rate * warmup * factor
}

/// Share of its weight that a method's own terms (P of ISNet) have at a step: 0 before `first_step`, then 1, at once or in a straight line.
pub fn method_share(schedule: HeatmapLossSchedule, first_step: usize, steps_per_epoch: usize, step: usize) -> f64 {
    if step < first_step {
        return 0.0;
    }
    match schedule {
        HeatmapLossSchedule::Constant => 1.0,
        HeatmapLossSchedule::RampEpochs(epochs) => {
            let ramp = (epochs * steps_per_epoch).max(1) as f64;
            ((step - first_step + 1) as f64 / ramp).min(1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use isnet_run::RunConfig;

    use super::*;

    fn config(set: &[(&str, &str)]) -> RunConfig {
        RunConfig::from_toml("[data.phantom]", "x.toml", set).expect("valid keys")
    }

    #[track_caller]
    fn assert_schedule(found: impl Fn(usize) -> f64, expected: &[f64]) {
        for (step, expected) in expected.iter().enumerate() {
            assert!((found(step) - expected).abs() < 1e-12, "step {step}: {} instead of {expected}", found(step));
        }
    }

    #[test]
    fn a_warm_up_begins_at_its_first_part_and_is_over_after_its_last_step() {
        let config = config(&[("train.learning_rate", "0.4"), ("train.warmup_steps", "4")]);
        assert_schedule(|step| learning_rate(&config.train, 3, step), &[0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
    }

    #[test]
    fn the_cosine_falls_over_all_epochs() {
        let set = [("train.learning_rate", "2.0"), ("train.epochs", "3"), ("train.schedule", "cosine")];
        let root = 3_f64.sqrt() / 2.0;
        let expected = [2.0, 1.0 + root, 1.5, 1.0, 0.5, 1.0 - root]; // 1 + cos(step·30°)
        assert_schedule(|step| learning_rate(&config(&set).train, 2, step), &expected);
    }

    #[test]
    fn steps_fall_by_gamma_after_so_many_epochs() {
        let set = [("train.learning_rate", "8.0"), ("train.schedule", "step"), ("train.step_epochs", "2")];
        let set = [&set[..], &[("train.gamma", "0.5")]].concat();
        let expected = [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 2.0];
        assert_schedule(|step| learning_rate(&config(&set).train, 3, step), &expected);
    }

    #[test]
    fn the_heatmap_loss_begins_at_its_first_step_at_once_or_in_a_straight_line() {
        let weight = |schedule: &str| {
            let config = config(&[("loss.heatmap_loss_schedule", schedule)]);
            move |step| 0.6 * method_share(config.loss.heatmap_loss_schedule, 2, 3, step)
        };
        assert_schedule(weight("constant"), &[0.0, 0.0, 0.6, 0.6]);
        let ramp = [0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6];
        assert_schedule(weight("{ ramp_epochs = 2 }"), &ramp);
    }
}
