//! `ham`, hierarchical attention mining (Ouyang et al., IEEE TMI 2020): `L = L_class + a·L_anomaly + m·L_mask + b·L_bound + u·L_union`.
//!
//! The graph is a classifier with [`isnet_models::hierarchical_attention`] in place of its head. With `f` the features before its pool, the attention map of an output
//! is `A = ReLU(Σ_c w_c·f_c)`, where the weights `w` of its dense layer are held constant. `A_k` is that of a class, counted for samples that have
//! it as a label; `A_a` that of the anomaly, counted for samples that have any. `σ_θ(A) = σ(ω·(A − θ))` says what is attended to.
//!
//! - `L_anomaly`: binary cross-entropy of "any label".
//! - `L_mask`, over the samples with a mask: `Σ (Ā_k − mask)² / Σ (Ā_k + mask)`, where `Ā_k` is `A_k` at the size of the image, stretched to 0…1, and `σ_θ` of that.
//! - `L_bound`: the share of `A_k` outside the anomaly, `(Σ A_k − Σ min(A_k, A_a)·σ_θ(A_k)) / Σ A_k`.
//! - `L_union`: the share of `A_a` that no class explains, `(Σ A_a − Σ min(max_k A_k, A_a)·σ_θ(A_a)) / Σ A_a`.
//!
//! Each is a mean over samples, `L_mask` and `L_bound` first within a class and then over the classes that the batch has. In the paper a mask is the box of a
//! lesion of its class; here it is the region of interest, whatever the class. With one label per image every image has its label as an anomaly, except those
//! of the class `method.ham.normal`. The form of the losses is that of the authors' code; it interpolates with aligned corners, this with pixel centers.
//!
//! Needs: masks, for `L_mask` alone, and a graph with an anomaly.

use burn::tensor::{Tensor, activation};
use isnet_graph::{Graph, NodeId, Op, Params};
use isnet_kernels::{interpolate, matmul, sigmoid};
use isnet_loss::{ClassificationLoss, Targets};
use isnet_run::RunConfig;
use isnet_run::config::HamConfig;

use super::standard::classified;
use super::{Step, constant, stretched};
use crate::error::TrainError;
use crate::objective::Evaluation;

/// Keeps the quotients finite where nothing is attended to.
const TINY: f64 = 1e-5;

/// Hierarchical attention mining.
#[derive(Clone, Debug)]
pub struct Ham {
    /// The features before the pool.
    pub features: NodeId,
    /// The logit of the anomaly.
    pub anomaly: NodeId,
    /// The class that is no anomaly.
    pub normal: Option<usize>,
    /// a, m, b, u, ω and the thresholds.
    pub settings: HamConfig,
}

/// The attention of a batch, 0 where a sample does not have the label.
struct Attention {
    /// `A_k`, `[N, h, w, K]`.
    classes: Tensor<4>,
    /// `A_a`, `[N, h, w, 1]`.
    anomaly: Tensor<4>,
    /// Which labels each sample has, `[N, K]` of 0 and 1.
    labels: Vec<Vec<f32>>,
}

impl Ham {
    pub(super) fn new(config: &RunConfig, graph: &Graph) -> Result<Self, TrainError> {
        let absent = || TrainError::NoFeatures { architecture: config.model.architecture.clone() };
        let (features, anomaly) = graph.last_features().zip(graph.anomaly()).ok_or_else(absent)?;
        let (settings, classes) = (config.method.ham.clone(), config.data.classes.as_deref().unwrap_or_default());
        let normal = settings.normal.as_ref().and_then(|normal| classes.iter().position(|class| class == normal));
        Ok(Self { features, anomaly, normal, settings })
    }

    /// The weight of a step multiplies all further terms: 1 after the warm-up.
    pub(super) fn evaluate(&self, mut step: Step<'_>) -> Result<Evaluation, TrainError> {
        let trace = step.forward();
        let classification = step.classify(&trace)?;
        if step.weight <= 0.0 {
            return Ok(classified(trace, classification));
        }
        let labels = self.labels(&step.batch.targets, trace.logits().dims()[1]);
        let any: Vec<Vec<f32>> = labels.iter().map(|row| vec![row.iter().copied().fold(0.0, f32::max)]).collect();
        let logit = trace.activation(self.anomaly).reshape([labels.len(), 1]);
        let detection = ClassificationLoss::default().forward(logit, &Targets::MultiLabel(any.clone()))?;
        let features = trace.activation(self.features);
        let of = |node| attention((step.graph, step.params), node, features.clone());
        let (classes, anomaly) = (of(step.graph.logits()), of(self.anomaly));
        let (classes, anomaly) = (counted(classes, &labels), counted(anomaly, &any));
        let found = Attention { classes, anomaly, labels };
        let terms = [
            ("anomaly", detection, self.settings.anomaly_weight),
            ("attention", self.against_mask(&step, &found), self.settings.mask_weight),
            ("bound", self.bound(&found), self.settings.bound_weight),
            ("union", self.union(&found, &any), self.settings.union_weight),
        ];
        let weighted = terms.iter().map(|(_, value, weight)| value.clone() * (*weight * step.weight));
        let total = weighted.fold(classification.clone(), |sum, term| sum + term);
        let terms = terms.into_iter().map(|(name, value, _)| (name, value)).collect();
        Ok(Evaluation { total, terms, ..classified(trace, classification) })
    }

