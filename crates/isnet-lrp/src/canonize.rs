//! Which nodes count as one affine map: a conv or dense layer with the batch norms beside it (zennit: `canonizers`).
//!
//! A rule that reads weights (z⁺, γ, …) means those of the whole map, so batch norms are folded: one *behind* the layer (ResNet, VGG-bn), one
//! directly *before* it, or, where it has no such neighbour (DenseNet: a concatenation before, a ReLU behind), it is a map of its own.

use isnet_graph::{Graph, NodeId, Op};

use crate::composite::unsupported;
use crate::error::UnsupportedNode;

/// `source → [identity | flatten | batch norm]* → layer → [batch norm]`: one affine map of the source's activation.
#[derive(Clone, Debug, PartialEq)]
pub struct AffinePart {
    /// The node whose activation the map reads.
    pub source: NodeId,
    /// Nodes between the source and the layer, in order.
    pub before: Vec<NodeId>,
    /// The conv or dense node, or a batch norm that stands alone.
    pub layer: NodeId,
    /// The batch norm behind the layer that is folded into it.
    pub norm: Option<NodeId>,
    /// The node whose output is the affine map's: the norm, or else the layer.
    pub head: NodeId,
}

impl AffinePart {
    /// Whether the node is one of the part's.
    pub fn contains(&self, id: NodeId) -> bool {
        self.before.contains(&id) || self.layer == id || self.head == id
    }
}

/// What an operation is to an affine part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A layer, with which batch norms beside it are folded.
    Layer,
    /// A layer with which nothing is folded.
    Alone,
    Norm,
    /// Moves values, and may stand between a batch norm and its layer.
    Between,
    /// No part of any.
    Outside,
}

fn role(op: &Op) -> Role {
    match op {
        Op::Conv(_) | Op::Dense(_) => Role::Layer,
        Op::ConvTranspose(_) => Role::Alone,
        Op::BatchNorm(_) => Role::Norm,
        Op::Identity | Op::Flatten => Role::Between,
        Op::Input
        | Op::Relu
        | Op::Sigmoid
        | Op::Threshold(_)
        | Op::SpatialShare(_)
        | Op::Interpolate
        | Op::Gate
        | Op::MaxPool(_)
        | Op::AveragePool(_)
        | Op::AdaptiveAveragePool(_)
        | Op::LogSumExpPool(_)
        | Op::Add
        | Op::Concat
        | Op::Dropout(_)
        | Op::Softmax
        | Op::LayerNorm(_)
        | Op::Gelu
        | Op::Tokens(_)
        | Op::SelectToken(_)
        | Op::NarrowChannels { .. }
        | Op::AttentionScores { .. }
        | Op::AttentionSums => Role::Outside,
    }
}

/// All affine parts that read the image, and the nodes for which there is none, with the way out.
pub(crate) fn first_affine_parts(graph: &Graph, way_out: &str) -> (Vec<AffinePart>, Vec<UnsupportedNode>) {
    let (consumers, source) = (graph.consumers(), graph.input());
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    let mut open: Vec<(NodeId, Vec<NodeId>)> = consumers[source.index()].iter().map(|id| (*id, Vec::new())).collect();
    if open.is_empty() {
        problems.push(unsupported(graph, source, way_out));
    }
    while let Some((id, before)) = open.pop() {
        let readers = &consumers[id.index()];
        match role(&graph.node(id).op) {
            Role::Layer => {
                let norm = norm_behind(graph, readers);
                parts.push(AffinePart { source, before, layer: id, norm, head: norm.unwrap_or(id) });
            }
            Role::Between | Role::Norm if !readers.is_empty() => {
                let chain: Vec<NodeId> = before.iter().copied().chain([id]).collect();
                open.extend(readers.iter().map(|reader| (*reader, chain.clone())));
            }
            Role::Between | Role::Norm | Role::Alone | Role::Outside => {
                problems.push(unsupported(graph, id, way_out));
            }
        }
    }
    parts.sort_by_key(|part| part.head);
    problems.dedup();
    (parts, problems)
}

/// The affine parts of the whole graph: `first`, then every other conv and dense layer, then the batch norms that stand alone.
pub(crate) fn affine_parts(graph: &Graph, first: Vec<AffinePart>) -> Vec<AffinePart> {
    let consumers = graph.consumers();
    let mut parts = first;
    for (id, node) in graph.nodes() {
        if role(&node.op) != Role::Layer || parts.iter().any(|part| part.contains(id)) {
            continue;
        }
        let before = norms_before(graph, &consumers, &parts, id);
        let source = graph.node(*before.first().unwrap_or(&id)).inputs[0];
        let norm = norm_behind(graph, &consumers[id.index()]);
        parts.push(AffinePart { source, before, layer: id, norm, head: norm.unwrap_or(id) });
    }
    for (id, node) in graph.nodes() {
        let role = role(&node.op);
        if role == Role::Alone || (role == Role::Norm && !parts.iter().any(|part| part.contains(id))) {
            parts.push(AffinePart { source: node.inputs[0], before: vec![], layer: id, norm: None, head: id });
        }
    }
    parts.sort_by_key(|part| part.head);
    parts
}

