//! Speed of the operations: `cargo bench -p isnet-kernels --bench operations -- [--quick] [FILTER]...`.
//!
//! Convolutions of the common networks in GFLOP/s; sweeps over memory in GB/s, counting each tensor once per sweep that cannot be
//! avoided. `ISNET_KERNELS=plain` times Burn's own operations instead. [`harness`] says why it is a loop of our own.

mod harness;

use burn::tensor::{Device, Distribution, Tensor};
use harness::{Bench, Case, Work, timed};
use isnet_kernels::{ConvGeometry, MaxPoolGeometry};

const SAMPLES: usize = 8;

/// A convolution layer of a network.
#[derive(Clone, Copy, Debug)]
struct Layer {
    name: &'static str,
    /// Side of the input image.
    side: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

const fn layer(name: &'static str, side: usize, inputs: usize, outputs: usize, kernel: usize) -> Layer {
    Layer { name, side, inputs, outputs, kernel, stride: 1, groups: 1 }
}

const LAYERS: [Layer; 8] = [
    layer("3x3-64@56", 56, 64, 64, 3),
    layer("3x3-128@28", 28, 128, 128, 3),
    layer("3x3-256@14", 14, 256, 256, 3),
    layer("3x3-512@7", 7, 512, 512, 3),
    layer("1x1-256-64@56", 56, 256, 64, 1),
    layer("1x1-1024-256@14", 14, 1024, 256, 1),
    Layer { stride: 2, ..layer("7x7s2-3-64@224", 224, 3, 64, 7) },
    Layer { groups: 192, ..layer("depthwise-192@28", 28, 192, 192, 3) },
];

impl Layer {
    fn geometry(&self) -> ConvGeometry {
        ConvGeometry { stride: [self.stride; 2], padding: [self.kernel / 2; 2], dilation: [1; 2], groups: self.groups }
    }

    fn output_size(&self) -> [usize; 2] {
        self.geometry().output_size([self.side; 2], [self.kernel; 2]).expect("the kernel fits")
    }

    fn input(&self) -> Tensor<4> {
        random([SAMPLES, self.side, self.side, self.inputs])
    }

    fn output(&self) -> Tensor<4> {
        let [height, width] = self.output_size();
        random([SAMPLES, height, width, self.outputs])
    }

    fn weight(&self) -> Tensor<4> {
        random([self.outputs, self.inputs / self.groups, self.kernel, self.kernel])
    }

    fn work(&self) -> Work {
        let [height, width] = self.output_size();
        let taps = self.inputs / self.groups * self.kernel * self.kernel;
        Work::Flops(2.0 * (SAMPLES * height * width * self.outputs * taps) as f64 / 1e9)
    }

    fn forward(self) -> Box<dyn Bench> {
        let (input, weight, geometry) = (self.input(), self.weight(), self.geometry());
        Box::new(move || timed(|| isnet_kernels::conv2d(input.clone(), weight.clone(), None, &geometry)).0)
    }

    /// The data gradient is the transpose that carries relevance.
    fn data_gradient(self) -> Box<dyn Bench> {
        let (output, weight, geometry) = (self.output(), self.weight(), self.geometry());
        let size = [self.side; 2];
        Box::new(move || timed(|| isnet_kernels::conv2d_transpose(output.clone(), weight.clone(), &geometry, size)).0)
    }

    fn weight_gradient(self) -> Box<dyn Bench> {
        let (input, weight, geometry) = (self.input(), self.weight(), self.geometry());
        let mut backward = Backward::new();
        Box::new(move || {
            let weight = weight.clone().autodiff().require_grad();
            backward.run(&isnet_kernels::conv2d(input.clone().autodiff(), weight, None, &geometry))
        })
    }
}

/// Backward passes without the unit gradient that they start with: filling that costs as much as the fastest operations.
struct Backward {
    /// Milliseconds of filling at its quickest, so that noise is counted as ours.
    unit: f64,
}

impl Backward {
    fn new() -> Self {
        Self { unit: f64::INFINITY }
    }

    /// Milliseconds from `output` to the leaves.
    fn run(&mut self, output: &Tensor<4>) -> f64 {
        let leaf = output.clone().inner().autodiff().require_grad();
        let (unit, _) = timed(|| leaf.backward());
        let (both, _) = timed(|| output.backward());
        self.unit = self.unit.min(unit);
        (both - self.unit).max(0.0)
    }
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex())
}

fn convolutions() -> Vec<Case> {
    let pass = |kind: &str, layer: Layer, prepare: fn(Layer) -> Box<dyn Bench>| Case {
        name: format!("{kind}-{}", layer.name),
        work: layer.work(),
        prepare: Box::new(move || prepare(layer)),
    };
    let passes = |layer| {
        [
            pass("forward", layer, Layer::forward),
            pass("data", layer, Layer::data_gradient),
            pass("weight", layer, Layer::weight_gradient),
        ]
    };
    LAYERS.into_iter().flat_map(passes).collect()
}

