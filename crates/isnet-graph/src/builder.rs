//! How architectures write their graph down.

use isnet_kernels::{ConvGeometry, MaxPoolGeometry};

use crate::error::GraphError;
use crate::graph::{Graph, Node, NodeId};
use crate::init::Init;
use crate::op::{AveragePoolWindow, BatchNorm, Conv, Dense, LayerNorm, Op, Sharing};
use crate::params::{ParamId, ParamRole, ParamSpec};

/// Builds a [`Graph`] node by node. Names become node names; parameters are named `<node>.weight` and so on.
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    params: Vec<ParamSpec>,
    supervised: Vec<NodeId>,
    segmentation: Option<NodeId>,
    anomaly: Option<NodeId>,
    input_channels: usize,
}

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct ConvSpec {
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// `[height, width]`.
    pub kernel: [usize; 2],
    /// Stride, padding, dilation and groups.
    pub geometry: ConvGeometry,
    /// Whether it has a bias.
    pub bias: bool,
}

impl ConvSpec {
    /// A square kernel, stride 1, no padding, no bias.
    pub fn square(input: usize, output: usize, kernel: usize) -> Self {
        Self { input, output, kernel: [kernel; 2], geometry: ConvGeometry::default(), bias: false }
    }

    /// With zeros on all sides.
    #[must_use]
    pub fn padded(mut self, padding: usize) -> Self {
        self.geometry.padding = [padding; 2];
        self
    }

    /// With a stride in both directions.
    #[must_use]
    pub fn strided(mut self, stride: usize) -> Self {
        self.geometry.stride = [stride; 2];
        self
    }

    /// In channel groups.
    #[must_use]
    pub fn grouped(mut self, groups: usize) -> Self {
        self.geometry.groups = groups;
        self
    }

    /// With a bias.
    #[must_use]
    pub fn biased(mut self) -> Self {
        self.bias = true;
        self
    }
}

impl GraphBuilder {
    /// An empty graph for images of this many channels.
    pub fn new(input_channels: usize) -> Self {
        Self {
            nodes: Vec::new(),
            params: Vec::new(),
            supervised: Vec::new(),
            segmentation: None,
            anomaly: None,
            input_channels,
        }
    }

    /// The image. Call it once, first.
    pub fn input(&mut self) -> NodeId {
        self.node("input", Op::Input, &[])
    }

    /// A convolution.
    pub fn conv(&mut self, name: &str, input: NodeId, spec: ConvSpec) -> NodeId {
        let groups = spec.geometry.groups.max(1);
        let shape = vec![spec.output, spec.input / groups, spec.kernel[0], spec.kernel[1]];
        let weight = self.param(name, "weight", shape, ParamRole::ConvWeight);
        let bias = spec.bias.then(|| self.param(name, "bias", vec![spec.output], ParamRole::Bias));
        self.node(name, Op::Conv(Conv { weight, bias, geometry: spec.geometry }), &[input])
    }

    /// The transpose of a convolution, with bias, from `spec.input` to `spec.output` channels.
    pub fn conv_transpose(&mut self, name: &str, input: NodeId, spec: ConvSpec) -> NodeId {
        let groups = spec.geometry.groups.max(1);
        let shape = vec![spec.input, spec.output / groups, spec.kernel[0], spec.kernel[1]];
        let weight = self.param(name, "weight", shape, ParamRole::ConvWeight);
        let bias = Some(self.param(name, "bias", vec![spec.output], ParamRole::Bias));
        self.node(name, Op::ConvTranspose(Conv { weight, bias, geometry: spec.geometry }), &[input])
    }

    /// A dense layer with bias.
    pub fn dense(&mut self, name: &str, input: NodeId, inputs: usize, outputs: usize) -> NodeId {
        let weight = self.param(name, "weight", vec![outputs, inputs], ParamRole::DenseWeight);
        let bias = Some(self.param(name, "bias", vec![outputs], ParamRole::Bias));
        self.node(name, Op::Dense(Dense { weight, bias }), &[input])
    }

