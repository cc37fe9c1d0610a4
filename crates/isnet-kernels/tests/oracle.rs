//! The hand-written CPU kernels against the same operations composed of Burn's: values and all gradients.

#[macro_use]
mod paths;

use std::process::Command;

use burn::tensor::{Device, FloatDType, Int, Tensor, TensorData};
use isnet_kernels::{
    AveragePool, ConvGeometry, MaxPoolGeometry, PreparedConv,
    average_pool::{self, AverageWindow},
    cpu, plain, prepared, update,
};
use paths::{IMAGES, Numbers, Path, assert_close, numbers, random, rng};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug)]
struct ConvCase {
    samples: usize,
    input: [usize; 2],
    channels: [usize; 2],
    kernel: [usize; 2],
    geometry: ConvGeometry,
    bias: bool,
}

impl ConvCase {
    /// A random case, or `None` if its kernel does not fit.
    fn draw(rng: &mut ChaCha8Rng) -> Option<Self> {
        let axes =
            |rng: &mut ChaCha8Rng, choices: &[usize]| [0, 1].map(|_| choices[rng.random_range(0..choices.len())]);
        let (inputs, outputs) = ([1, 2, 3, 5, 17], [1, 3, 4, 9, 70]);
        let groups = [1, 1, 1, 2, 6][rng.random_range(0..5)];
        let mut channels = [inputs[rng.random_range(0..5)] * groups, outputs[rng.random_range(0..5)] * groups];
        if groups == 6 {
            channels = [6, 6];
        }
        let square = rng.random_bool(0.7);
        let same = |pair: [usize; 2]| if square { [pair[0]; 2] } else { pair };
        let case = Self {
            samples: rng.random_range(1..4),
            input: axes(rng, &[1, 2, 5, 7, 8, 13, 30]),
            channels,
            kernel: same(axes(rng, &[1, 2, 3, 3, 5, 7])),
            geometry: ConvGeometry {
                stride: same(axes(rng, &[1, 1, 2, 3])),
                padding: same(axes(rng, &[0, 1, 2, 3])),
                dilation: same(axes(rng, &[1, 1, 2])),
                groups,
            },
            bias: rng.random_bool(0.5),
        };
        case.geometry.output_size(case.input, case.kernel).map(|_| case)
    }

    /// Cases that the loop might miss.
    fn chosen() -> Vec<Self> {
        let conv = |samples, side, channels, kernel, stride, padding, groups| Self {
            samples,
            input: [side; 2],
            channels,
            kernel: [kernel; 2],
            geometry: ConvGeometry { stride: [stride; 2], padding: [padding; 2], dilation: [1; 2], groups },
            bias: true,
        };
        vec![
            conv(2, 33, [3, 64], 7, 2, 3, 1),
            conv(1, 64, [3, 8], 7, 2, 3, 1),
            conv(1, 4, [130, 200], 3, 1, 1, 1),
            conv(8, 4, [150, 160], 3, 1, 1, 1),
            conv(3, 16, [64, 128], 1, 2, 0, 1),
            conv(2, 40, [32, 96], 1, 1, 0, 1),
            conv(9, 1, [300, 250], 1, 1, 0, 1),
            conv(2, 9, [4, 5], 2, 3, 0, 1),
            conv(1, 7, [4, 5], 1, 3, 2, 1),
            conv(2, 21, [40, 40], 3, 2, 1, 40),
            conv(1, 12, [4, 8], 3, 1, 1, 4),
            conv(1, 6, [8, 32], 3, 1, 1, 2),
            conv(1, 4, [24, 300], 3, 1, 1, 1),
            // Pixels whose distance in memory needs care.
            conv(2, 6, [1024, 40], 1, 1, 0, 1),
            conv(1, 6, [1024, 20], 3, 1, 1, 1),
            conv(1, 5, [20, 1024], 3, 1, 1, 1),
            conv(1, 9, [512, 32], 3, 2, 1, 1),
            conv(2, 60, [1, 17], 5, 1, 2, 1),
        ]
    }

