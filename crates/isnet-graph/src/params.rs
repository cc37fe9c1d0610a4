//! Parameters by name, and their values.

use burn::tensor::{DType, Device, Tensor, TensorData};
use isnet_kernels::{ConvWeight, WeightForms};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::graph::Graph;
use crate::init::Init;

/// Where a parameter stands in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub(crate) usize);

impl ParamId {
    /// Position in [`Graph::params`] and [`Params`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a parameter does, hence how it starts and whether it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamRole {
    /// Kernel of a convolution, `[C_out, C_in / groups, h, w]`.
    ConvWeight,
    /// Matrix of a dense layer, `[C_out, C_in]`.
    DenseWeight,
    /// Bias of a convolution or dense layer.
    Bias,
    /// γ of a norm.
    NormWeight,
    /// β of a norm.
    NormBias,
    /// Running mean of a batch norm; a buffer.
    RunningMean,
    /// Running variance of a batch norm; a buffer.
    RunningVar,
    /// Learned vectors, `[1, T, C]`: a token, or what is added to tokens at their positions.
    Embedding,
}

impl ParamRole {
    /// Whether the optimizer changes it. Buffers are changed by the forward pass in training.
    pub fn is_trainable(self) -> bool {
        !matches!(self, ParamRole::RunningMean | ParamRole::RunningVar)
    }
}

/// Name, shape, role and start of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// The name in weight files (torchvision's, letter for letter).
    pub name: String,
    /// The shape in weight files.
    pub shape: Vec<usize>,
    /// What it does.
    pub role: ParamRole,
    /// Where it starts.
    pub init: Init,
}

impl ParamSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Draws the values a parameter starts with.
    pub fn draw(&self, rng: &mut impl Rng) -> Vec<f32> {
        self.init.draw(self.len(), rng)
    }
}

/// Values of all parameters and buffers of a graph, each as a flat tensor in the row-major order of its shape.
#[derive(Clone, Debug)]
pub struct Params {
    values: Vec<Tensor<1>>,
    /// What the kernels make of each value.
    forms: Vec<WeightForms>,
}

impl Params {
    /// Draws all parameters from `seed`; each name has its own stream, so that two models share what they share by name and shape.
    pub fn initialize(graph: &Graph, seed: u64, device: &Device) -> Self {
        Self::from_fn(graph, device, DType::F32, |spec| {
            spec.draw(&mut name_stream(seed, &spec.name)).into_iter().map(f64::from).collect()
        })
    }

    /// Makes every parameter by a function of its specification, in the given float type.
    ///
    /// # Panics
    /// If the function returns another number of values than the shape has.
    pub fn from_fn(
        graph: &Graph,
        device: &Device,
        dtype: DType,
        mut values: impl FnMut(&ParamSpec) -> Vec<f64>,
    ) -> Self {
        let tensor = |spec: &ParamSpec| {
            let values = values(spec);
            assert_eq!(values.len(), spec.len(), "values of parameter `{}`", spec.name);
            Tensor::from_data(TensorData::from(values.as_slice()), (device, dtype))
        };
        Self::new(graph.params.iter().map(tensor).collect())
    }

    /// Takes the values as they are.
    ///
    /// # Panics
    /// If their number or lengths are not the graph's.
    pub fn from_tensors(graph: &Graph, values: Vec<Tensor<1>>) -> Self {
        assert_eq!(values.len(), graph.params.len(), "number of parameters");
        for (value, spec) in values.iter().zip(&graph.params) {
            assert_eq!(value.dims()[0], spec.len(), "values of parameter `{}`", spec.name);
        }
        Self::new(values)
    }

    fn new(values: Vec<Tensor<1>>) -> Self {
        let forms = values.iter().map(|_| WeightForms::default()).collect();
        Self { values, forms }
    }

    /// The flat value of a parameter.
    pub fn flat(&self, id: ParamId) -> Tensor<1> {
        self.values[id.0].clone()
    }

    /// The value of a parameter in its shape.
    ///
    /// # Panics
    /// If the parameter has not `D` axes.
    pub fn get<const D: usize>(&self, graph: &Graph, id: ParamId) -> Tensor<D> {
        let shape: [usize; D] =
            graph.param(id).shape.as_slice().try_into().expect("rank of a parameter follows from its role");
        self.values[id.0].clone().reshape(shape)
    }

    /// The weight of a convolution or dense layer (a kernel of one pixel), with the forms that were made of its value before.
    ///
    /// # Panics
    /// If the parameter has neither four axes nor two.
    pub fn kernel(&self, graph: &Graph, id: ParamId) -> ConvWeight {
        // The tensor is made anew: a step of an autodiff graph can be walked back only once.
        let tensor = match graph.param(id).shape.as_slice() {
            [outputs, inputs] => self.values[id.0].clone().reshape([*outputs, *inputs, 1, 1]),
            _ => self.get(graph, id),
        };
        ConvWeight::with_forms(tensor, self.forms[id.0].clone())
    }

    /// Replaces the flat value of a parameter.
    pub fn set(&mut self, id: ParamId, value: Tensor<1>) {
        assert_eq!(value.dims(), self.values[id.0].dims(), "length of a parameter");
        self.forms[id.0] = WeightForms::default();
        self.values[id.0] = value;
    }

    /// All values in the order of [`Graph::params`].
    pub fn values(&self) -> &[Tensor<1>] {
        &self.values
    }

    /// The same values as leaves of a new autodiff graph: gradients are kept for the parameters that `select` names.
    #[must_use]
    pub fn tracked(&self, graph: &Graph, select: impl Fn(ParamId, &ParamSpec) -> bool) -> Self {
        let track = |(id, spec): (ParamId, &ParamSpec)| {
            let value = self.values[id.0].clone().inner();
            if spec.role.is_trainable() && select(id, spec) { value.autodiff().require_grad() } else { value }
        };
        Self::new(graph.params().map(track).collect())
    }
}

/// A stream of random numbers that belongs to a seed and a name.
fn name_stream(seed: u64, name: &str) -> ChaCha8Rng {
    // FNV-1a: stable across versions and platforms, unlike the standard hasher.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(hash);
    rng
}