    /// Which abnormal labels each sample has.
    fn labels(&self, targets: &Targets, n_classes: usize) -> Vec<Vec<f32>> {
        let one_hot = |label: &usize| {
            (0..n_classes).map(|class| f32::from(u8::from(class == *label && self.normal != Some(class)))).collect()
        };
        match targets {
            Targets::SingleLabel(labels) => labels.iter().map(one_hot).collect(),
            Targets::MultiLabel(rows) => rows.clone(),
        }
    }

    fn attended(&self, attention: Tensor<4>, threshold: f64) -> Tensor<4> {
        sigmoid((attention - threshold) * self.settings.steepness)
    }

    fn against_mask(&self, step: &Step<'_>, found: &Attention) -> Tensor<1> {
        let [_, height, width, _] = step.batch.image.dims();
        let maps = stretched(interpolate(found.classes.clone(), [height, width]));
        let maps = self.attended(maps, self.settings.threshold);
        let mask = step.batch.mask.foreground(maps.dtype()).expand(maps.dims());
        let known = step.batch.mask.known().iter();
        let masked: Vec<Vec<f32>> = found
            .labels
            .iter()
            .zip(known)
            .map(|(row, known)| row.iter().map(|it| it * f32::from(u8::from(*known))).collect())
            .collect();
        let counts = matrix(&masked, &maps);
        let per_class = |values: Tensor<4>| (sum_of_places(values) * counts.clone()).sum_dim(0);
        let squares = per_class((maps.clone() - mask.clone()).square());
        let size = per_class(maps + mask);
        (squares / size.clamp_min(TINY)).sum() / present(&masked)
    }

    fn bound(&self, found: &Attention) -> Tensor<1> {
        let (maps, anomaly) = (found.classes.clone(), found.anomaly.clone().expand(found.classes.dims()));
        let attended = self.attended(maps.clone(), self.settings.activation_threshold);
        let outside = uncovered(maps.clone(), maps.min_pair(anomaly) * attended);
        let labels = matrix(&found.labels, &found.classes);
        let of_class = (outside * labels.clone()).sum_dim(0) / labels.sum_dim(0).clamp_min(TINY);
        of_class.sum() / present(&found.labels)
    }

    fn union(&self, found: &Attention, any: &[Vec<f32>]) -> Tensor<1> {
        let maps = found.anomaly.clone();
        let attended = self.attended(maps.clone(), self.settings.activation_threshold);
        let outside = uncovered(maps.clone(), found.classes.clone().max_dim(3).min_pair(maps) * attended);
        let any = matrix(any, &found.anomaly);
        (outside * any.clone()).sum() / any.sum().clamp_min(TINY)
    }
}

/// `ReLU(W·f)` at every place, `[N, h, w, K]`, with the weights of a dense layer held constant.
fn attention((graph, params): (&Graph, &Params), node: NodeId, features: Tensor<4>) -> Tensor<4> {
    let Op::Dense(dense) = &graph.node(node).op else { unreachable!("hierarchical attention ends in dense layers") };
    let weights = params.get::<2>(graph, dense.weight).detach();
    let ([rows, height, width, channels], [classes, _]) = (features.dims(), weights.dims());
    let weights = weights.transpose().unsqueeze::<4>();
    let maps = matmul(features.reshape([1, 1, rows * height * width, channels]), weights);
    activation::relu(maps).reshape([rows, height, width, classes])
}

/// Maps that are 0 for the samples that do not have the label.
fn counted(maps: Tensor<4>, labels: &[Vec<f32>]) -> Tensor<4> {
    let [rows, _, _, classes] = maps.dims();
    let labels = matrix(labels, &maps).reshape([rows, 1, 1, classes]);
    maps * labels
}

/// `(Σ A − Σ covered) / Σ A` over the places, `[N, K]`.
fn uncovered(attention: Tensor<4>, covered: Tensor<4>) -> Tensor<2> {
    let all = sum_of_places(attention);
    (all.clone() - sum_of_places(covered)) / all.clamp_min(TINY)
}

fn sum_of_places(maps: Tensor<4>) -> Tensor<2> {
    let [rows, _, _, classes] = maps.dims();
    maps.sum_dims(&[1, 2]).reshape([rows, classes])
}

/// How many classes any sample has; 1 where none has any.
fn present(labels: &[Vec<f32>]) -> f64 {
    let has = |class: usize| labels.iter().any(|row| row[class] > 0.0);
    labels.first().map_or(0, |row| (0..row.len()).filter(|class| has(*class)).count()).max(1) as f64
}

fn matrix(rows: &[Vec<f32>], like: &Tensor<4>) -> Tensor<2> {
    constant(rows.concat(), [rows.len(), rows.first().map_or(0, Vec::len)], like)
}