    fn tensors(&self, seed: u64) -> (Tensor<4>, Tensor<4>, Tensor<1>) {
        let rng = &mut rng(seed);
        let [height, width] = self.input;
        let [inputs, outputs] = self.channels;
        let weight = [outputs, inputs / self.geometry.groups, self.kernel[0], self.kernel[1]];
        (random(rng, [self.samples, height, width, inputs]), random(rng, weight), random(rng, [outputs]))
    }

    fn conv2d(&self, seed: u64, path: Path) -> Numbers {
        let (input, weight, bias) = self.tensors(seed);
        let (input, weight, bias) = (path.leaf(&input), path.leaf(&weight), path.leaf(&bias));
        let conv = if path == Path::Fast { isnet_kernels::conv2d } else { plain::conv2d };
        let output = conv(input.clone(), weight.clone(), self.bias.then(|| bias.clone()), &self.geometry);
        if self.bias { evaluate!(output, input, weight, bias) } else { evaluate!(output, input, weight) }
    }

    fn conv2d_transpose(&self, seed: u64, path: Path) -> Numbers {
        let (_, weight, _) = self.tensors(seed);
        let [height, width] = self.geometry.output_size(self.input, self.kernel).expect("fits");
        let output = path.leaf(&random(&mut rng(seed + 1), [self.samples, height, width, self.channels[1]]));
        let weight = path.leaf(&weight);
        let transpose = if path == Path::Fast { isnet_kernels::conv2d_transpose } else { plain::conv2d_transpose };
        evaluate!(transpose(output.clone(), weight.clone(), &self.geometry, self.input), output, weight)
    }
}

fn conv_cases() -> Vec<ConvCase> {
    let rng = &mut rng(1);
    let drawn = std::iter::repeat_with(|| ConvCase::draw(rng)).flatten().take(150);
    ConvCase::chosen().into_iter().chain(drawn).collect()
}

