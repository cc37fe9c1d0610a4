//! Finds the affine parts between the image and the first nonlinearity, where z^B applies.

use isnet_graph::{Graph, NodeId, Op};

use crate::composite::unsupported;
use crate::error::UnsupportedNode;

/// `image → [identity | flatten | batch norm]* → conv or dense → [batch norm]`: one affine map of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct AffinePart {
    /// Nodes between the image and the layer, in order.
    pub before: Vec<NodeId>,
    /// The conv or dense node.
    pub layer: NodeId,
    /// The batch norm that is folded into it.
    pub norm: Option<NodeId>,
    /// The node whose output is the affine map's: the norm, or else the layer.
    pub head: NodeId,
}

const WAY_OUT: &str = "z^B starts at a conv or dense layer on the image; turn it off (`z_box = false`)";

/// All affine parts that read the image, and the nodes for which there is none.
pub(crate) fn first_affine_parts(graph: &Graph) -> (Vec<AffinePart>, Vec<UnsupportedNode>) {
    let consumers = graph.consumers();
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    let mut open: Vec<(NodeId, Vec<NodeId>)> =
        consumers[graph.input().index()].iter().map(|id| (*id, Vec::new())).collect();
    if open.is_empty() {
        problems.push(unsupported(graph, graph.input(), WAY_OUT));
    }
    while let Some((id, before)) = open.pop() {
        let readers = &consumers[id.index()];
        match graph.node(id).op {
            Op::Conv(_) | Op::Dense(_) => {
                let norm = match readers.as_slice() {
                    [only] if matches!(graph.node(*only).op, Op::BatchNorm(_)) => Some(*only),
                    _ => None,
                };
                parts.push(AffinePart { before, layer: id, norm, head: norm.unwrap_or(id) });
            }
            Op::Identity | Op::Flatten | Op::BatchNorm(_) if !readers.is_empty() => {
                let chain: Vec<NodeId> = before.iter().copied().chain([id]).collect();
                open.extend(readers.iter().map(|reader| (*reader, chain.clone())));
            }
            _ => problems.push(unsupported(graph, id, WAY_OUT)),
        }
    }
    parts.sort_by_key(|part| part.head);
    problems.dedup();
    (parts, problems)
}
