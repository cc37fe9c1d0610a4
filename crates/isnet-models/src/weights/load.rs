//! From a weight file into the parameters of a graph.

use std::collections::{HashMap, HashSet};

use burn::tensor::{Tensor, TensorData};
use isnet_graph::{Graph, ParamId, ParamSpec, Params};

use crate::error::{ModelError, Problem, ShapeDifference};
use crate::weights::{NamedTensor, TensorValues, Weights, head_params, identify, names, position};

/// What becomes of tensors of a file that the model has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusedWeights {
    /// They are an error, as with PyTorch's `strict=True`: the network that they come from is another one.
    Refuse,
    /// They are left out, and listed in the report.
    Allow,
}

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
    /// Tensors of the file that the graph has no place for, by their names in the file.
    pub unused: Vec<String>,
    /// What was taken off the names in the file; often nothing.
    pub prefix: String,
}

impl LoadReport {
    /// All that people should know, a line each.
    pub fn notes(&self) -> Vec<String> {
        let below = if self.prefix.is_empty() { String::new() } else { format!(" from below `{}`", self.prefix) };
        let mut notes = vec![format!("{} tensors loaded{below}", self.loaded.len())];
        notes.extend(self.head_replaced.iter().map(|difference| format!("the head starts afresh: {difference}")));
        notes.extend(self.missing.iter().map(|name| format!("the head starts afresh: `{name}` is not in the file")));
        notes.extend(self.resampled.iter().map(|difference| format!("the positions are resampled: {difference}")));
        notes.extend(self.unused.iter().map(|name| format!("left out, the model has no place for it: `{name}`")));
        notes
    }
}

/// Fills parameters with tensors of the same name and shape.
///
/// A head for another number of classes, or none, is reported and left as it is; positions of a vision transformer for images of another size are
/// resampled. Nothing is changed if anything is wrong.
///
/// # Errors
/// [`ModelError::Mismatch`] if another parameter is missing or has another shape, or if the weights are all there but those of another
/// architecture (ResNet-34 contains every tensor of ResNet-18); [`ModelError::Unused`] if tensors are left over and must not be;
/// [`ModelError::NotFinite`] if a weight is NaN or infinite.
pub fn load_into(
    graph: &Graph,
    params: &mut Params,
    weights: &Weights,
    unused: UnusedWeights,
) -> Result<LoadReport, ModelError> {
    let (tensors, resampled) = position::resampled(graph, &weights.tensors);
    let by_name = by_name(&tensors);
    let head = Head::of(graph, &by_name);
    let (report, values) = matched(graph, weights, &by_name, &head)?;
    if unused == UnusedWeights::Refuse && !report.unused.is_empty() {
        return Err(ModelError::Unused { names: report.unused });
    }
    fill(params, values)?;
    Ok(LoadReport { resampled, ..report })
}

/// Fills parameters with tensors of the same name and shape, the head like all others, and no tensor left over: for a model that is taken up
/// again.
///
/// # Errors
/// As [`load_into`], also where the head is missing or has another number of classes.
///
/// # Example
/// ```
/// use burn::tensor::Device;
/// use isnet_graph::Params;
/// use isnet_models::{build, export, load_exactly, plain_cnn::reference};
///
/// let [three, two] = [3, 2].map(|n_classes| build(&reference(n_classes, 3)).expect("it is known"));
/// let weights = export(&three, &Params::initialize(&three, 1, &Device::flex()));
/// let mut params = Params::initialize(&two, 2, &Device::flex());
/// let error = load_exactly(&two, &mut params, &weights).expect_err("it has another number of classes");
/// assert!(error.to_string().contains("`10.weight`: [3, 24] in the file, [2, 24] here"));
/// ```
pub fn load_exactly(graph: &Graph, params: &mut Params, tensors: &[NamedTensor]) -> Result<LoadReport, ModelError> {
    let like_all_others = Head { names: Vec::new(), fate: Fate::Loaded };
    let weights = Weights::from(tensors.to_vec());
    let (report, values) = matched(graph, &weights, &by_name(&weights.tensors), &like_all_others)?;
    if !report.unused.is_empty() {
        let problems = report.unused.into_iter().map(|name| Problem::Unused { name }).collect();
        return Err(ModelError::Mismatch { problems, file: None, looks_like: None });
    }
    fill(params, values)?;
    Ok(report)
}

fn by_name(tensors: &[NamedTensor]) -> HashMap<&str, &NamedTensor> {
    tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect()
}

