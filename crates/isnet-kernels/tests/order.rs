//! Convolutions round as PyTorch's do, bit for bit: chains of fused multiply-adds in the same order.
//!
//! The loops below are that order, as found by trying orders against PyTorch 2.15 until every bit agreed.

use burn::tensor::{Device, Tensor, TensorData};
use isnet_kernels::cpu::InstructionSet;
use isnet_kernels::{ConvGeometry, conv2d, conv2d_transpose};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A square convolution of one sample without groups.
#[derive(Clone, Copy, Debug)]
struct Case {
    side: usize,
    /// `[C_in, C_out]`.
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    /// Channels in a chain of the convolution, and of its transpose.
    blocks: [usize; 2],
}

const CASES: [Case; 9] = [
    Case { side: 9, channels: [40, 24], kernel: 3, stride: 1, blocks: [16; 2] },
    Case { side: 9, channels: [24, 56], kernel: 3, stride: 2, blocks: [16; 2] },
    Case { side: 21, channels: [9, 20], kernel: 7, stride: 2, blocks: [9, 16] },
    Case { side: 8, channels: [192, 32], kernel: 1, stride: 1, blocks: [192, 32] },
    Case { side: 8, channels: [202, 384], kernel: 1, stride: 1, blocks: [104, 192] },
    Case { side: 8, channels: [400, 1030], kernel: 1, stride: 1, blocks: [192, 192] },
    // More than 256 pixels: the other way to lay out the weights.
    Case { side: 20, channels: [600, 40], kernel: 1, stride: 1, blocks: [192, 40] },
    Case { side: 16, channels: [250, 64], kernel: 1, stride: 2, blocks: [250, 64] },
    Case { side: 16, channels: [300, 520], kernel: 1, stride: 2, blocks: [256, 256] },
];

impl Case {
    fn geometry(&self) -> ConvGeometry {
        ConvGeometry { stride: [self.stride; 2], padding: [self.kernel / 2; 2], dilation: [1; 2], groups: 1 }
    }

    fn output_side(&self) -> usize {
        (self.side + 2 * (self.kernel / 2) - self.kernel) / self.stride + 1
    }

    /// The input pixel that tap `k` of output pixel `i` sees.
    fn seen(&self, i: usize, k: usize) -> Option<usize> {
        (i * self.stride + k).checked_sub(self.kernel / 2).filter(|place| *place < self.side)
    }

    /// The output pixel that sees input pixel `i` through tap `k`.
    fn seeing(&self, i: usize, k: usize) -> Option<usize> {
        let place = (i + self.kernel / 2).checked_sub(k)?;
        (place.is_multiple_of(self.stride) && place / self.stride < self.output_side()).then(|| place / self.stride)
    }

    fn weight_at(&self, weight: &[f32], [input, output]: [usize; 2], [v, h]: [usize; 2]) -> f32 {
        weight[((output * self.channels[0] + input) * self.kernel + v) * self.kernel + h]
    }

    /// One value: `factors(tap, channel)` are the two factors of a term, or `None` in the padding.
    fn sum(&self, channels: usize, block: usize, factors: impl Fn([usize; 2], usize) -> Option<[f32; 2]>) -> f32 {
        let chain = |start: usize| {
            let mut sum = 0.0_f32;
            for v in 0..self.kernel {
                for h in 0..self.kernel {
                    for channel in start..(start + block).min(channels) {
                        sum = factors([v, h], channel).map_or(sum, |[x, w]| x.mul_add(w, sum));
                    }
                }
            }
            sum
        };
        (0..channels).step_by(block).map(chain).reduce(|sum, chain| sum + chain).unwrap_or(0.0)
    }

    fn convolution(&self, input: &[f32], weight: &[f32]) -> Vec<f32> {
        let ([reduce, produce], side) = (self.channels, self.output_side());
        let value = |place: usize| {
            let (pixel, o) = (place / produce, place % produce);
            self.sum(reduce, self.blocks[0], |tap, c| {
                let (y, x) = (self.seen(pixel / side, tap[0])?, self.seen(pixel % side, tap[1])?);
                Some([input[(y * self.side + x) * reduce + c], self.weight_at(weight, [c, o], tap)])
            })
        };
        (0..side * side * produce).map(value).collect()
    }

    fn transpose(&self, output: &[f32], weight: &[f32]) -> Vec<f32> {
        let ([produce, reduce], side) = (self.channels, self.output_side());
        let value = |place: usize| {
            let (pixel, c) = (place / produce, place % produce);
            self.sum(reduce, self.blocks[1], |tap, o| {
                let (y, x) = (self.seeing(pixel / self.side, tap[0])?, self.seeing(pixel % self.side, tap[1])?);
                Some([output[(y * side + x) * reduce + o], self.weight_at(weight, [c, o], tap)])
            })
        };
        (0..self.side * self.side * produce).map(value).collect()
    }
}

