//! What relevance cannot do.

use thiserror::Error;

/// A graph, selector or label that cannot be explained.
#[non_exhaustive]
#[derive(Debug, Error, PartialEq)]
pub enum LrpError {
    /// Nodes that the composite has no rule for.
    #[error("{}", unsupported_message(.nodes))]
    Unsupported {
        /// Each node with the reason and the way out.
        nodes: Vec<UnsupportedNode>,
    },
    /// A modified gradient where there is none.
    #[error("there is no gradient at `{node}`: {reason}; plan with a `Composite`, whose rules pass gradients")]
    NoGradient {
        /// The node.
        node: String,
        /// Why not.
        reason: String,
    },
    /// A composite that does not exist.
    #[error("no composite `{name}`; there are {}", .known.join(", "))]
    UnknownComposite {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A class that the model does not have.
    #[error("cannot explain class {class}: the model has {n_classes} classes (0 to {})", .n_classes - 1)]
    Class {
        /// The class asked for.
        class: usize,
        /// How many there are.
        n_classes: usize,
    },
    /// The label selector without labels.
    #[error("selector `label` explains the true label, but these samples have none; name a class instead")]
    NoLabels,
    /// The label selector on multi-label outputs.
    #[error(
        "selector `label` needs exactly one label per sample; for multi-label models use `selective`, `stochastic`, `all_classes` or name a class"
    )]
    MultiLabel,
    /// A number of labels other than the batch size.
    #[error("{got} labels for a batch of {expected} samples")]
    LabelCount {
        /// Samples in the batch.
        expected: usize,
        /// Labels given.
        got: usize,
    },
}

/// A node that a rule cannot pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedNode {
    /// Its name.
    pub node: String,
    /// Its operation.
    pub op: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

fn unsupported_message(nodes: &[UnsupportedNode]) -> String {
    let line = |node: &UnsupportedNode| format!("`{}` ({}): {}", node.node, node.op, node.reason);
    let lines: Vec<String> = nodes.iter().map(line).collect();
    format!("relevance cannot pass {} node(s): {}", nodes.len(), lines.join("; "))
}
