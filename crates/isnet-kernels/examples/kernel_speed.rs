//! How fast the CPU kernels are beside Burn's own operations: `cargo run -p isnet-kernels --example kernel_speed`.
//!
//! Layers of ResNet-18 and DenseNet-121 at 128 × 128 pixels, batch 8; forward and all gradients. Quickest of many runs, in GFLOP/s
//! for convolutions and in milliseconds for the rest. The development profile optimises this crate fully.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use isnet_kernels::{ConvGeometry, MaxPoolGeometry, plain};

const SAMPLES: usize = 8;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex())
}

/// Seconds of the quickest of some runs: other programs can only slow a run down.
fn seconds(mut run: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut quickest = f64::INFINITY;
    for turn in 0..200 {
        let start = Instant::now();
        run();
        quickest = quickest.min(start.elapsed().as_secs_f64());
        if turn >= 10 && begin.elapsed().as_secs_f64() > 0.4 {
            break;
        }
    }
    quickest
}

type Conv = fn(Tensor<4>, Tensor<4>, Option<Tensor<1>>, &ConvGeometry) -> Tensor<4>;

/// GFLOP/s of forward, and of forward with one gradient or both.
fn conv_speed(conv: Conv, side: usize, channels: [usize; 2], kernel: usize, geometry: &ConvGeometry) -> [f64; 4] {
    let input = random([SAMPLES, side, side, channels[0]]);
    let weight = random([channels[1], channels[0] / geometry.groups, kernel, kernel]);
    let size = geometry.output_size([side; 2], [kernel; 2]).expect("fits");
    let flops = 2.0 * (SAMPLES * size[0] * size[1] * weight.dims().iter().product::<usize>()) as f64 / 1e9;
    let gradient = random([SAMPLES, size[0], size[1], channels[1]]);
    let forward = seconds(|| drop(conv(input.clone(), weight.clone(), None, geometry)));
    let pass = |data: bool, weights: bool| {
        seconds(|| {
            let (mut input, mut weight) = (input.clone().autodiff(), weight.clone().autodiff());
            if data {
                input = input.require_grad();
            }
            if weights {
                weight = weight.require_grad();
            }
            (conv(input, weight, None, geometry) * gradient.clone()).sum().backward();
        })
    };
    // The weighting and the sum cost the same everywhere.
    let overhead = seconds(|| {
        let output = gradient.clone().autodiff().require_grad();
        (output * gradient.clone()).sum().backward();
    });
    let (data, weights, both) = (pass(true, false), pass(false, true), pass(true, true));
    let alone = |time: f64| flops / (time - forward - overhead).max(1e-9);
    [flops / forward, alone(data), alone(weights), 3.0 * flops / (both - overhead)]
}

