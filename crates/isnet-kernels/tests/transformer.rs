//! What transformers need, written by hand for the CPU, against the same composed of Burn's operations: values and all gradients.

#[macro_use]
mod paths;

use burn::tensor::{Device, Tensor};
use isnet_kernels::{ConvWeight, plain};
use paths::{IMAGES, Path, assert_close, numbers, random, rng};

#[test]
fn softmax_and_its_gradient_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        let input = random(&mut rng(seed), shape) * 20.0;
        let run = |path: Path| {
            let input = path.leaf(&input);
            let softmax = if path == Path::Fast { isnet_kernels::softmax } else { plain::softmax };
            evaluate!(softmax(input.clone()), input)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &shape);
    }
}

#[test]
fn softmax_of_nan_is_nan() {
    let input = Tensor::<4>::from_floats([[[[f32::NAN, 1.0]], [[0.0, 0.0]]]], &Device::flex());
    let output = numbers(isnet_kernels::softmax(input));
    assert!(output[..2].iter().all(|value| value.is_nan()) && output[2..] == [0.5; 2], "{output:?}");
}

#[test]
fn the_transposed_softmax_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES.into_iter().filter(|shape| shape[3] > 1)) {
        for maps in [1, 3] {
            let rng = &mut rng(seed);
            let gradient = random(rng, [shape[0] * maps, shape[1], shape[2], shape[3]]);
            let output = plain::softmax(random(rng, shape));
            let run = |path: Path| {
                let (gradient, output) = (path.leaf(&gradient), path.leaf(&output));
                let apply =
                    if path == Path::Fast { isnet_kernels::softmax_transpose } else { plain::softmax_transpose };
                evaluate!(apply(gradient.clone(), output.clone()), gradient, output)
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, maps));
        }
    }
}

#[test]
fn layer_normalization_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES.into_iter().filter(|shape| shape[3] > 1)) {
        let rng = &mut rng(seed);
        let input = random(rng, shape) * 3.0 + 2.0;
        let (gamma, beta) = (random(rng, [shape[3]]) + 1.5, random(rng, [shape[3]]));
        let run = |path: Path| {
            let (input, gamma, beta) = (path.leaf(&input), path.leaf(&gamma), path.leaf(&beta));
            let norm = if path == Path::Fast { isnet_kernels::layer_norm } else { plain::layer_norm };
            evaluate!(norm(input.clone(), gamma.clone(), beta.clone(), 1e-2), input, gamma, beta)
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &shape);
    }
}

#[test]
fn the_transposed_layer_normalization_and_its_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES.into_iter().filter(|shape| shape[3] > 1)) {
        for maps in [1, 3] {
            let rng = &mut rng(seed);
            let gradient = random(rng, [shape[0] * maps, shape[1], shape[2], shape[3]]);
            let (input, gamma) = (random(rng, shape) + 0.5, random(rng, [shape[3]]) + 1.5);
            let run = |path: Path| {
                let (gradient, input, gamma) = (path.leaf(&gradient), path.leaf(&input), path.leaf(&gamma));
                let fast = path == Path::Fast;
                let apply = if fast { isnet_kernels::layer_norm_transpose } else { plain::layer_norm_transpose };
                evaluate!(apply(gradient.clone(), input.clone(), gamma.clone(), 1e-2), gradient, input, gamma)
            };
            assert_close(&run(Path::Fast), &run(Path::Plain), &(shape, maps));
        }
    }
}

#[test]
fn gelu_and_the_normal_distribution_and_their_gradients_match_burn() {
    for (seed, shape) in (0..).zip(IMAGES) {
        let input = random(&mut rng(seed), shape) * 6.0;
        let run = |path: Path| {
            let input = path.leaf(&input);
            let cdf = if path == Path::Fast { isnet_kernels::normal_cdf } else { plain::normal_cdf };
            let mut all = evaluate!(cdf(input.clone()), input);
            all.extend(evaluate!(isnet_kernels::gelu(input.clone()), input));
            all
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &shape);
    }
}

#[test]
fn dense_layers_over_tokens_and_their_gradients_match_burn() {
    for (seed, [samples, tokens, inputs, outputs]) in
        (0..).zip([[1, 1, 5, 3], [2, 7, 16, 40], [3, 1, 20, 9], [1, 50, 33, 17]])
    {
        let rng = &mut rng(seed);
        let (input, output) = (random(rng, [samples, 1, tokens, inputs]), random(rng, [samples, 1, tokens, outputs]));
        let (weight, bias) = (random(rng, [outputs, inputs]), random(rng, [outputs]));
        let run = |path: Path| {
            let [input, output] = [&input, &output].map(|tensor| path.leaf(tensor));
            let (weight, bias) = (path.leaf(&weight), path.leaf(&bias));
            let kernel = || ConvWeight::new(weight.clone().reshape([outputs, inputs, 1, 1]));
            let product = isnet_kernels::token_dense(input.clone(), &kernel(), Some(bias.clone()));
            let mut all = evaluate!(product, input, weight, bias);
            all.extend(evaluate!(isnet_kernels::token_dense(input.clone(), &kernel(), None), input, weight));
            let transpose = isnet_kernels::token_dense_transpose(output.clone(), &kernel());
            all.extend(evaluate!(transpose, output, weight));
            all
        };
        assert_close(&run(Path::Fast), &run(Path::Plain), &(samples, tokens, inputs, outputs));
    }
}