#[test]
fn the_fast_path_is_taken_on_the_cpu_in_f32_unless_the_environment_says_plain() {
    let wanted = std::env::var("ISNET_KERNELS").as_deref() != Ok("plain");
    let tensor = random(&mut rng(0), [1, 1]);
    assert_eq!([cpu::applies(&tensor), cpu::applies(&tensor.clone().autodiff())], [wanted; 2]);
    assert!(!cpu::applies(&tensor.cast(FloatDType::F64)));
    if wanted {
        // The environment is read once per process: ask another one.
        let mut program = Command::new(std::env::current_exe().expect("this test"));
        let output = program.env("ISNET_KERNELS", "plain").arg("the_fast_path_is_taken").output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn convolution_and_its_gradients_match_burn() {
    for (seed, case) in (0..).zip(conv_cases()) {
        assert_close(&case.conv2d(seed, Path::Fast), &case.conv2d(seed, Path::Plain), &case);
    }
}

#[test]
fn transposed_convolution_and_its_gradients_match_burn() {
    for (seed, case) in (0..).zip(conv_cases()) {
        assert_close(&case.conv2d_transpose(seed, Path::Fast), &case.conv2d_transpose(seed, Path::Plain), &case);
    }
}

#[test]
fn gradients_flow_to_tracked_parents_only() {
    let case = ConvCase::chosen()[0];
    let (input, weight, _) = case.tensors(3);
    let all = case.conv2d(3, Path::Fast);
    let (tracked, constant) = (Path::Fast.leaf(&weight), input.autodiff());
    let output = isnet_kernels::conv2d(constant.clone(), tracked.clone(), None, &case.geometry);
    let weighting = random(&mut rng(99), output.dims());
    let gradients = (output * weighting).sum().backward();
    assert_eq!(numbers(tracked.grad(&gradients).expect("tracked")), all[2]);
    assert!(constant.grad(&gradients).is_none());
}

#[test]
fn permuted_inputs_are_read_in_their_own_order() {
    let input = random(&mut rng(4), [2, 5, 6, 7]).permute([0, 2, 3, 1]);
    let weight = random(&mut rng(5), [3, 5, 3, 3]);
    let geometry = ConvGeometry::default();
    let fast = isnet_kernels::conv2d(input.clone(), weight.clone(), None, &geometry);
    let slow = plain::conv2d(input, weight, None, &geometry);
    assert_close(&vec![numbers(fast)], &vec![numbers(slow)], &"permuted");
}

#[test]
fn batch_normalization_and_its_gradients_match_burn() {
    let shapes = IMAGES.into_iter().filter(|shape| shape[..3].iter().product::<usize>() > 2);
    for ((seed, shape), relu) in (0..).zip(shapes).flat_map(|case| [(case, false), (case, true)]) {
        let rng = &mut rng(seed);
        let input = random(rng, shape) * 3.0 + 2.0;
        let (gamma, beta) = (random(rng, [shape[3]]) + 1.5, random(rng, [shape[3]]));
        let run = |path: Path| {
            let (input, gamma, beta) = (path.leaf(&input), path.leaf(&gamma), path.leaf(&beta));
            let norm = if path == Path::Fast { isnet_kernels::batch_norm_train } else { plain::batch_norm_train };
            let (output, statistics) = norm(input.clone(), gamma.clone(), beta.clone(), 1e-5, relu);
            assert_eq!(statistics.count, shape[..3].iter().product::<usize>());
            assert!(!statistics.mean.is_tracked() && !statistics.variance.is_tracked());
            let mut all = evaluate!(output, input, gamma, beta);
            all.extend([numbers(statistics.mean.inner()), numbers(statistics.variance.inner())]);
            all
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, relu));
    }
}

#[test]
fn normalization_and_its_gradients_match_burn() {
    for ((seed, shape), relu) in (0..).zip(IMAGES).flat_map(|case| [(case, false), (case, true)]) {
        let rng = &mut rng(seed);
        let (input, mean) = (random(rng, shape), random(rng, [shape[3]]));
        let (scale, beta) = (random(rng, [shape[3]]), random(rng, [shape[3]]));
        let run = |path: Path| {
            let (input, scale, beta) = (path.leaf(&input), path.leaf(&scale), path.leaf(&beta));
            let mean = path.leaf(&mean).detach();
            let apply = if path == Path::Fast { isnet_kernels::normalize } else { plain::normalize };
            evaluate!(apply(input.clone(), mean, scale.clone(), beta.clone(), relu), input, scale, beta)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, relu));
    }
}

#[test]
fn the_transposed_normalization_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        let rng = &mut rng(seed);
        let gradient = random(rng, shape);
        let (inverse_deviation, gamma) = (random(rng, [shape[3]]) + 1.5, random(rng, [shape[3]]));
        let run = |path: Path| {
            let (gradient, gamma) = (path.leaf(&gradient), path.leaf(&gamma));
            let inverse = path.leaf(&inverse_deviation).detach();
            let apply =
                if path == Path::Fast { isnet_kernels::normalize_transpose } else { plain::normalize_transpose };
            evaluate!(apply(gradient.clone(), inverse, gamma.clone()), gradient, gamma)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &shape);
    }
}

#[test]
fn relu_and_its_gradient_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        let input = random(&mut rng(seed), shape);
        let run = |path: Path| {
            let input = path.leaf(&input);
            let relu = if path == Path::Fast { isnet_kernels::relu } else { plain::relu };
            evaluate!(relu(input.clone()), input)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &shape);
    }
}

#[test]
fn relu_does_not_hide_nan() {
    let input = Tensor::<4>::from_floats([[[[f32::NAN, -1.0, 2.0]]]], &Device::flex());
    let output = numbers(isnet_kernels::relu(input));
    assert!(output[0].is_nan() && output[1..] == [0.0, 2.0]);
}

