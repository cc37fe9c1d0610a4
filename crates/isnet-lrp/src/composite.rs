//! Which rule for which node.

use isnet_graph::{Graph, Op};

use crate::error::{LrpError, UnsupportedNode};
use crate::first_layer::{AffinePart, first_affine_parts};

/// What a node does to the modified gradient that reaches its output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// Linear nodes: `G_in = Wᵀ·G_out`.
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

/// Rules for a whole graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composite {
    /// ε of LRP-ε; 0 gives gradient × input.
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
                first_affine_parts(graph)
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
        Ok(Plan { rules, parts })
    }

    fn rule_for(&self, op: &Op) -> Rule {
        match op {
            Op::Relu => Rule::Epsilon { epsilon: self.epsilon },
            Op::Input
            | Op::Conv(_)
            | Op::Dense(_)
            | Op::BatchNorm(_)
            | Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::AdaptiveAveragePool(_)
            | Op::Add
            | Op::Concat
            | Op::Flatten
            | Op::Dropout(_)
            | Op::Identity
            | Op::Softmax => Rule::Transpose,
        }
    }
}

/// A checked assignment of rules to the nodes of one graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) rules: Vec<Rule>,
    pub(crate) parts: Vec<AffinePart>,
}

impl Plan {
    /// The rule of each node, in the order of [`Graph::nodes`].
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// A problem with a node, for the check.
pub(crate) fn unsupported(graph: &Graph, id: isnet_graph::NodeId, reason: &str) -> UnsupportedNode {
    let node = graph.node(id);
    UnsupportedNode { node: node.name.clone(), op: node.op.name(), reason: reason.to_owned() }
}
