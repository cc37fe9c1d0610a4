//! A convolution drawn from bytes, and the loops it has to agree with.
//!
//! All values are small whole numbers, so that every sum is exact in `f32` whatever its order: fast and slow must be equal, not close.

use burn::tensor::{Device, Tensor, TensorData};
use isnet_kernels::{ConvGeometry, ConvWeight, PreparedConv};

/// Multiply-adds of the largest convolution that is checked.
const MOST_WORK: usize = 300_000;

/// Draws from bytes, of which missing ones are 0; the numbers of a case follow from the choices made.
struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
    state: u32,
}

impl Choices<'_> {
    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        let byte = self.bytes.next().copied().unwrap_or(0);
        self.state = self.state.rotate_left(5) ^ u32::from(byte);
        choices[usize::from(byte) % choices.len()]
    }

    fn pair(&mut self, choices: &[usize]) -> [usize; 2] {
        [self.of(choices), self.of(choices)]
    }

    /// Whole numbers from −3 to 3.
    fn values(&mut self, length: usize) -> Vec<f32> {
        let mut next = || {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.state >> 16) % 7
        };
        (0..length).map(|_| next() as f32 - 3.0).collect()
    }
}

/// A convolution with its numbers; images `[N, H, W, C]`, weight `[C_out, C_in / groups, kernel_h, kernel_w]`.
#[derive(Debug)]
pub struct Case {
    samples: usize,
    input: [usize; 2],
    output: [usize; 2],
    /// Of a group, on both sides.
    channels: [usize; 2],
    kernel: [usize; 2],
    geometry: ConvGeometry,
}

impl Case {
    /// `None` if the kernel does not fit into the image, or the loops would take too long.
    fn new(choices: &mut Choices<'_>) -> Option<Self> {
        let sides: Vec<usize> = (1..=20).collect();
        let samples = choices.of(&[1, 2, 3]);
        let input = choices.pair(&sides);
        let groups = choices.of(&[1, 1, 1, 1, 2, 3, 16, 40]);
        let channels = match groups {
            16.. => [1, choices.of(&[1, 1, 1, 2])],
            _ => [choices.of(&[1, 2, 3, 4, 9, 16, 17, 40]), choices.of(&[1, 2, 5, 8, 15, 16, 33, 70])],
        };
        let kernel = choices.pair(&[1, 1, 2, 3, 3, 4, 5, 7]);
        let (stride, padding) = (choices.pair(&[1, 1, 2, 3, 4]), choices.pair(&[0, 1, 2, 3, 4]));
        let geometry = ConvGeometry { stride, padding, dilation: choices.pair(&[1, 1, 2, 3]), groups };
        let output = geometry.output_size(input, kernel)?;
        let case = Self { samples, input, output, channels, kernel, geometry };
        let work = case.outputs() * output[0] * output[1] * samples * channels[0] * kernel[0] * kernel[1];
        (work <= MOST_WORK).then_some(case)
    }

    fn inputs(&self) -> usize {
        self.channels[0] * self.geometry.groups
    }

    fn outputs(&self) -> usize {
        self.channels[1] * self.geometry.groups
    }

    fn image(&self) -> [usize; 4] {
        [self.samples, self.input[0], self.input[1], self.inputs()]
    }

    fn response(&self) -> [usize; 4] {
        [self.samples, self.output[0], self.output[1], self.outputs()]
    }

    fn weight(&self) -> [usize; 4] {
        [self.outputs(), self.channels[0], self.kernel[0], self.kernel[1]]
    }

