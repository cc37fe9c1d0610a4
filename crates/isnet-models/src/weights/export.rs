//! From the parameters of a graph to a weight file.

use std::borrow::Cow;
use std::collections::HashMap;

use isnet_graph::{Graph, ParamRole, Params};
use safetensors::{Dtype, View};

use crate::error::ModelError;
use crate::weights::{ArrayValues, BATCH_COUNTER, NamedArray};

/// The one metadata key, so that the same weights always give the same bytes.
const METADATA_KEY: &str = "isnet";

/// All parameters and buffers, in the order of torchvision's `state_dict`, with the counter of each batch norm (always 0), so that
/// `load_state_dict(strict=True)` takes them.
///
/// # Panics
/// If `params` do not belong to `graph`.
pub fn export(graph: &Graph, params: &Params) -> Vec<NamedArray> {
    let mut arrays = Vec::new();
    for (id, spec) in graph.params() {
        let data = params.flat(id).into_data().convert::<f32>();
        let values = data.try_into_vec::<f32>().expect("values were just converted to f32");
        arrays.push(NamedArray::f32(&spec.name, spec.shape.clone(), values));
        if let (ParamRole::RunningVar, Some((node, _))) = (spec.role, spec.name.rsplit_once('.')) {
            let name = format!("{node}.{BATCH_COUNTER}");
            arrays.push(NamedArray { name, shape: Vec::new(), values: ArrayValues::I64(vec![0]) });
        }
    }
    arrays
}

/// The bytes of a safetensors file with [`export`]'s tensors; `metadata` is stored under the key `isnet`.
///
/// # Errors
/// [`ModelError::Encode`] if the format cannot hold the tensors.
pub fn to_safetensors(graph: &Graph, params: &Params, metadata: Option<String>) -> Result<Vec<u8>, ModelError> {
    let arrays = export(graph, params);
    let metadata = metadata.map(|text| HashMap::from([(METADATA_KEY.to_owned(), text)]));
    safetensors::serialize(arrays.iter().map(|array| (&array.name, array)), metadata)
        .map_err(|error| ModelError::Encode { reason: error.to_string() })
}

impl View for &NamedArray {
    fn dtype(&self) -> Dtype {
        match self.values {
            ArrayValues::F32(_) => Dtype::F32,
            ArrayValues::I64(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.values {
            ArrayValues::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ArrayValues::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn data_len(&self) -> usize {
        self.values.len() * self.dtype().bitsize() / 8
    }
}