#[test]
fn the_relevance_step_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        for (maps, epsilon) in [(1, 0.01), (3, 0.01), (1, 0.0), (3, 0.0)] {
            let rng = &mut rng(seed);
            let gradient = random(rng, [shape[0] * maps, shape[1], shape[2], shape[3]]);
            let output = plain::relu(random(rng, shape));
            let run = |path: Path| {
                let (gradient, output) = (path.leaf(&gradient), path.leaf(&output));
                let step = if path == Path::Fast { isnet_kernels::relevance_step } else { plain::relevance_step };
                let result = step(gradient.clone(), output.clone(), epsilon);
                if epsilon == 0.0 { evaluate!(result, gradient) } else { evaluate!(result, gradient, output) }
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, maps, epsilon));
        }
    }
}

#[test]
fn the_relevance_step_through_a_batch_norm_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        for (maps, epsilon) in [(1, 0.01), (3, 0.01), (1, 0.0), (3, 0.0)] {
            let rng = &mut rng(seed);
            let gradient = random(rng, [shape[0] * maps, shape[1], shape[2], shape[3]]);
            let output = plain::relu(random(rng, shape));
            let (inverse, gamma) = (random(rng, [shape[3]]) + 1.5, random(rng, [shape[3]]));
            let run = |path: Path| {
                let (gradient, output, gamma) = (path.leaf(&gradient), path.leaf(&output), path.leaf(&gamma));
                let inverse = path.leaf(&inverse).detach();
                let step = if path == Path::Fast {
                    isnet_kernels::relevance_step_normalized
                } else {
                    plain::relevance_step_normalized
                };
                let result = step(gradient.clone(), output.clone(), epsilon, inverse, gamma.clone());
                if epsilon == 0.0 {
                    evaluate!(result, gradient, gamma)
                } else {
                    evaluate!(result, gradient, output, gamma)
                }
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, maps, epsilon));
        }
    }
}

/// Numbers to the last bit.
fn bits(numbers: &Numbers) -> Vec<Vec<u32>> {
    numbers.iter().map(|numbers| numbers.iter().map(|value| value.to_bits()).collect()).collect()
}

#[test]
fn fused_operations_round_as_the_operations_that_they_replace() {
    for (maps, shape) in [(1, [3, 13, 9, 16]), (3, [2, 40, 37, 20])] {
        let rng = &mut rng(41);
        let (x, y) = (random(rng, shape) * 3.0 + 2.0, random(rng, shape));
        let g = random(rng, [shape[0] * maps, shape[1], shape[2], shape[3]]);
        let (gamma, beta) = (random(rng, [shape[3]]) + 1.5, random(rng, [shape[3]]));
        let run = |fused: bool| {
            let [x, y, g] = [&x, &y, &g].map(|tensor| Path::Fast.leaf(tensor));
            let [gamma, beta] = [&gamma, &beta].map(|tensor| Path::Fast.leaf(tensor));
            let apart = |value: Tensor<4>| if fused { value } else { isnet_kernels::relu(value) };
            let (a, batch) = isnet_kernels::batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5, fused);
            let a = apart(a);
            let inverse = isnet_kernels::inverse_deviation(batch.variance, 1e-5);
            let back = if fused {
                isnet_kernels::relevance_step_normalized(g.clone(), a.clone(), 0.01, inverse, gamma.clone())
            } else {
                let step = isnet_kernels::relevance_step(g.clone(), a.clone(), 0.01);
                isnet_kernels::normalize_transpose(step, inverse, gamma.clone())
            };
            let sum =
                if fused { isnet_kernels::add_relu(a, y.clone()) } else { apart(isnet_kernels::add(a, y.clone())) };
            let affine =
                apart(isnet_kernels::normalize(sum, beta.clone().detach(), gamma.clone(), beta.clone(), fused));
            evaluate!(Tensor::cat(vec![affine, back], 0), x, y, g, gamma, beta)
        };
        assert_eq!(bits(&run(true)), bits(&run(false)), "{shape:?}");
    }
}

