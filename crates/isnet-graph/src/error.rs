//! What can be wrong with a graph.

use thiserror::Error;

use crate::shape::Shape;

/// A graph that cannot be, or an input that does not fit it.
#[non_exhaustive]
#[derive(Debug, Error, PartialEq)]
pub enum GraphError {
    /// Two nodes share a name.
    #[error("two nodes are named `{node}`; names must be unique")]
    DuplicateName {
        /// The name.
        node: String,
    },
    /// Wrong number of inputs.
    #[error("node `{node}` ({op}) cannot take {got} inputs")]
    Arity {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
        /// How many inputs it was given.
        got: usize,
    },
    /// The input is missing, or not the first node.
    #[error("node `{node}`: a graph has exactly one `input`, and it is the first node")]
    Input {
        /// The offending node.
        node: String,
    },
    /// A softmax with consumers.
    #[error("node `{node}` (softmax) must be the output of the graph; train and explain the logits before it")]
    SoftmaxInside {
        /// The node.
        node: String,
    },
    /// Channels in do not match the weights.
    #[error("node `{node}` expects {expected} input channels, got {got} from `{input}`")]
    Channels {
        /// The node.
        node: String,
        /// What its weights need.
        expected: usize,
        /// What arrives.
        got: usize,
        /// Where it comes from.
        input: String,
    },
    /// Inputs of an add or concat disagree.
    #[error("node `{node}`: input `{input}` has shape {got}, but the first input has {expected}")]
    Disagree {
        /// The node.
        node: String,
        /// The input that differs.
        input: String,
        /// Shape of the first input.
        expected: Shape,
        /// Shape of this one.
        got: Shape,
    },
    /// A window larger than its input.
    #[error("node `{node}`: its {kernel:?} window does not fit into {got}; use larger images")]
    TooSmall {
        /// The node.
        node: String,
        /// The window.
        kernel: [usize; 2],
        /// Shape that arrives.
        got: Shape,
    },
    /// A dense layer or softmax on something that is not flat.
    #[error("node `{node}` needs a flat input, got {got}; put a `flatten` or global pool before it")]
    NotFlat {
        /// The node.
        node: String,
        /// Shape that arrives.
        got: Shape,
    },
    /// Channel counts that the groups do not divide.
    #[error("node `{node}`: {groups} groups do not divide {channels} channels")]
    Groups {
        /// The node.
        node: String,
        /// Groups.
        groups: usize,
        /// Channels in or out.
        channels: usize,
    },
}
