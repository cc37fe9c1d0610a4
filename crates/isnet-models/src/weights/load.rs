//! From a weight file into the parameters of a graph.

use std::collections::{HashMap, HashSet};

use burn::tensor::{Tensor, TensorData};
use isnet_graph::{Graph, ParamId, ParamSpec, Params};

use crate::error::{ModelError, Problem, ShapeDifference};
use crate::weights::{ArrayValues, BATCH_COUNTER, NamedArray, head_params, identify, position};

/// What came of the tensors of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters that now have the file's values.
    pub loaded: Vec<String>,
    /// Parameters of the head that have another number of classes in the file; they keep their fresh values.
    pub head_replaced: Vec<ShapeDifference>,
    /// Positions of a vision transformer that were made for images of another size, and resampled.
    pub resampled: Vec<ShapeDifference>,
    /// Parameters of the head that a file without any head lacks; they keep their fresh values.
    pub missing: Vec<String>,
    /// Tensors of the file that the graph has no place for.
    pub unused: Vec<String>,
}

/// Fills parameters with tensors of the same name and shape.
///
/// A head for another number of classes, or none, is reported and left as it is; positions of a vision transformer for images of another size are
/// resampled. Nothing is changed if anything is wrong.
///
/// # Errors
/// [`ModelError::Mismatch`] if another parameter is missing or has another shape, or if the weights are all there but those of another
/// architecture (ResNet-34 contains every tensor of ResNet-18); [`ModelError::NotFinite`] if a weight is NaN or infinite.
pub fn load_into(graph: &Graph, params: &mut Params, arrays: &[NamedArray]) -> Result<LoadReport, ModelError> {
    let (arrays, resampled) = position::resampled(graph, arrays);
    let by_name = by_name(&arrays);
    let head = Head::of(graph, &by_name);
    let report = fill(params, matched(graph, &arrays, &by_name, &head)?)?;
    Ok(LoadReport { resampled, ..report })
}

/// Fills parameters with tensors of the same name and shape, the head like all others: for a model that is taken up again.
///
/// # Errors
/// As [`load_into`], also where the head is missing or has another number of classes.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use isnet_graph::Params;
/// use isnet_models::{Architecture, build, export, load_exactly};
///
/// let [three, two] = [3, 2].map(|n_classes| build(&Architecture::new("plain_cnn", n_classes, 3)).expect("it is known"));
/// let weights = export(&three, &Params::initialize(&three, 1, &Device::flex()));
/// let mut params = Params::initialize(&two, 2, &Device::flex());
/// let error = load_exactly(&two, &mut params, &weights).expect_err("it has another number of classes");
/// assert!(error.to_string().contains("`10.weight`: [3, 24] in the file, [2, 24] here"));
/// ```
pub fn load_exactly(graph: &Graph, params: &mut Params, arrays: &[NamedArray]) -> Result<LoadReport, ModelError> {
    let like_all_others = Head { names: Vec::new(), fate: Fate::Loaded };
    fill(params, matched(graph, arrays, &by_name(arrays), &like_all_others)?)
}

fn by_name(arrays: &[NamedArray]) -> HashMap<&str, &NamedArray> {
    arrays.iter().map(|array| (array.name.as_str(), array)).collect()
}

fn fill(params: &mut Params, (report, values): (LoadReport, Vec<Match<'_>>)) -> Result<LoadReport, ModelError> {
    for (_, array, values) in &values {
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { tensor: array.name.clone(), index, value: values[index] });
        }
    }
    for (id, _, values) in values {
        let old = params.flat(id);
        let data = TensorData::from(values);
        params.set(id, Tensor::from_data(data, (&old.device(), old.dtype())));
    }
    Ok(report)
}

/// A parameter, the array that fits it, and its values.
type Match<'a> = (ParamId, &'a NamedArray, &'a [f32]);

fn matched<'a>(
    graph: &Graph,
    arrays: &'a [NamedArray],
    by_name: &HashMap<&str, &'a NamedArray>,
    head: &Head<'_>,
) -> Result<(LoadReport, Vec<Match<'a>>), ModelError> {
    let mut report = LoadReport { unused: unused(graph, arrays), ..LoadReport::default() };
    let mut problems = Vec::new();
    let mut values = Vec::new();
    for (id, spec) in graph.params() {
        let array = by_name.get(spec.name.as_str()).copied();
        match (array, head.fate(spec)) {
            (_, Fate::Missing) => report.missing.push(spec.name.clone()),
            (Some(array), Fate::Replaced) => report.head_replaced.push(difference(spec, array)),
            (Some(array), _) => match &array.values {
                ArrayValues::F32(floats) if array.shape == spec.shape => {
                    report.loaded.push(spec.name.clone());
                    values.push((id, array, floats.as_slice()));
                }
                _ => problems.push(Problem::Shape(difference(spec, array))),
            },
            (None, _) => problems.push(Problem::Missing { name: spec.name.clone(), shape: spec.shape.clone() }),
        }
    }
    let looks_like = match problems.is_empty() && report.unused.is_empty() {
        true => None,
        false => identify::of_arrays(arrays).filter(|name| Some(*name) != identify::of_graph(graph)),
    };
    if looks_like.is_some() {
        problems.extend(report.unused.iter().map(|name| Problem::Unused { name: name.clone() }));
    }
    match problems.is_empty() {
        true => Ok((report, values)),
        false => Err(ModelError::Mismatch { problems, looks_like }),
    }
}

fn unused(graph: &Graph, arrays: &[NamedArray]) -> Vec<String> {
    let known: HashSet<&str> = graph.params().map(|(_, spec)| spec.name.as_str()).collect();
    let names = arrays.iter().map(|array| array.name.as_str());
    names.filter(|name| !known.contains(name) && !name.ends_with(BATCH_COUNTER)).map(str::to_owned).collect()
}

fn difference(spec: &ParamSpec, array: &NamedArray) -> ShapeDifference {
    ShapeDifference { name: spec.name.clone(), file: array.shape.clone(), graph: spec.shape.clone() }
}

/// What becomes of a parameter before its shape is looked at.
#[derive(Clone, Copy)]
enum Fate {
    /// It must fit.
    Loaded,
    /// Its number of classes differs.
    Replaced,
    /// The file has no head.
    Missing,
}

/// The parameters of the head, which share a fate.
struct Head<'a> {
    names: Vec<&'a str>,
    fate: Fate,
}

impl<'a> Head<'a> {
    fn of(graph: &'a Graph, by_name: &HashMap<&str, &NamedArray>) -> Self {
        let specs = head_params(graph);
        let pairs: Vec<_> = specs.iter().map(|spec| (*spec, by_name.get(spec.name.as_str()).copied())).collect();
        // The same but for the number of classes, and the same number in weight and bias.
        let other_classes = |(spec, array): &(&ParamSpec, Option<&NamedArray>)| {
            array.is_some_and(|array| {
                array.shape.len() == spec.shape.len()
                    && array.shape[0] != spec.shape[0]
                    && array.shape[1..] == spec.shape[1..]
            })
        };
        let fate = if pairs.iter().all(|(_, array)| array.is_none()) {
            Fate::Missing
        } else if pairs.iter().all(other_classes) {
            Fate::Replaced
        } else {
            Fate::Loaded
        };
        Self { names: specs.iter().map(|spec| spec.name.as_str()).collect(), fate }
    }

    fn fate(&self, spec: &ParamSpec) -> Fate {
        if self.names.contains(&spec.name.as_str()) { self.fate } else { Fate::Loaded }
    }
}