fn max_pools() -> Vec<MaxPoolGeometry> {
    let overlapping =
        MaxPoolGeometry { kernel: [3; 2], stride: [2; 2], padding: [1; 2], dilation: [1; 2], ceil_mode: false };
    vec![
        MaxPoolGeometry::square(2),
        overlapping,
        MaxPoolGeometry { ceil_mode: true, ..overlapping },
        MaxPoolGeometry { kernel: [2, 3], stride: [3, 1], padding: [1, 0], dilation: [1, 2], ceil_mode: true },
    ]
}

#[test]
fn max_pooling_its_winners_and_its_gradient_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        for geometry in max_pools().into_iter().filter(|g| g.output_size([shape[1], shape[2]]).is_some()) {
            // Few distinct values: ties must go to the same winner.
            let input = (random(&mut rng(seed), shape) * 3.0).round();
            let run = |path: Path| {
                let input = path.leaf(&input);
                let pool = if path == Path::Fast { isnet_kernels::max_pool } else { plain::max_pool };
                let (values, indices) = pool(input.clone(), &geometry);
                let mut all = evaluate!(values, input);
                all.push(numbers(indices.float().inner()));
                all
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, geometry));
        }
    }
}

#[test]
fn nan_wins_a_max_pool_as_in_burn() {
    let input = Tensor::<4>::from_floats([[[[1.0], [f32::NAN]], [[f32::NAN], [5.0]]]], &Device::flex());
    let winner = |(values, indices): (Tensor<4>, Tensor<4, Int>)| (numbers(values)[0], numbers(indices.float())[0]);
    let fast = winner(isnet_kernels::max_pool(input.clone(), &MaxPoolGeometry::square(2)));
    let slow = winner(plain::max_pool(input, &MaxPoolGeometry::square(2)));
    assert!(fast.0.is_nan() && slow.0.is_nan());
    assert_eq!(fast.1, slow.1);
}

#[test]
fn max_unpooling_and_its_gradient_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        for (maps, geometry) in [1, 3].into_iter().flat_map(|maps| max_pools().into_iter().map(move |g| (maps, g))) {
            let size = [shape[1], shape[2]];
            let Some([height, width]) = geometry.output_size(size) else { continue };
            let rng = &mut rng(seed);
            let (_, indices) = plain::max_pool(random(rng, shape), &geometry);
            let output = random(rng, [shape[0] * maps, height, width, shape[3]]);
            let run = |path: Path| {
                let output = path.leaf(&output);
                let unpool = if path == Path::Fast { isnet_kernels::max_unpool } else { plain::max_unpool };
                evaluate!(unpool(output.clone(), indices.clone(), size), output)
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, maps, geometry));
        }
    }
}

#[test]
fn average_pooling_its_transpose_and_their_gradients_match_burn() {
    let window = AverageWindow { kernel: 3, stride: 2, padding: 1, ceil_mode: true, count_padding: true };
    for (seed, shape) in (0..).zip(IMAGES) {
        let size = [shape[1], shape[2]];
        let windows = [window, AverageWindow { count_padding: false, kernel: 2, ..window }];
        let pools = [AveragePool::adaptive(size, [1, 1]), AveragePool::adaptive(size, [3, 2])];
        for pool in pools.into_iter().chain(windows.into_iter().filter_map(|w| AveragePool::windows(size, [w, w]))) {
            let [height, width] = pool.output_size();
            let rng = &mut rng(seed);
            let (input, output) = (random(rng, shape), random(rng, [shape[0], height, width, shape[3]]));
            let run = |path: Path| {
                let (input, output) = (path.leaf(&input), path.leaf(&output));
                let (there, back) = if path == Path::Fast {
                    (
                        average_pool::average_pool(input.clone(), &pool),
                        average_pool::average_pool_transpose(output.clone(), &pool),
                    )
                } else {
                    (plain::average_pool(input.clone(), &pool), plain::average_pool_transpose(output.clone(), &pool))
                };
                let mut all = evaluate!(there, input);
                all.extend(evaluate!(back, output));
                all
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, height, width));
        }
    }
}