/// The batch norm that is the only reader of a layer.
fn norm_behind(graph: &Graph, readers: &[NodeId]) -> Option<NodeId> {
    match readers {
        [only] if role(&graph.node(*only).op) == Role::Norm => Some(*only),
        _ => None,
    }
}

/// The chain from the first foldable batch norm before a layer up to the layer, each node with one reader and in no other part.
fn norms_before(graph: &Graph, consumers: &[Vec<NodeId>], parts: &[AffinePart], layer: NodeId) -> Vec<NodeId> {
    let (mut chain, mut id) = (Vec::new(), graph.node(layer).inputs[0]);
    while matches!(role(&graph.node(id).op), Role::Between | Role::Norm)
        && consumers[id.index()].len() == 1
        && !parts.iter().any(|part| part.contains(id))
    {
        chain.insert(0, id);
        id = graph.node(id).inputs[0];
    }
    let first_norm = chain.iter().position(|id| role(&graph.node(*id).op) == Role::Norm);
    first_norm.map_or_else(Vec::new, |start| chain.split_off(start))
}

/// For every node, whether its activation cannot be negative whatever the parameters.
///
/// Then the terms of a rule that read the negative part of an input are zero, and not computed.
pub(crate) fn nonnegative(graph: &Graph) -> Vec<bool> {
    let mut known: Vec<bool> = Vec::with_capacity(graph.nodes().len());
    for (_, node) in graph.nodes() {
        let inputs = !node.inputs.is_empty() && node.inputs.iter().all(|input| known[input.index()]);
        known.push(match node.op {
            Op::Relu | Op::Softmax | Op::Sigmoid | Op::SpatialShare(_) | Op::Threshold(_) => true,
            Op::Input | Op::Conv(_) | Op::ConvTranspose(_) | Op::Dense(_) | Op::BatchNorm(_) => false,
            Op::LayerNorm(_) | Op::Gelu | Op::Tokens(_) | Op::AttentionScores { .. } => false,
            Op::MaxPool(_)
            | Op::AveragePool(_)
            | Op::AdaptiveAveragePool(_)
            | Op::LogSumExpPool(_)
            | Op::Add
            | Op::Concat
            | Op::Flatten
            | Op::Dropout(_)
            | Op::Gate
            | Op::Interpolate
            | Op::SelectToken(_)
            | Op::NarrowChannels { .. }
            | Op::AttentionSums
            | Op::Identity => inputs,
        });
    }
    known
}

#[cfg(test)]
mod tests {
    use isnet_graph::{ConvSpec, GraphBuilder};

    use super::*;

    #[test]
    fn a_norm_is_folded_backwards_first_then_forwards_and_else_stands_alone() {
        let mut build = GraphBuilder::new(1);
        let x = build.input();
        let x = build.conv("conv0", x, ConvSpec::square(1, 2, 1));
        let x = build.batch_norm("behind", x, 2);
        let x = build.batch_norm("before", x, 2);
        let x = build.conv("conv1", x, ConvSpec::square(2, 2, 1));
        let x = build.relu("relu", x);
        let x = build.batch_norm("alone", x, 2);
        let x = build.relu("last", x);
        let graph = build.finish(x).expect("valid");
        let name = |id: &NodeId| graph.node(*id).name.as_str();
        let found: Vec<_> = affine_parts(&graph, vec![])
            .iter()
            .map(|part| (part.before.iter().map(name).collect::<Vec<_>>(), name(&part.layer), name(&part.head)))
            .collect();
        let expected = [(vec![], "conv0", "behind"), (vec!["before"], "conv1", "conv1"), (vec![], "alone", "alone")];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_norm_with_two_readers_stands_alone() {
        let mut build = GraphBuilder::new(1);
        let x = build.input();
        let norm = build.batch_norm("norm", x, 1);
        let a = build.conv("a", norm, ConvSpec::square(1, 1, 1));
        let b = build.conv("b", norm, ConvSpec::square(1, 1, 1));
        let x = build.add("add", &[a, b]);
        let graph = build.finish(x).expect("valid");
        let parts = affine_parts(&graph, vec![]);
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.before.is_empty() && part.layer == part.head));
    }
}
