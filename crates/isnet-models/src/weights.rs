//! Weights of a graph in files and back.

use isnet_graph::{Graph, NodeId, Op, ParamSpec};

mod export;
mod file;
mod identify;
mod load;
mod names;
mod position;
mod tensor;
mod timm;

pub use export::export;
pub use file::{LeftOver, WeightFile, Weights};
pub use load::{LoadReport, UnusedWeights, load_exactly, load_into};
pub use tensor::{METADATA_KEY, NamedTensor, TensorValues, to_safetensors};

/// The head: the last dense layer or convolution, whose outputs become the logits. `None` if there is more than one way back.
///
/// # Example
/// ```
/// use isnet_models::{Architecture, build, head};
/// let graph = build(&Architecture::new("squeezenet1_1", 2, 3))?; // conv, ReLU, global pool
/// let head = head(&graph).expect("all architectures of the zoo have a head");
/// assert_eq!(graph.node(head).name, "classifier.1");
/// # Ok::<(), isnet_models::ModelError>(())
/// ```
pub fn head(graph: &Graph) -> Option<NodeId> {
    let mut id = graph.logits();
    loop {
        let node = graph.node(id);
        match (&node.op, node.inputs.as_slice()) {
            (Op::Dense(_) | Op::Conv(_), _) => return Some(id),
            (_, [input]) => id = *input,
            _ => return None,
        }
    }
}

/// Names of the head's parameters.
fn head_params(graph: &Graph) -> Vec<&ParamSpec> {
    let ids = head(graph).map(|id| graph.node(id).op.params()).unwrap_or_default();
    ids.into_iter().map(|id| graph.param(id)).collect()
}

/// The counter that PyTorch keeps in every batch norm and that no result depends on.
const BATCH_COUNTER: &str = "num_batches_tracked";