/// An operation on one tensor, forward and backward; `sweeps` of its values must move.
fn sweep(
    name: &str,
    shape: [usize; 4],
    sweeps: f64,
    operation: impl Fn(Tensor<4>) -> Tensor<4> + Copy + 'static,
) -> Case {
    let prepare = move || -> Box<dyn Bench> {
        let (input, mut backward) = (random(shape), Backward::new());
        Box::new(move || {
            let leaf = input.clone().autodiff().require_grad();
            let (forward, output) = timed(|| operation(leaf));
            forward + backward.run(&output)
        })
    };
    let gigabytes = 4.0 * shape.iter().product::<usize>() as f64 / 1e9;
    Case { name: name.to_owned(), work: Work::Bytes(sweeps * gigabytes), prepare: Box::new(prepare) }
}

fn per_channel(like: &Tensor<4>) -> Tensor<1> {
    Tensor::full([like.dims()[3]], 1.5, &like.device().inner())
}

/// Forward: read and write. Backward: read one or two tensors, write one.
fn sweeps() -> Vec<Case> {
    let shape = [SAMPLES, 56, 56, 64];
    let window =
        MaxPoolGeometry { kernel: [3; 2], stride: [2; 2], padding: [1; 2], dilation: [1; 2], ceil_mode: false };
    vec![
        sweep("batch_norm_train-64@56", shape, 5.0, |input| {
            let channel = per_channel(&input).autodiff().require_grad();
            isnet_kernels::batch_norm_train(input, channel.clone(), channel, 1e-5, false).0
        }),
        sweep("normalize-64@56", shape, 5.0, |input| {
            let channel = per_channel(&input);
            let tracked = channel.clone().autodiff().require_grad();
            isnet_kernels::normalize(input, channel, tracked.clone(), tracked, false)
        }),
        sweep("relu-64@56", shape, 5.0, isnet_kernels::relu),
        sweep("max_pool-64@112", [SAMPLES, 112, 112, 64], 3.0, move |input| isnet_kernels::max_pool(input, &window).0),
        max_unpool(window),
        relevance_step(shape),
        ranked_pooling(),
    ]
}

/// Relevance through a max pool: the small tensor is a quarter of the large one, its winners another.
fn max_unpool(window: MaxPoolGeometry) -> Case {
    let shape = [SAMPLES, 112, 112, 64];
    let prepare = move || -> Box<dyn Bench> {
        let (small, winners) = isnet_kernels::max_pool(random(shape), &window);
        let mut backward = Backward::new();
        Box::new(move || {
            let leaf = small.clone().autodiff().require_grad();
            let (forward, output) = timed(|| isnet_kernels::max_unpool(leaf, winners.clone(), [112; 2]));
            forward + backward.run(&output)
        })
    };
    let gigabytes = 4.0 * shape.iter().product::<usize>() as f64 / 1e9;
    Case { name: "max_unpool-64@112".to_owned(), work: Work::Bytes(3.25 * gigabytes), prepare: Box::new(prepare) }
}

/// Both arguments tracked, as in training: forward reads two and writes one, backward reads three and writes two.
fn relevance_step(shape: [usize; 4]) -> Case {
    let prepare = move || -> Box<dyn Bench> {
        let (gradient, output) = (random(shape), isnet_kernels::relu(random(shape)));
        let mut backward = Backward::new();
        Box::new(move || {
            let [gradient, output] = [&gradient, &output].map(|tensor| tensor.clone().autodiff().require_grad());
            let (forward, input) = timed(|| isnet_kernels::relevance_step(gradient, output, 0.01));
            forward + backward.run(&input)
        })
    };
    let gigabytes = 4.0 * shape.iter().product::<usize>() as f64 / 1e9;
    Case { name: "relevance_step-64@56".to_owned(), work: Work::Bytes(8.0 * gigabytes), prepare: Box::new(prepare) }
}

/// Heatmaps of 8 colour images: read once, one gradient written.
fn ranked_pooling() -> Case {
    let shape = [3 * SAMPLES, 224 * 224];
    let prepare = move || -> Box<dyn Bench> {
        let values = random(shape).abs();
        Box::new(move || {
            let leaf = values.clone().autodiff().require_grad();
            timed(|| isnet_kernels::ranked_pooling(leaf, 0.996).sum().backward()).0
        })
    };
    let gigabytes = 4.0 * shape.iter().product::<usize>() as f64 / 1e9;
    Case { name: "ranked_pooling-3@224".to_owned(), work: Work::Bytes(2.0 * gigabytes), prepare: Box::new(prepare) }
}

fn main() {
    let cases: Vec<Case> = convolutions().into_iter().chain(sweeps()).collect();
    harness::main(&cases);
}
