//! Which rule for which node, in the modified gradient; and the plan that all composites make.

use isnet_graph::{Graph, Op};

use crate::canonize::{AffinePart, first_affine_parts, nonnegative};
use crate::error::{LrpError, UnsupportedNode};
use crate::rules::LayerRule;

/// What a node does to what reached its output: the modified gradient `G`, or relevance `R`.
///
/// Relevance can be made of a gradient, `R = a ⊙ G`, but not the other way round. So a rule that takes relevance follows one that passes gradients,
/// on the way from the logits to the image, and never the reverse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Linear nodes: `G_in = Wᵀ·G_out`. Where values only move (max pool, concatenation, flatten, identity), relevance moves with them.
    Transpose,
    /// ReLUs: `G_in = G_out · a/(a + ε)`. With `ε = 0`, the ordinary gradient.
    Epsilon {
        /// ε ≥ 0.
        epsilon: f64,
    },
    /// The first affine part: LRP-z^B turns the relevance at its output into the heatmap.
    ZBox {
        /// Smallest pixel value `l`.
        low: f64,
        /// Largest pixel value `h`.
        high: f64,
        /// ε of the stabilizer.
        epsilon: f64,
    },
    /// A linear part shares its relevance out among its inputs.
    Layer {
        /// How.
        rule: LayerRule,
        /// ε of the stabilizer.
        stabilizer: f64,
    },
    /// `R_in = R_out`.
    Pass,
    /// Operations that are not linear: the ordinary gradient.
    Gradient,
    /// Operations of a transformer that are not linear: layer norm, GELU, softmax, products of activations (Achtibat et al. 2024).
    ///
    /// Passes a modified gradient as one, and relevance as relevance: `R_in = a ⊙ G_in` of `G = R / stabilize(output)`.
    AttnLrp {
        /// ε of the stabilizer; it plays no part while gradients are passed.
        stabilizer: f64,
    },
    /// Nothing: the node is inside an affine part, whose head has the rule.
    Folded,
}

impl Rule {
    /// A rule of linear parts with zennit's stabilizer, 1e-6.
    pub fn layer(rule: LayerRule) -> Self {
        Self::Layer { rule, stabilizer: 1e-6 }
    }

    /// Whether the rule makes relevance of a gradient that reaches it.
    pub(crate) fn takes_relevance(&self) -> bool {
        matches!(self, Self::ZBox { .. } | Self::Layer { .. } | Self::Pass)
    }
}

/// What happens at the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FirstLayer {
    /// `heatmap = x ⊙ G_x`: the first layer is propagated like any other.
    TimesInput,
    /// LRP-z^B for pixels in `[low, high]`; batch norm after (or before) the first layer is folded into it.
    ZBox {
        /// Smallest pixel value `l`.
        low: f64,
        /// Largest pixel value `h`.
        high: f64,
    },
}

/// The way out where z^B cannot start.
pub(crate) const WAY_OUT: &str = "z^B starts at a conv or dense layer on the image; turn it off (`z_box = false`)";

/// Rules of the modified gradient for a whole graph: what ISNet trains with. [`LayerComposite`](crate::LayerComposite) has a rule per linear part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composite {
    /// ε of LRP-ε at ReLUs; 0 gives gradient × input, also where a transformer has AttnLRP otherwise.
    pub epsilon: f64,
    /// What happens at the image.
    pub first_layer: FirstLayer,
}

impl Composite {
    /// LRP-ε with ε = 0.01 and z^B on pixels in [0, 1]: what ISNet trains with.
    pub fn isnet() -> Self {
        Self { epsilon: 0.01, first_layer: FirstLayer::ZBox { low: 0.0, high: 1.0 } }
    }

    /// Gradient × input: ε = 0 and no z^B.
    pub fn gradient_times_input() -> Self {
        Self { epsilon: 0.0, first_layer: FirstLayer::TimesInput }
    }