    /// Every product of the convolution: places in the image, the weight and the response.
    fn visit(&self, mut product: impl FnMut(usize, usize, usize)) {
        let [_, height, width, inputs] = self.image();
        let [samples, rows, columns, outputs] = self.response();
        let g = &self.geometry;
        let source = |axis: usize, out: usize, tap: usize| {
            (out * g.stride[axis] + tap * g.dilation[axis]).checked_sub(g.padding[axis])
        };
        for (sample, y, x) in
            (0..samples).flat_map(|n| (0..rows).flat_map(move |y| (0..columns).map(move |x| (n, y, x))))
        {
            for (v, h) in (0..self.kernel[0]).flat_map(|v| (0..self.kernel[1]).map(move |h| (v, h))) {
                let (Some(from_y), Some(from_x)) = (source(0, y, v), source(1, x, h)) else { continue };
                if from_y >= height || from_x >= width {
                    continue;
                }
                for output in 0..outputs {
                    let first = output / self.channels[1] * self.channels[0];
                    for channel in 0..self.channels[0] {
                        let place = ((sample * height + from_y) * width + from_x) * inputs + first + channel;
                        let weight = ((output * self.channels[0] + channel) * self.kernel[0] + v) * self.kernel[1] + h;
                        product(place, weight, ((sample * rows + y) * columns + x) * outputs + output);
                    }
                }
            }
        }
    }
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_into_vec().expect("f32 values")
}

/// Draws a convolution and holds the kernels to the loops: forward, data and weight gradient, the transpose and its own gradients, and
/// the prepared convolution. Whether there was one to check.
///
/// # Panics
/// If they differ in a single value.
pub fn check(bytes: &[u8]) -> bool {
    let mut choices = Choices { bytes: bytes.iter(), state: 1 };
    let Some(case) = Case::new(&mut choices) else { return false };
    let count = |shape: [usize; 4]| shape.iter().product::<usize>();
    let biased = choices.of(&[false, true]);
    let (x, w) = (choices.values(count(case.image())), choices.values(count(case.weight())));
    let (g, b) = (choices.values(count(case.response())), choices.values(case.outputs()));

    let mut response: Vec<f32> = (0..g.len()).map(|at| if biased { b[at % b.len()] } else { 0.0 }).collect();
    let (mut data, mut slope) = (vec![0.0; x.len()], vec![0.0; w.len()]);
    case.visit(|image, weight, out| {
        response[out] += x[image] * w[weight];
        data[image] += g[out] * w[weight];
        slope[weight] += g[out] * x[image];
    });

    let leaf = |values: &[f32], shape: [usize; 4]| tensor(values, shape).autodiff().require_grad();
    let (image, kernel) = (leaf(&x, case.image()), leaf(&w, case.weight()));
    let bias = || biased.then(|| tensor(&b, [b.len()]));
    let weight = ConvWeight::new(kernel.clone());
    let forward = weight.conv2d(image.clone(), bias().map(Tensor::autodiff), &case.geometry);
    let gradients = (forward.clone() * tensor(&g, case.response()).autodiff()).sum().backward();
    assert_eq!(values(forward), response, "forward of {case:?}");
    assert_eq!(values(image.grad(&gradients).expect("tracked")), data, "data gradient of {case:?}");
    assert_eq!(values(kernel.grad(&gradients).expect("tracked")), slope, "weight gradient of {case:?}");

    // The transpose of `g`, weighted with `x`: its gradients are the convolution of `x` without bias, and the same slope.
    let (upstream, kernel) = (leaf(&g, case.response()), leaf(&w, case.weight()));
    let transposed = isnet_kernels::conv2d_transpose(upstream.clone(), kernel.clone(), &case.geometry, case.input);
    let gradients = (transposed.clone() * tensor(&x, case.image()).autodiff()).sum().backward();
    assert_eq!(values(transposed), data, "transpose of {case:?}");
    assert_eq!(
        values(kernel.grad(&gradients).expect("tracked")),
        slope,
        "weight gradient of the transpose of {case:?}"
    );
    let without: Vec<f32> =
        response.iter().enumerate().map(|(at, y)| y - if biased { b[at % b.len()] } else { 0.0 }).collect();
    assert_eq!(values(upstream.grad(&gradients).expect("tracked")), without, "gradient of the transpose of {case:?}");

    let prepared = PreparedConv::new(tensor(&w, case.weight()), bias(), case.geometry);
    let rectified: Vec<f32> = response.iter().map(|y| y.max(0.0)).collect();
    assert_eq!(values(prepared.apply(tensor(&x, case.image()), true)), rectified, "prepared {case:?}");
    true
}