#[test]
fn ranked_pooling_and_its_gradient_match_burn() {
    for (seed, (rows, length)) in (0..).zip([(1, 1), (3, 5), (7, 100), (4, 3000)]) {
        for decay in [0.0, 0.3, 0.9, 0.996, 1.0] {
            let values = random(&mut rng(seed), [rows, length]);
            let run = |path: Path| {
                let values = path.leaf(&values);
                let pool = if path == Path::Fast { isnet_kernels::ranked_pooling } else { plain::ranked_pooling };
                evaluate!(pool(values.clone(), decay), values)
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(rows, length, decay));
        }
    }
}

#[test]
fn equal_values_rank_by_their_index() {
    let values = Path::Fast.leaf(&Tensor::<2>::from_floats([[0.0, 7.0, 7.0, 7.0]], &Device::flex()));
    let gradients = isnet_kernels::ranked_pooling(values.clone(), 0.5).sum().backward();
    let gradient = numbers(values.grad(&gradients).expect("a gradient")); // weights 1, 1/2, 1/4, 1/8 over 15/8
    let expected = [1.0, 8.0, 4.0, 2.0].map(|weight: f32| weight / 15.0);
    assert_close(&vec![gradient], &vec![expected.to_vec()], &"ties");
}

/// One computation through every operation.
fn everything() -> Numbers {
    let rng = &mut rng(7);
    let (image, weight) = (Path::Fast.leaf(&random(rng, [3, 33, 31, 3])), Path::Fast.leaf(&random(rng, [24, 3, 3, 3])));
    let (wide, gamma) = (Path::Fast.leaf(&random(rng, [200, 24, 3, 3])), Path::Fast.leaf(&random(rng, [24])));
    let geometry = ConvGeometry { stride: [1; 2], padding: [1; 2], ..Default::default() };
    let strided = ConvGeometry { stride: [2; 2], ..geometry };
    let x = isnet_kernels::conv2d(image.clone(), weight.clone(), None, &geometry);
    let (x, _) = isnet_kernels::batch_norm_train(x, gamma.clone(), gamma.clone(), 1e-5, true);
    let (pooled, winners) = isnet_kernels::max_pool(x.clone(), &MaxPoolGeometry::square(2));
    let size = [pooled.dims()[1], pooled.dims()[2]];
    let y = isnet_kernels::conv2d(pooled, wide.clone(), None, &strided);
    let back = isnet_kernels::conv2d_transpose(y, wide.clone(), &strided, size);
    let back = isnet_kernels::max_unpool(back, winners, [33, 31]);
    let back = isnet_kernels::relevance_step(back, x, 0.01);
    let heatmap = isnet_kernels::conv2d_transpose(back, weight.clone(), &geometry, [33, 31]);
    let pooled = isnet_kernels::ranked_pooling(heatmap.reshape([9, 33 * 31]), 0.9);
    evaluate!(pooled, image, weight, wide, gamma)
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let bits = |numbers: Vec<f32>| numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        pool.install(everything).into_iter().map(bits).collect::<Vec<_>>()
    };
    let one = with_threads(1);
    assert!(one == with_threads(3) && one == with_threads(2));
}

#[test]
fn sums_and_joined_and_narrowed_channels_and_their_gradients_match_burn() {
    let rng = &mut rng(31);
    let (a, b) = (random(rng, [3, 40, 37, 12]), random(rng, [3, 40, 37, 20]));
    let run = |path: Path| {
        let (a, b) = (path.leaf(&a), path.leaf(&b));
        let joined = isnet_kernels::concat_channels(vec![a.clone(), b.clone(), a.clone()]);
        let inner = isnet_kernels::narrow_channels(joined.clone(), 5, 20);
        let sum = isnet_kernels::add(inner, b.clone());
        let again = isnet_kernels::narrow_channels(joined.clone(), 20, 20);
        let sum = isnet_kernels::add(
            sum,
            if path == Path::Fast {
                isnet_kernels::add_relu(again, b.clone())
            } else {
                plain::add_relu(again, b.clone())
            },
        );
        let output = isnet_kernels::concat_channels(vec![sum, joined]);
        evaluate!(output, a, b)
    };
    assert_close(&run(Path::Fast), &run(Path::Plain), &"layout");
}

