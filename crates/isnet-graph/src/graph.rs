//! Nodes and their connections.

use std::collections::{BTreeSet, HashSet};

use crate::error::GraphError;
use crate::op::Op;
use crate::params::{ParamId, ParamSpec};

/// Where a node stands in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// Position in [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// One operation and what it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// For people and weight files; unique. Nobody parses it.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Which nodes it reads, in order.
    pub inputs: Vec<NodeId>,
}

/// A model as data. Built by [`GraphBuilder`](crate::GraphBuilder); valid by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) params: Vec<ParamSpec>,
    pub(crate) output: NodeId,
    pub(crate) input_channels: usize,
    pub(crate) supervised: Vec<NodeId>,
    pub(crate) segmentation: Option<NodeId>,
    pub(crate) anomaly: Option<NodeId>,
}

impl Graph {
    /// All nodes; every node comes after its inputs.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index), node))
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node of this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    /// The image node.
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// The node whose value is the answer: logits, or the softmax over them.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// The node that holds the logits: the output, or what its softmax reads.
    pub fn logits(&self) -> NodeId {
        match self.node(self.output).op {
            Op::Softmax => self.node(self.output).inputs[0],
            _ => self.output,
        }
    }

    /// The last map of features that still has places: what the pool to one value, or else the flatten, before the head reads. `None` where
    /// the head follows from nothing of the kind.
    ///
    /// # Example
    /// ```
    /// use isnet_graph::{ConvSpec, GraphBuilder};
    /// let mut build = GraphBuilder::new(1);
    /// let image = build.input();
    /// let features = build.conv("conv", image, ConvSpec::square(1, 4, 3));
    /// let x = build.adaptive_average_pool("pool", features, [1, 1]);
    /// let x = build.flatten("flatten", x);
    /// let logits = build.dense("fc", x, 4, 2);
    /// assert_eq!(build.finish(logits)?.last_features(), Some(features));
    /// # Ok::<(), isnet_graph::GraphError>(())
    /// ```
    pub fn last_features(&self) -> Option<NodeId> {
        let (mut id, mut flattened) = (self.logits(), None);
        loop {
            let node = self.node(id);
            match node.op {
                Op::AveragePool(_) | Op::AdaptiveAveragePool(_) | Op::LogSumExpPool(_) => return Some(node.inputs[0]),
                Op::Flatten => flattened = Some(node.inputs[0]),
                Op::Dense(_) | Op::Relu | Op::Dropout(_) | Op::Identity | Op::BatchNorm(_) => {}
                _ => return flattened,
            }
            id = node.inputs[0];
        }
    }

    /// Whether each node is wanted for one of `targets`: is one of them, or is read on the way there.
    pub fn ancestors(&self, targets: &[NodeId]) -> Vec<bool> {
        let mut wanted = vec![false; self.nodes.len()];
        targets.iter().for_each(|target| wanted[target.0] = true);
        for (id, node) in self.nodes().rev() {
            if wanted[id.0] {
                node.inputs.iter().for_each(|input| wanted[input.0] = true);
            }
        }
        wanted
    }

    /// The node whose value is the map of logits `[N, H, W, 1]` of a segmentation, if the graph makes one; above 0 is foreground.
    pub fn segmentation(&self) -> Option<NodeId> {
        self.segmentation
    }

    /// The node whose value is the logit `[N, 1, 1, 1]` of "there is something of any class", if the graph has one beside the classes.
    pub fn anomaly(&self) -> Option<NodeId> {
        self.anomaly
    }

    /// The part of the graph that ends at a node, which becomes its output. What does not lead there is left out, parameters too.
    ///
    /// # Example
    /// ```
    /// use isnet_graph::GraphBuilder;
    /// let mut build = GraphBuilder::new(2);
    /// let image = build.input();
    /// let features = build.dense("first", image, 2, 2);
    /// let logits = build.dense("second", features, 2, 2);
    /// let first = build.finish(logits)?.until(features);
    /// let names: Vec<&str> = first.params().map(|(_, spec)| spec.name.as_str()).collect();
    /// assert_eq!((first.nodes().len(), names), (2, vec!["first.weight", "first.bias"]));
    /// # Ok::<(), isnet_graph::GraphError>(())
    /// ```
    #[must_use]
    pub fn until(&self, end: NodeId) -> Self {
        let wanted = self.ancestors(&[end]);
        let kept: Vec<NodeId> = self.nodes().map(|(id, _)| id).filter(|id| wanted[id.0]).collect();
        let place = |id: NodeId| kept.binary_search(&id).ok().map(NodeId);
        let read: BTreeSet<usize> =
            kept.iter().flat_map(|id| self.node(*id).op.params()).map(|param| param.0).collect();
        let read: Vec<usize> = read.into_iter().collect();
        let nodes = kept.iter().map(|id| {
            let mut node = self.node(*id).clone();
            node.inputs = node.inputs.iter().filter_map(|input| place(*input)).collect();
            node.op.params_mut().into_iter().for_each(|param| param.0 = read.partition_point(|it| *it < param.0));
            node
        });
        Self {
            nodes: nodes.collect(),
            params: read.iter().map(|param| self.params[*param].clone()).collect(),
            output: NodeId(kept.len() - 1),
            input_channels: self.input_channels,
            supervised: self.supervised.iter().filter_map(|id| place(*id)).collect(),
            segmentation: self.segmentation.and_then(place),
            anomaly: self.anomaly.and_then(place),
        }
    }

    /// Whether the output is logits of classes, and not the map of a segmentation alone.
    pub fn classifies(&self) -> bool {
        self.segmentation != Some(self.output)
    }

    /// Channels of the image.
    pub fn input_channels(&self) -> usize {
        self.input_channels
    }

    /// Nodes at which deep supervision (LDS) applies the heatmap loss besides the image.
    pub fn supervised(&self) -> &[NodeId] {
        &self.supervised
    }

    /// Parameters and buffers, in the order of [`Params`](crate::Params).
    pub fn params(&self) -> impl Iterator<Item = (ParamId, &ParamSpec)> {
        self.params.iter().enumerate().map(|(index, spec)| (ParamId(index), spec))
    }

    /// Name, shape and role of a parameter.
    pub fn param(&self, id: ParamId) -> &ParamSpec {
        &self.params[id.0]
    }

    /// For every node, the nodes that read it.
    pub fn consumers(&self) -> Vec<Vec<NodeId>> {
        let mut consumers = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.nodes() {
            for input in &node.inputs {
                consumers[input.0].push(id);
            }
        }
        consumers
    }

    pub(crate) fn validate(&self) -> Result<(), GraphError> {
        let mut names = HashSet::new();
        for (id, node) in self.nodes() {
            let named = || node.name.clone();
            if !names.insert(&node.name) {
                return Err(GraphError::DuplicateName { node: named() });
            }
            if !node.op.arity().contains(&node.inputs.len()) {
                return Err(GraphError::Arity { node: named(), op: node.op.name(), got: node.inputs.len() });
            }
            if (node.op == Op::Input) != (id.0 == 0) {
                return Err(GraphError::Input { node: named() });
            }
        }
        Ok(())
    }
}
