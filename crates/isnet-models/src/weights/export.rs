//! From the parameters of a graph to a weight file.

use isnet_graph::{Graph, ParamRole, Params};

use crate::weights::{BATCH_COUNTER, NamedTensor};

/// All parameters and buffers, in the order of torchvision's `state_dict`, with the counter of each batch norm (always 0), so that
/// `load_state_dict(strict=True)` takes them.
///
/// # Panics
/// If `params` do not belong to `graph`.
pub fn export(graph: &Graph, params: &Params) -> Vec<NamedTensor> {
    let mut tensors = Vec::new();
    for (id, spec) in graph.params() {
        let data = params.flat(id).into_data().convert::<f32>();
        let values = data.try_into_vec::<f32>().expect("values were just converted to f32");
        tensors.push(NamedTensor::f32(&spec.name, spec.shape.clone(), values));
        if let (ParamRole::RunningVar, Some((node, _))) = (spec.role, spec.name.rsplit_once('.')) {
            tensors.push(NamedTensor::i64(format!("{node}.{BATCH_COUNTER}"), [], vec![0]));
        }
    }
    tensors
}