fn conv_table() {
    println!(
        "{:34} {:>24} {:>24} {:>24} {:>24}",
        "GFLOP/s, plain -> fast", "forward", "data gradient", "weight gradient", "all three"
    );
    // Name, side of the image, channels, kernel, stride, groups.
    type Layer = (&'static str, usize, [usize; 2], usize, usize, usize);
    let layers: [Layer; 14] = [
        ("resnet stem 7x7/2", 128, [3, 64], 7, 2, 1),
        ("resnet layer1 3x3", 32, [64, 64], 3, 1, 1),
        ("resnet layer2 3x3/2", 32, [64, 128], 3, 2, 1),
        ("resnet layer2 1x1/2", 32, [64, 128], 1, 2, 1),
        ("resnet layer2 3x3", 16, [128, 128], 3, 1, 1),
        ("resnet layer3 3x3", 8, [256, 256], 3, 1, 1),
        ("resnet layer4 3x3/2", 8, [256, 512], 3, 2, 1),
        ("resnet layer4 3x3", 4, [512, 512], 3, 1, 1),
        ("densenet 1x1", 32, [192, 128], 1, 1, 1),
        ("densenet 3x3", 32, [128, 32], 3, 1, 1),
        ("densenet 1x1 deep", 8, [800, 128], 1, 1, 1),
        ("densenet 3x3 deep", 8, [128, 32], 3, 1, 1),
        ("depthwise 3x3", 32, [128, 128], 3, 1, 128),
        ("dense 512 -> 14", 1, [512, 14], 1, 1, 1),
    ];
    for (name, side, channels, kernel, stride, groups) in layers {
        let padding = [if kernel == 1 { 0 } else { kernel / 2 }; 2];
        let geometry = ConvGeometry { stride: [stride; 2], padding, dilation: [1; 2], groups };
        let slow = conv_speed(plain::conv2d, side, channels, kernel, &geometry);
        let fast = conv_speed(isnet_kernels::conv2d, side, channels, kernel, &geometry);
        let cells: Vec<String> =
            slow.iter().zip(fast).map(|(a, b)| format!("{a:7.1} -> {b:6.1} ({:4.1}x)", b / a)).collect();
        println!("{name:20} {:14} {}", format!("{side}² {channels:?}"), cells.join(" "));
    }
}

fn row(name: &str, mut slow: impl FnMut(), mut fast: impl FnMut()) {
    let (slow, fast) = (seconds(&mut slow) * 1e3, seconds(&mut fast) * 1e3);
    println!("{name:34} {slow:9.2} -> {fast:7.2} ms ({:4.1}x)", slow / fast);
}

/// Forward and backward of an operation on one leaf, with a dense gradient.
fn there_and_back(input: &Tensor<4>, f: impl Fn(Tensor<4>) -> Tensor<4>) {
    let leaf = input.clone().autodiff().require_grad();
    let output = f(leaf);
    let weighting = output.clone().detach();
    (output * weighting).sum().backward();
}

fn sweep_table() {
    println!("\nforward and backward, [8, 64, 64, 64]");
    let x = random([SAMPLES, 64, 64, 64]);
    let channel = random([64]) + 1.5;
    let norm = |f: fn(Tensor<4>, Tensor<1>, Tensor<1>, f64) -> (Tensor<4>, isnet_kernels::BatchStatistics)| {
        there_and_back(&x, |x| f(x, channel.clone(), channel.clone(), 1e-5).0);
    };
    row("weighting and sum alone", || there_and_back(&x, |x| x), || there_and_back(&x, |x| x));
    row("batch norm", || norm(plain::batch_norm_train), || norm(isnet_kernels::batch_norm_train));
    row("relu", || there_and_back(&x, plain::relu), || there_and_back(&x, isnet_kernels::relu));
    let norm = |f: fn(Tensor<4>, Tensor<1>, Tensor<1>, Tensor<1>) -> Tensor<4>| {
        there_and_back(&x, |x| f(x, channel.clone(), channel.clone(), channel.clone()));
    };
    row("normalize", || norm(plain::normalize), || norm(isnet_kernels::normalize));
    let output = plain::relu(x.clone());
    let step =
        |f: fn(Tensor<4>, Tensor<4>, f64) -> Tensor<4>| there_and_back(&output, |a| f(x.clone().autodiff(), a, 0.01));
    row("relevance step", || step(plain::relevance_step), || step(isnet_kernels::relevance_step));
    let window =
        MaxPoolGeometry { kernel: [3; 2], stride: [2; 2], padding: [1; 2], dilation: [1; 2], ceil_mode: false };
    row(
        "max pool 3/2",
        || there_and_back(&x, |x| plain::max_pool(x, &window).0),
        || there_and_back(&x, |x| isnet_kernels::max_pool(x, &window).0),
    );
    let (small, winners) = plain::max_pool(x.clone(), &window);
    let (_, quick) = isnet_kernels::max_pool(x.clone(), &window);
    row(
        "max unpool 3/2",
        || there_and_back(&small, |y| plain::max_unpool(y, winners.clone(), [64, 64])),
        || there_and_back(&small, |y| isnet_kernels::max_unpool(y, quick.clone(), [64, 64])),
    );
    let heatmaps = random([SAMPLES * 3, 128 * 128]);
    let pool = |f: fn(Tensor<2>, f64) -> Tensor<1>| {
        let leaf = heatmaps.clone().autodiff().require_grad();
        f(leaf, 0.996).sum().backward();
    };
    row("ranked pooling [24, 16384]", || pool(plain::ranked_pooling), || pool(isnet_kernels::ranked_pooling));
    let parts: Vec<Tensor<4>> = (0..6).map(|_| random([SAMPLES, 32, 32, 32])).collect();
    let cat = |f: fn(Vec<Tensor<4>>) -> Tensor<4>| {
        let leaves: Vec<Tensor<4>> = parts.iter().map(|part| part.clone().autodiff().require_grad()).collect();
        f(leaves).sum().backward();
    };
    row("concat 6 x 32 at 32²", || cat(plain::concat_channels), || cat(isnet_kernels::concat_channels));
}

fn main() {
    let (a, b) = (random([1024, 1024]), random([1024, 1024]));
    let time = seconds(|| drop(a.clone().matmul(b.clone())));
    println!("matrix product 1024³: {:.0} GFLOP/s\n", 2.0 * 1.024f64.powi(3) / time);
    conv_table();
    sweep_table();
}
