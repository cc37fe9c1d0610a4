//! Which nodes can be computed together with the node that reads them.

use crate::graph::{Graph, NodeId};
use crate::op::Op;

impl Graph {
    /// For every node, its reader, if that is the only one and nobody asks for the node's value itself.
    pub(crate) fn only_readers(&self) -> Vec<Option<NodeId>> {
        let readers = self.consumers().into_iter();
        let only = readers.map(|readers| if let [only] = readers[..] { Some(only) } else { None });
        only.zip(self.nodes()).map(|(only, (id, _))| only.filter(|_| id != self.logits())).collect()
    }

    /// For every batch norm and sum of two that only a ReLU reads, that ReLU: [`Graph::forward`] computes the two in one sweep, and a
    /// relevance pass may go back through both in one.
    ///
    /// # Example
    /// ```
    /// use isnet_graph::{ConvSpec, GraphBuilder};
    /// let mut build = GraphBuilder::new(1);
    /// let image = build.input();
    /// let norm = build.batch_norm("norm", image, 1);
    /// let relu = build.relu("relu", norm);
    /// let sum = build.add("sum", &[relu, norm]); // a second reader of `norm`
    /// let last = build.relu("last", sum);
    /// let graph = build.finish(last)?;
    /// assert_eq!(graph.fused_relus(), [None, None, None, Some(last), None]);
    /// # Ok::<(), isnet_graph::GraphError>(())
    /// ```
    pub fn fused_relus(&self) -> Vec<Option<NodeId>> {
        let fuses = |id: NodeId| {
            let node = self.node(id);
            matches!(node.op, Op::BatchNorm(_)) || (node.op == Op::Add && node.inputs.len() == 2)
        };
        let readers = self.only_readers().into_iter().zip(self.nodes());
        let relu = |reader: NodeId, id: NodeId| self.node(reader).op == Op::Relu && fuses(id);
        readers.map(|(reader, (id, _))| reader.filter(|reader| relu(*reader, id))).collect()
    }
}
