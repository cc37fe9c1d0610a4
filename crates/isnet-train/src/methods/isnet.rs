//! `isnet` and its ablation `grad_input`: `L = (1 − P)·L_class + P·L_heatmap` (METHOD §1).
//!
//! P may count less for some samples ([`gate`](HeatmapObjective::gate)), what it loses going to L_class; and L_heatmap may be computed in every k-th step
//! only, with k times its weight ([`every`](HeatmapObjective::every)).
//!
//! Needs: masks, and a graph whose every node relevance can pass; supervised nodes for deep supervision.

use burn::tensor::Tensor;
use isnet_graph::{Graph, NodeId, Op};
use isnet_loss::background::BackgroundTerm;
use isnet_loss::{
    ForegroundForm, ForegroundRange, HeatmapLoss, HeatmapTerms, Mask, Targets, heatmap_loss, pool_over_nodes,
};
use isnet_lrp::{
    Composite, FirstLayer, LrpError, OutputSelector, Outputs, Plan, Quantity, Relevance, Seeds, Target, dual_plan,
    explain, named_plan,
};
use isnet_run::config::{self, CompositeName, HeatmapLossGate, MethodName, RunConfig, Selector};

use super::standard::classified;
use super::{Step, probabilities};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// The loss on relevance.
#[derive(Clone, Debug)]
pub struct HeatmapObjective {
    /// Rule of every node.
    pub plan: Plan,
    /// What is explained.
    pub selector: OutputSelector,
    /// Terms and weights.
    pub loss: HeatmapLoss,
    /// Deep supervision: the decay of the pooling over supervised nodes; `None` looks at the image only.
    pub lds_decay: Option<f64>,
    /// Which samples count.
    pub gate: HeatmapLossGate,
    /// Steps from one heatmap loss to the next (k).
    pub every: usize,
}

impl HeatmapObjective {
    /// The objective of a configuration.
    ///
    /// # Errors
    /// [`TrainError`] naming every node that relevance cannot pass, or that nothing is supervised.
    pub(super) fn new(config: &RunConfig, graph: &Graph, range: ForegroundRange) -> Result<Self, TrainError> {
        let (asked, possible) = (config.method.deep_supervision, !graph.supervised().is_empty());
        if asked == Some(true) && !possible {
            return Err(TrainError::NothingSupervised { architecture: config.model.architecture.clone() });
        }
        Ok(Self {
            plan: plan(config, graph)?,
            selector: selector(config),
            loss: loss(config, range),
            lds_decay: asked.unwrap_or(possible).then_some(config.loss.lds_decay),
            gate: config.loss.heatmap_loss_gate,
            every: config.loss.heatmap_loss_every,
        })
    }

    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if !step.counts() {
            return Ok(classified(trace, classification));
        }
        let mask = match self.gate {
            HeatmapLossGate::None => step.batch.mask.clone(),
            HeatmapLossGate::BetterThanGuess => {
                step.batch.mask.counting(&better_than_guess(&trace.logits().detach(), &step.batch.targets))
            }
        };
        let share = mask.counted_share();
        let weighted = classification.clone() * (1.0 - step.weight * share);
        if step.rests {
            return Ok(Evaluation { total: weighted, ..classified(trace, classification) });
        }
        let Seeds { gradient, maps, explained } =
            self.selector.seeds(trace.logits(), &outputs(&step.batch.targets), Some(&mut *step.rng))?;
        let supervised: &[NodeId] = if self.lds_decay.is_some() { step.graph.supervised() } else { &[] };
        let relevance = explain(step.graph, step.params, &trace, &self.plan, gradient, supervised);
        let heatmap = self.terms(step.graph, &relevance, &mask, maps * self.plan.passes().len());
        let total = weighted + heatmap.total.clone() * (step.weight * self.every as f64);
        let terms = match self.gate {
            HeatmapLossGate::None => Vec::new(),
            HeatmapLossGate::BetterThanGuess => vec![("counted", (heatmap.total.clone().detach() * 0.0) + share)],
        };
        let (heatmap, relevance) = (Some(heatmap), Some(relevance));
        Ok(Evaluation { total, heatmap, relevance, explained, terms, ..classified(trace, classification) })
    }

    fn terms(&self, graph: &Graph, relevance: &Relevance, mask: &Mask, maps: usize) -> HeatmapTerms {
        let image = heatmap_loss(&relevance.heatmap, mask, maps, &self.loss);
        match self.lds_decay {
            None => image,
            Some(decay) => {
                let hidden = relevance.hidden.iter().map(|map| pictured(graph, map));
                let hidden = hidden.map(|map| heatmap_loss(&map, mask, maps, &self.loss));
                pool_over_nodes(std::iter::once(image).chain(hidden).collect(), decay)
            }
        }
    }
}

/// The relevance of tokens as a picture of their patches, without that of the class token, which has no place; other maps as they are.
pub(super) fn pictured(graph: &Graph, map: &Tensor<4>) -> Tensor<4> {
    let grid = graph.nodes().find_map(|(_, node)| match &node.op {
        Op::Tokens(tokens) => Some(tokens.grid),
        _ => None,
    });
    let [rows, height, width, channels] = map.dims();
    match grid {
        Some([down, across]) if [height, width] == [1, 1 + down * across] => {
            map.clone().narrow(2, 1, down * across).reshape([rows, down, across, channels])
        }
        _ => map.clone(),
    }
}

