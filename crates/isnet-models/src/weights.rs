//! Weights as files have them: a name, a shape, values.

use isnet_graph::{Graph, NodeId, Op, ParamSpec};

mod export;
mod file;
mod identify;
mod load;
mod position;
mod timm;

pub use export::{export, to_safetensors};
pub use file::WeightFile;
pub use load::{LoadReport, load_exactly, load_into};

/// A tensor of a weight file, in row-major order.
///
/// # Example
/// ```
/// use isnet_models::NamedArray;
/// let bias = NamedArray::f32("fc.bias", [2], vec![0.5, -0.5]);
/// assert_eq!(bias.shape, [2]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Name as in torchvision: `layer1.0.bn1.running_mean`.
    pub name: String,
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many values as the product of the sizes.
    pub values: ArrayValues,
}

/// The values of a tensor, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// Weights and statistics.
    F32(Vec<f32>),
    /// Counters: `num_batches_tracked` of a batch norm.
    I64(Vec<i64>),
}

impl NamedArray {
    /// A tensor of floats.
    ///
    /// # Panics
    /// If the number of values is not the product of `shape`: a bug in the caller.
    pub fn f32(name: impl Into<String>, shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        let (name, shape) = (name.into(), shape.into());
        assert_eq!(values.len(), shape.iter().product::<usize>(), "values of tensor `{name}` of shape {shape:?}");
        Self { name, shape, values: ArrayValues::F32(values) }
    }
}

impl ArrayValues {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

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