    /// Assigns a rule to every node, and checks that each can follow it.
    ///
    /// # Errors
    /// [`LrpError::Unsupported`] with *all* nodes that a rule cannot pass and what to do about each.
    ///
    /// # Panics
    /// If ε is negative or not finite, or `low ≥ high`: a bug in the caller.
    pub fn plan(&self, graph: &Graph) -> Result<Plan, LrpError> {
        assert!(
            self.epsilon.is_finite() && self.epsilon >= 0.0,
            "epsilon must be finite and ≥ 0, got {}",
            self.epsilon
        );
        let (parts, problems) = match self.first_layer {
            FirstLayer::TimesInput => (Vec::new(), Vec::new()),
            FirstLayer::ZBox { low, high } => {
                assert!(low < high, "z^B needs low < high, got {low} and {high}");
                first_affine_parts(graph, WAY_OUT)
            }
        };
        if !problems.is_empty() {
            return Err(LrpError::Unsupported { nodes: problems });
        }
        let mut rules: Vec<Rule> = graph.nodes().map(|(_, node)| self.rule_for(&node.op)).collect();
        if let FirstLayer::ZBox { low, high } = self.first_layer {
            for part in &parts {
                rules[part.head.index()] = Rule::ZBox { low, high, epsilon: self.epsilon };
            }
        }
        Ok(Plan::of(Pass { rules, parts, nonnegative: nonnegative(graph), include_bias: true, start: Start::Logits }))
    }

    fn rule_for(&self, op: &Op) -> Rule {
        match op {
            Op::Relu => Rule::Epsilon { epsilon: self.epsilon },
            Op::Input
            | Op::Conv(_)
            | Op::ConvTranspose(_)
            | Op::Gate
            | Op::Interpolate
            | Op::Sigmoid
            | Op::SpatialShare(_)
            | Op::Threshold(_)
            | Op::Dense(_)
            | Op::BatchNorm(_)
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::AdaptiveAveragePool(_)
            | Op::LogSumExpPool(_)
            | Op::Add
            | Op::Concat
            | Op::Flatten
            | Op::Dropout(_)
            | Op::Identity
            | Op::Tokens(_)
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. } => Rule::Transpose,
            Op::Softmax | Op::LayerNorm(_) | Op::Gelu | Op::AttentionScores { .. } | Op::AttentionSums => {
                if self.epsilon == 0.0 { Rule::Gradient } else { Rule::AttnLrp { stabilizer: self.epsilon } }
            }
        }
    }
}

/// What relevance the logits start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `R = logit ⊙ seed`.
    Logits,
    /// `R = z ⊙ seed`, where `z` is what the rule of the last layer makes of its input: `W⁺·a + b⁺` in z⁺.
    ///
    /// Then no relevance starts below zero, and what starts does not explode where a logit is near 0.
    OwnLogits,
}

/// A checked assignment of rules to the nodes of one graph; of several passes, each of which makes maps of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    passes: Vec<Pass>,
}

/// One walk from the logits to the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    pub(crate) rules: Vec<Rule>,
    pub(crate) parts: Vec<AffinePart>,
    pub(crate) nonnegative: Vec<bool>,
    pub(crate) include_bias: bool,
    pub(crate) start: Start,
}

impl Plan {
    pub(crate) fn of(pass: Pass) -> Self {
        Self { passes: vec![pass] }
    }

    /// Two plans of one graph as one: every map of a sample once by each, side by side.
    ///
    /// # Example
    /// ```
    /// # use isnet_graph::GraphBuilder;
    /// # use isnet_lrp::{Composite, LayerComposite};
    /// # let mut build = GraphBuilder::new(1);
    /// # let x = build.input();
    /// # let x = build.flatten("flatten", x);
    /// # let x = build.dense("fc", x, 4, 2);
    /// # let graph = build.finish(x)?;
    /// let plan = LayerComposite::epsilon_plus().plan(&graph)?.beside(Composite::isnet().plan(&graph)?);
    /// assert_eq!(plan.passes().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn beside(mut self, other: Self) -> Self {
        self.passes.extend(other.passes);
        self
    }

    /// The walks, in the order of their maps.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// The rule of each node in the first pass, in the order of [`Graph::nodes`].
    pub fn rules(&self) -> &[Rule] {
        self.passes[0].rules()
    }
}

impl Pass {
    /// The rule of each node, in the order of [`Graph::nodes`].
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The affine parts that rules see as one layer each, in the order of their heads.
    pub fn parts(&self) -> &[AffinePart] {
        &self.parts
    }
}

/// A problem with a node, for the check.
pub(crate) fn unsupported(graph: &Graph, id: isnet_graph::NodeId, reason: &str) -> UnsupportedNode {
    let node = graph.node(id);
    UnsupportedNode { node: node.name.clone(), op: node.op.name(), reason: reason.to_owned() }
}
