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
    /// A node that no interval can pass.
    #[error(
        "node `{node}` ({op}) is neither affine nor monotone, so its bounds are not known; use a network without it, or another method"
    )]
    NoBounds {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
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
    /// A dense layer on something that is neither flat nor a row of tokens.
    #[error("node `{node}` needs a flat input or a row of tokens, got {got}; put a `flatten` or global pool before it")]
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
    /// A picture of patches of another size than the positions were made for.
    #[error(
        "node `{node}` has positions for {} × {} patches, got {got}; build the model for images of this size",
        .expected[0], .expected[1]
    )]
    Grid {
        /// The node.
        node: String,
        /// Patches it has positions for.
        expected: [usize; 2],
        /// Shape that arrives.
        got: Shape,
    },
    /// A token that is not there.
    #[error("node `{node}` selects token {token}, but its input is {got}; tokens lie in one row")]
    Token {
        /// The node.
        node: String,
        /// The token asked for.
        token: usize,
        /// Shape that arrives.
        got: Shape,
    },
    /// Attention over tokens or weights that do not belong together.
    #[error("node `{node}` ({op}) cannot relate {first} and {second} with {heads} heads")]
    Attention {
        /// The node.
        node: String,
        /// Its operation.
        op: &'static str,
        /// Shape of the first input.
        first: Shape,
        /// Shape of the second.
        second: Shape,
        /// Heads.
        heads: usize,
    },
}