fn fill(params: &mut Params, values: Vec<Match<'_>>) -> Result<(), ModelError> {
    for (_, tensor, values) in &values {
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(ModelError::NotFinite { tensor: tensor.name.clone(), index, value: values[index] });
        }
    }
    for (id, _, values) in values {
        let old = params.flat(id);
        let data = TensorData::from(values);
        params.set(id, Tensor::from_data(data, (&old.device(), old.dtype())));
    }
    Ok(())
}

/// A parameter, the tensor that fits it, and its values.
type Match<'a> = (ParamId, &'a NamedTensor, &'a [f32]);

/// Pairs every parameter with its tensor in `by_name`, which has those of `weights` with fitting positions.
fn matched<'a>(
    graph: &Graph,
    weights: &Weights,
    by_name: &HashMap<&str, &'a NamedTensor>,
    head: &Head<'_>,
) -> Result<(LoadReport, Vec<Match<'a>>), ModelError> {
    let mut report =
        LoadReport { unused: unused(graph, weights), prefix: weights.prefix.clone(), ..LoadReport::default() };
    let mut problems = twice(&weights.tensors);
    let mut values = Vec::new();
    for (id, spec) in graph.params() {
        let tensor = by_name.get(spec.name.as_str()).copied();
        match (tensor, head.fate(spec)) {
            (_, Fate::Missing) => report.missing.push(spec.name.clone()),
            (Some(tensor), Fate::Replaced) => report.head_replaced.push(difference(spec, tensor)),
            (Some(tensor), _) => match &tensor.values {
                TensorValues::I64(_) => problems.push(Problem::Integers { name: spec.name.clone() }),
                TensorValues::F32(floats) if tensor.shape == spec.shape => {
                    report.loaded.push(spec.name.clone());
                    values.push((id, tensor, floats.as_slice()));
                }
                TensorValues::F32(_) => problems.push(Problem::Shape(difference(spec, tensor))),
            },
            (None, _) => problems.push(Problem::Missing { name: spec.name.clone(), shape: spec.shape.clone() }),
        }
    }
    let looks_like = match problems.is_empty() && report.unused.is_empty() {
        true => None,
        false => identify::of_weights(weights).filter(|name| Some(*name) != identify::of_graph(graph)),
    };
    if looks_like.is_some() {
        problems.extend(report.unused.iter().map(|name| Problem::Unused { name: name.clone() }));
    }
    if problems.is_empty() {
        return Ok((report, values));
    }
    let is_elsewhere = 2 * report.loaded.len() < graph.params().count();
    Err(ModelError::Mismatch { problems, file: is_elsewhere.then(|| weights.contents()), looks_like })
}

/// Tensors without a place in the graph, by their names in the file.
fn unused(graph: &Graph, weights: &Weights) -> Vec<String> {
    let known: HashSet<&str> = graph.params().map(|(_, spec)| spec.name.as_str()).collect();
    let names = weights.tensors.iter().map(|tensor| tensor.name.as_str());
    let unknown = names.filter(|name| !known.contains(name) && !names::is_counter(name));
    let left_over = weights.left_over.iter().map(|it| it.name.clone());
    unknown.map(|name| format!("{}{name}", weights.prefix)).chain(left_over).collect()
}

fn twice(tensors: &[NamedTensor]) -> Vec<Problem> {
    let mut seen = HashSet::new();
    let again = tensors.iter().filter(|tensor| !seen.insert(tensor.name.as_str()));
    again.map(|tensor| Problem::Twice { name: tensor.name.clone() }).collect()
}

fn difference(spec: &ParamSpec, tensor: &NamedTensor) -> ShapeDifference {
    ShapeDifference { name: spec.name.clone(), file: tensor.shape.clone(), graph: spec.shape.clone() }
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
    fn of(graph: &'a Graph, by_name: &HashMap<&str, &NamedTensor>) -> Self {
        let specs = head_params(graph);
        let pairs: Vec<_> = specs.iter().map(|spec| (*spec, by_name.get(spec.name.as_str()).copied())).collect();
        // The same but for the number of classes, and the same number in weight and bias.
        let other_classes = |(spec, tensor): &(&ParamSpec, Option<&NamedTensor>)| {
            tensor.is_some_and(|tensor| {
                tensor.shape.len() == spec.shape.len()
                    && matches!(tensor.values, TensorValues::F32(_))
                    && tensor.shape[0] != spec.shape[0]
                    && tensor.shape[1..] == spec.shape[1..]
            })
        };
        let fate = if pairs.iter().all(|(_, tensor)| tensor.is_none()) {
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