/// How much more probable the label of each sample is than by a guess: `(p − g) / (1 − g)`, at least 0. Of several labels, their mean.
fn better_than_guess(logits: &Tensor<2>, targets: &Targets) -> Vec<f64> {
    let [rows, n_classes] = logits.dims();
    let probabilities: Vec<f64> =
        probabilities(logits.clone(), targets).try_into_vec_as().expect("probabilities are floats");
    let better = |probability: f64, guess: f64| ((probability - guess) / (1.0 - guess)).max(0.0);
    let of_row = |row: usize| {
        let row_of = &probabilities[row * n_classes..][..n_classes];
        match targets {
            Targets::SingleLabel(labels) => better(row_of[labels[row]], 1.0 / n_classes as f64),
            Targets::MultiLabel(labels) => {
                let right = |(p, truth): (&f64, &f32)| if *truth > 0.5 { *p } else { 1.0 - p };
                row_of.iter().zip(&labels[row]).map(|pair| better(right(pair), 0.5)).sum::<f64>() / n_classes as f64
            }
        }
    };
    (0..rows).map(of_row).collect()
}

/// The labels of a batch as a selector wants them.
pub(super) fn outputs(targets: &Targets) -> Outputs<'_> {
    match targets {
        Targets::SingleLabel(labels) => Outputs::single_label(Some(labels)),
        Targets::MultiLabel(_) => Outputs::multi_label(),
    }
}

fn plan(config: &RunConfig, graph: &Graph) -> Result<Plan, LrpError> {
    let method = &config.method;
    let isnet = Composite { epsilon: method.epsilon, first_layer: first_layer(config) };
    match (method.name, method.selector, method.composite) {
        (MethodName::GradInput, ..) => Composite::gradient_times_input().plan(graph),
        (_, Selector::Dual, _) => dual_plan(&isnet, graph),
        (_, _, CompositeName::Isnet) => isnet.plan(graph),
        (_, _, composite) => named_plan(composite.word(), (method.low, method.high), graph),
    }
}

fn first_layer(config: &RunConfig) -> FirstLayer {
    if config.method.z_box {
        FirstLayer::ZBox { low: config.method.low, high: config.method.high }
    } else {
        FirstLayer::TimesInput
    }
}

fn selector(config: &RunConfig) -> OutputSelector {
    match config.method.selector {
        Selector::Selective => OutputSelector::selective(config.method.selective_epsilon),
        Selector::Stochastic => OutputSelector::stochastic(),
        Selector::AllClasses => OutputSelector::all_classes(),
        Selector::Label => OutputSelector { target: Target::Label, quantity: Quantity::Logit },
        Selector::Dual => OutputSelector::dual(),
    }
}

fn loss(config: &RunConfig, range: ForegroundRange) -> HeatmapLoss {
    HeatmapLoss {
        background_weight: config.loss.background_weight,
        foreground_weight: config.loss.foreground_weight,
        background: BackgroundTerm {
            saturation: config.loss.background_saturation,
            gwrp_decay: config.loss.gwrp_decay,
        },
        foreground_range: range,
        foreground_form: match config.loss.foreground_form {
            config::ForegroundForm::L2 => ForegroundForm::L2,
            config::ForegroundForm::Hybrid => ForegroundForm::Hybrid,
        },
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int};
    use isnet_models::{Architecture, VisionTransformer, build};

    use super::*;

    #[test]
    fn a_label_counts_by_how_much_more_probable_it_is_than_a_guess() {
        let logits = |rows: [[f32; 2]; 3]| Tensor::<2>::from_floats(rows, &Device::flex());
        let odds = 3_f32.ln();
        let found =
            better_than_guess(&logits([[odds, 0.0], [odds, 0.0], [0.0, 0.0]]), &Targets::SingleLabel(vec![0, 1, 0]));
        let near = |found: &[f64], expected: [f64; 3]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&found, [0.5, 0.0, 0.0]), "{found:?}");
        let labels = vec![vec![1.0, 0.0], vec![0.0, 0.0], vec![1.0, 1.0]];
        let found =
            better_than_guess(&logits([[odds, -odds], [odds, -odds], [0.0, odds]]), &Targets::MultiLabel(labels));
        assert!(near(&found, [0.5, 0.25, 0.25]), "{found:?}");
    }

    #[test]
    fn tokens_are_a_picture_of_their_patches() {
        let transformer = VisionTransformer { patch: 2, width: 4, layers: 2, heads: 2, mlp: 4 };
        let small = Architecture { image_size: [4, 6], transformer, ..Architecture::new("plain_vit", 2, 1) };
        let graph = build(&small).expect("sizes fit");
        let names: Vec<&str> = graph.supervised().iter().map(|id| graph.node(*id).name.as_str()).collect();
        assert_eq!(names, ["encoder.layers.encoder_layer_0.add_2"], "after the last block only the class token counts");
        let tokens = Tensor::<1, Int>::arange(0..7, &Device::flex()).float().reshape([1, 1, 7, 1]);
        let picture = pictured(&graph, &tokens);
        assert_eq!(picture.dims(), [1, 2, 3, 1]);
        assert_eq!(picture.try_into_vec_as::<f32>().expect("f32"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let image = Tensor::<4>::ones([1, 4, 6, 1], &Device::flex());
        assert_eq!(pictured(&graph, &image).dims(), [1, 4, 6, 1]);
    }
}