    /// A dense layer without bias.
    pub fn dense_unbiased(&mut self, name: &str, input: NodeId, inputs: usize, outputs: usize) -> NodeId {
        let weight = self.param(name, "weight", vec![outputs, inputs], ParamRole::DenseWeight);
        self.node(name, Op::Dense(Dense { weight, bias: None }), &[input])
    }

    /// Batch normalization with PyTorch's ε and momentum.
    pub fn batch_norm(&mut self, name: &str, input: NodeId, channels: usize) -> NodeId {
        let mut param = |leaf, role| self.param(name, leaf, vec![channels], role);
        let norm = BatchNorm {
            weight: param("weight", ParamRole::NormWeight),
            bias: param("bias", ParamRole::NormBias),
            running_mean: param("running_mean", ParamRole::RunningMean),
            running_var: param("running_var", ParamRole::RunningVar),
            epsilon: 1e-5,
            momentum: 0.1,
        };
        self.node(name, Op::BatchNorm(norm), &[input])
    }

    /// A ReLU.
    pub fn relu(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Relu, &[input])
    }

    /// A sigmoid, for a gate.
    pub fn sigmoid(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Sigmoid, &[input])
    }

    /// 1 above a value, else 0.
    pub fn threshold(&mut self, name: &str, input: NodeId, value: f64) -> NodeId {
        self.node(name, Op::Threshold(value), &[input])
    }

    /// How far each place opens, with mean 1.
    pub fn spatial_share(&mut self, name: &str, input: NodeId, sharing: Sharing) -> NodeId {
        self.node(name, Op::SpatialShare(sharing), &[input])
    }

    /// `input` at the size of `like`.
    pub fn interpolate(&mut self, name: &str, input: NodeId, like: NodeId) -> NodeId {
        self.node(name, Op::Interpolate, &[input, like])
    }

    /// `input` times `opening`, which is a constant of the relevance pass.
    pub fn gate(&mut self, name: &str, input: NodeId, opening: NodeId) -> NodeId {
        self.node(name, Op::Gate, &[input, opening])
    }

    /// A max pool.
    pub fn max_pool(&mut self, name: &str, input: NodeId, geometry: MaxPoolGeometry) -> NodeId {
        self.node(name, Op::MaxPool(geometry), &[input])
    }

    /// An average pool.
    pub fn average_pool(&mut self, name: &str, input: NodeId, window: AveragePoolWindow) -> NodeId {
        self.node(name, Op::AveragePool(window), &[input])
    }

    /// An average pool to a fixed output size.
    pub fn adaptive_average_pool(&mut self, name: &str, input: NodeId, size: [usize; 2]) -> NodeId {
        self.node(name, Op::AdaptiveAveragePool(size), &[input])
    }

    /// A smooth maximum over all places.
    pub fn log_sum_exp_pool(&mut self, name: &str, input: NodeId, sharpness: f64) -> NodeId {
        self.node(name, Op::LogSumExpPool(sharpness), &[input])
    }

    /// A sum.
    pub fn add(&mut self, name: &str, inputs: &[NodeId]) -> NodeId {
        self.node(name, Op::Add, inputs)
    }

    /// A concatenation along the channels.
    pub fn concat(&mut self, name: &str, inputs: &[NodeId]) -> NodeId {
        self.node(name, Op::Concat, inputs)
    }

    /// A flatten in channel-first order.
    pub fn flatten(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Flatten, &[input])
    }

    /// A dropout.
    pub fn dropout(&mut self, name: &str, input: NodeId, probability: f64) -> NodeId {
        self.node(name, Op::Dropout(probability), &[input])
    }

    /// A place with a name.
    pub fn identity(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Identity, &[input])
    }

    /// A layer norm.
    pub fn layer_norm(&mut self, name: &str, input: NodeId, channels: usize, epsilon: f64) -> NodeId {
        let mut param = |leaf, role| self.param(name, leaf, vec![channels], role);
        let norm = LayerNorm {
            weight: param("weight", ParamRole::NormWeight),
            bias: param("bias", ParamRole::NormBias),
            epsilon,
        };
        self.node(name, Op::LayerNorm(norm), &[input])
    }

    /// A GELU.
    pub fn gelu(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Gelu, &[input])
    }

    /// Probabilities over the channels.
    pub fn softmax(&mut self, name: &str, input: NodeId) -> NodeId {
        self.node(name, Op::Softmax, &[input])
    }

    /// Marks a node for deep supervision (LDS).
    pub fn supervise(&mut self, node: NodeId) {
        self.supervised.push(node);
    }

    /// Says which node is the map of logits of a segmentation. It is the output as well where the graph does nothing else.
    pub fn segments(&mut self, node: NodeId) {
        self.segmentation = Some(node);
    }

    /// Says which node is the logit of an anomaly.
    pub fn detects(&mut self, node: NodeId) {
        self.anomaly = Some(node);
    }

    /// Copies another graph in, reading `input` in place of its image; names get `prefix` before them. Returns the node that each of its nodes
    /// became. Its output, supervised nodes, segmentation and anomaly are the caller's to use.
    ///
    /// # Example
    /// ```
    /// use isnet_graph::GraphBuilder;
    /// let mut inner = GraphBuilder::new(2);
    /// let x = inner.input();
    /// let x = inner.dense("fc", x, 2, 2);
    /// let inner = inner.finish(x)?;
    ///
    /// let mut build = GraphBuilder::new(2);
    /// let image = build.input();
    /// let first = build.embed(&inner, "first.", image);
    /// let second = build.embed(&inner, "second.", first[inner.output().index()]);
    /// let graph = build.finish(second[inner.output().index()])?;
    /// let names: Vec<&str> = graph.params().map(|(_, spec)| spec.name.as_str()).collect();
    /// assert_eq!(names, ["first.fc.weight", "first.fc.bias", "second.fc.weight", "second.fc.bias"]);
    /// # Ok::<(), isnet_graph::GraphError>(())
    /// ```
    pub fn embed(&mut self, graph: &Graph, prefix: &str, input: NodeId) -> Vec<NodeId> {
        let offset = self.params.len();
        let renamed = |spec: &ParamSpec| ParamSpec { name: format!("{prefix}{}", spec.name), ..spec.clone() };
        self.params.extend(graph.params.iter().map(renamed));
        let mut places = vec![input];
        for node in &graph.nodes[1..] {
            let mut op = node.op.clone();
            op.params_mut().into_iter().for_each(|id| id.0 += offset);
            let inputs: Vec<NodeId> = node.inputs.iter().map(|read| places[read.0]).collect();
            places.push(self.node(&format!("{prefix}{}", node.name), op, &inputs));
        }
        places
    }

    /// The finished graph.
    ///
    /// # Errors
    /// [`GraphError`] if a name is used twice or an operation has the wrong number of inputs.
    pub fn finish(self, output: NodeId) -> Result<Graph, GraphError> {
        let graph = Graph {
            nodes: self.nodes,
            params: self.params,
            output,
            input_channels: self.input_channels,
            supervised: self.supervised,
            segmentation: self.segmentation,
            anomaly: self.anomaly,
        };
        graph.validate()?;
        Ok(graph)
    }

    /// A parameter of this name, shape and start, for [`GraphBuilder::node`]. Weight files have parameters in the order of these calls.
    pub fn parameter(&mut self, name: &str, shape: Vec<usize>, role: ParamRole, init: Init) -> ParamId {
        self.params.push(ParamSpec { name: name.to_owned(), shape, role, init });
        ParamId(self.params.len() - 1)
    }

    /// A node of any operation; its parameters come from [`GraphBuilder::parameter`].
    pub fn node(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.nodes.push(Node { name: name.to_owned(), op, inputs: inputs.to_vec() });
        NodeId(self.nodes.len() - 1)
    }

    fn param(&mut self, node: &str, leaf: &str, shape: Vec<usize>, role: ParamRole) -> ParamId {
        let init = Init::of(role, &shape);
        self.parameter(&format!("{node}.{leaf}"), shape, role, init)
    }
}