#[test]
fn relevance_of_activations_and_its_gradients_match_burn() {
    for maps in [1, 3] {
        let rng = &mut rng(32);
        let (g, a) = (random(rng, [2 * maps, 30, 31, 9]), random(rng, [2, 30, 31, 9]));
        let run = |path: Path| {
            let (g, a) = (path.leaf(&g), path.leaf(&a));
            evaluate!(isnet_kernels::times_activation(g.clone(), a.clone()), g, a)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &maps);
    }
}

#[test]
fn the_quotient_of_z_box_and_its_gradients_match_burn() {
    for maps in [1, 2] {
        let rng = &mut rng(33);
        let relevance = random(rng, [3 * maps, 21, 33, 8]);
        // Away from zero, where the quotient is too steep to compare.
        let product = random(rng, [3, 21, 33, 8]).sign() * 2.0 + random(rng, [3, 21, 33, 8]);
        let offset = random(rng, [1, 21, 33, 8]) * 0.1;
        let run = |path: Path| {
            let (r, p, o) = (path.leaf(&relevance), path.leaf(&product), path.leaf(&offset));
            evaluate!(isnet_kernels::stabilized_quotient(r.clone(), p.clone(), o.clone(), 0.01), r, p, o)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &maps);
    }
}

#[test]
fn the_sign_of_zero_in_the_quotient_is_plus() {
    let zero = Tensor::<4>::zeros([1, 1, 1, 1], &Device::flex());
    let one = zero.ones_like();
    for plus in [zero.clone(), -zero.clone()] {
        assert_eq!(numbers(isnet_kernels::stabilized_quotient(one.clone(), plus, zero.clone(), 0.25)), [4.0]);
    }
}

#[test]
fn optimizer_steps_and_the_norm_match_burn_and_pytorchs_formulas() {
    let rng = &mut rng(34);
    let tensors: [Tensor<1>; 4] = std::array::from_fn(|_| random(rng, [40_001]));
    let few: Tensor<1> = random(rng, [5]);
    let [value, gradient, first, second] = &tensors;
    let sgd = update::SgdStep { rate: 0.1, momentum: 0.9, nesterov: true, decay: 0.01, clip: 0.5 };
    let adam = update::AdamWStep { rate: 0.1, betas: [0.9, 0.999], epsilon: 1e-8, decay: 0.01, clip: 0.5, count: 3 };
    let run = |path: Path| {
        let precision = if path == Path::Fast { FloatDType::F32 } else { FloatDType::F64 };
        let [x, g, m, v] = [value, gradient, first, second].map(|tensor| tensor.clone().cast(precision));
        let mut found = Vec::new();
        for nesterov in [false, true] {
            let step = update::SgdStep { nesterov, ..sgd };
            let (moved, velocity) = update::sgd(x.clone(), g.clone(), Some(m.clone()), &step);
            found.extend([numbers(moved), numbers(velocity)]);
        }
        let (moved, moments) = update::adamw(x.clone(), g.clone(), Some([m, v.square()]), &adam);
        found.push(numbers(moved));
        found.extend(moments.map(numbers));
        found.push(vec![update::squared_norm(g) as f32]);
        found.push(vec![update::squared_norm(few.clone().cast(precision)) as f32]);
        found
    };
    assert_close(&run(Path::Fast), &run(Path::Plain), &"updates");
    // θ = 1, g = 2, v = 4: v' = 0.9·4 + (1 + 0.01) = 4.61, θ' = 1 − 0.1·(1.01 + 0.9·4.61).
    let number = |value: f32| Tensor::<1>::from_data(TensorData::from([value]), &Device::flex());
    let (moved, velocity) = update::sgd(number(1.0), number(2.0), Some(number(4.0)), &sgd);
    assert_close(&vec![numbers(moved), numbers(velocity)], &vec![vec![0.4841], vec![4.61]], &"by hand");
}