fn random(rng: &mut ChaCha8Rng, length: usize) -> Vec<f32> {
    (0..length).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn tensor(values: &[f32], shape: [usize; 4]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
}

fn assert_same(found: Tensor<4>, expected: &[f32], what: &str, case: Case) {
    let found: Vec<f32> = found.into_data().try_into_vec().expect("f32 values");
    assert_eq!(found.len(), expected.len());
    // The portable set rounds a sum twice, which may show in the last bit.
    let nearly = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs().max(1.0);
    let exact = InstructionSet::current() != InstructionSet::Portable;
    let wrong = found.iter().zip(expected).filter(|(a, b)| if exact { a != b } else { !nearly(**a, **b) }).count();
    assert_eq!(wrong, 0, "{wrong} of {} values of the {what} in {case:?}", found.len());
}

#[test]
fn a_convolution_and_its_transpose_add_up_like_pytorch() {
    for (seed, case) in CASES.into_iter().enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let ([c_in, c_out], out) = (case.channels, case.output_side());
        let weight = random(&mut rng, c_in * c_out * case.kernel * case.kernel);
        let (x, y) = (random(&mut rng, case.side * case.side * c_in), random(&mut rng, out * out * c_out));
        let kernel = tensor(&weight, [c_out, c_in, case.kernel, case.kernel]);
        let input = tensor(&x, [1, case.side, case.side, c_in]);
        let forward = conv2d(input, kernel.clone(), None, &case.geometry());
        assert_same(forward, &case.convolution(&x, &weight), "convolution", case);
        let output = tensor(&y, [1, out, out, c_out]);
        let back = conv2d_transpose(output, kernel, &case.geometry(), [case.side; 2]);
        assert_same(back, &case.transpose(&y, &weight), "transpose", case);
    }
}

/// Weight gradients of many pixels, whose sums are cut into parts: of one to five panels of channels, in groups, with strides, one by one.
const WEIGHTS: [Case; 6] = [
    Case { side: 64, channels: [1, 16], kernel: 3, stride: 1, blocks: [0; 2] },
    Case { side: 32, channels: [16, 32], kernel: 3, stride: 1, blocks: [0; 2] },
    Case { side: 28, channels: [32, 48], kernel: 3, stride: 1, blocks: [0; 2] },
    Case { side: 28, channels: [20, 72], kernel: 1, stride: 1, blocks: [0; 2] },
    Case { side: 33, channels: [24, 40], kernel: 5, stride: 2, blocks: [0; 2] },
    Case { side: 14, channels: [300, 33], kernel: 3, stride: 1, blocks: [0; 2] },
];
const SAMPLES: usize = 6;
/// The digests of their gradients.
const DIGESTS: [u64; 6] = [
    663_833_475_992_775_984,
    17_474_851_398_534_288_530,
    3_359_658_244_986_177_698,
    7_015_196_599_468_116_949,
    14_660_295_196_078_449_186,
    10_306_053_791_959_493_923,
];

#[test]
fn a_weight_gradient_has_the_same_bits_on_every_processor_with_fused_multiply_add() {
    let digests: Vec<u64> =
        WEIGHTS.into_iter().enumerate().map(|(seed, case)| weight_digest(seed as u64, case)).collect();
    if InstructionSet::current() != InstructionSet::Portable {
        assert_eq!(digests, DIGESTS);
    }
}

fn weight_digest(seed: u64, case: Case) -> u64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let ([c_in, c_out], side) = (case.channels, case.output_side());
    let mut draw = |shape: [usize; 4]| tensor(&random(&mut rng, shape.iter().product()), shape);
    let weight = draw([c_out, c_in, case.kernel, case.kernel]).autodiff().require_grad();
    let input = draw([SAMPLES, case.side, case.side, c_in]).autodiff();
    let output = conv2d(input, weight.clone(), None, &case.geometry());
    let gradients = (output * draw([SAMPLES, side, side, c_out]).autodiff()).sum().backward();
    let gradient = weight.grad(&gradients).expect("a gradient of the weight");
    let values: Vec<f32> = gradient.into_data().try_into_vec().expect("f32 values");
    // FNV-1a.
    values.iter().fold(0xcbf2_9ce4_8422_2325, |digest, value| {
        (digest ^ u64::from(value.to_bits())).wrapping_mul(0x100_0000_01b3)
    })
}

#[test]
fn every_instruction_set_with_fused_multiply_add_gives_the_same_bits() {
    let sets =
        InstructionSet::available().filter(|set| ![InstructionSet::current(), InstructionSet::Portable].contains(set));
    for set in sets {
        let mut tests = std::process::Command::new(std::env::current_exe().expect("a running test has a path"));
        let tests = tests.env("ISNET_SIMD", set.word()).args(["a_convolution_and_its_transpose", "a_weight_gradient"]);
        let done = tests.output().expect("this test starts again");
        assert!(done.status.success(), "{set}: {}", String::from_utf8_lossy(&done.stdout));
    }
}