#[test]
fn dense_layers_and_their_gradients_match_burn() {
    for (rows, inputs, outputs) in [(1, 5, 3), (3, 1030, 70), (17, 200, 9)] {
        let rng = &mut rng(35);
        let (x, w, g) = (random(rng, [rows, inputs]), random(rng, [outputs, inputs]), random(rng, [rows, outputs]));
        let forward = |path: Path| {
            let (x, w) = (path.leaf(&x), path.leaf(&w));
            evaluate!(isnet_kernels::dense(x.clone(), w.clone()), x, w)
        };
        assert_close(&forward(Path::Fast), &forward(Path::Plain), &(rows, inputs, outputs));
        let back = |path: Path| {
            let (g, w) = (path.leaf(&g), path.leaf(&w));
            evaluate!(isnet_kernels::dense_transpose(g.clone(), w.clone()), g, w)
        };
        assert_close(&back(Path::Fast), &back(Path::Plain), &(rows, inputs, outputs));
    }
}

#[test]
fn prepared_convolutions_match_burn_with_and_without_relu() {
    for (seed, case) in (0..).zip(conv_cases()) {
        let (input, weight, bias) = case.tensors(seed);
        let exact = [input.clone(), weight.clone()].map(|tensor| tensor.cast(FloatDType::F64));
        let [wide_input, wide_weight] = exact;
        let wide_bias = case.bias.then(|| bias.clone().cast(FloatDType::F64));
        let plain = plain::conv2d(wide_input, wide_weight, wide_bias, &case.geometry);
        let prepared = PreparedConv::new(weight, case.bias.then_some(bias), case.geometry);
        assert_close(&vec![numbers(prepared.apply(input.clone(), false))], &vec![numbers(plain.clone())], &case);
        assert_close(&vec![numbers(prepared.apply(input, true))], &vec![numbers(plain::relu(plain))], &case);
    }
}

#[test]
fn the_fused_sweeps_of_inference_match_burn() {
    let rng = &mut rng(36);
    let x = random(rng, [2, 30, 31, 24]);
    let (scale, shift) = (random(rng, [24]), random(rng, [24]));
    for relu in [false, true] {
        let wide = x.clone() * scale.clone().unsqueeze::<4>() + shift.clone().unsqueeze::<4>();
        let expected = if relu { plain::relu(wide) } else { wide };
        let found = prepared::affine(x.clone(), &scale, &shift, relu);
        assert_close(&vec![numbers(found)], &vec![numbers(expected)], &relu);
    }
}

/// `ISNET_SIMD` is read once per process, so each set gets a process of its own, with all other tests of this file.
#[test]
fn the_kernels_of_every_instruction_set_match_burn() {
    for set in cpu::InstructionSet::available().filter(|set| *set != cpu::InstructionSet::current()) {
        let mut tests = Command::new(std::env::current_exe().expect("a running test has a path"));
        let done = tests
            .env("ISNET_SIMD", set.word())
            .args(["--skip", "the_kernels_of_every_instruction_set", "--skip", "the_number_of_threads"])
            .output()
            .expect("this test starts again");
        assert!(done.status.success(), "{set}: {}", String::from_utf8_lossy(&done.stdout));
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused_by_name() {
    let mut tests = Command::new(std::env::current_exe().expect("a running test has a path"));
    let wrong = tests.env("ISNET_SIMD", "avx1024").arg("relu_and_its_gradient_match_burn");
    let done = wrong.output().expect("this test starts again");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && said.contains("`ISNET_SIMD=avx1024` is no instruction set"), "{said}");
}
