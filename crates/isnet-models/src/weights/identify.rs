//! Whose weights are these?

use std::collections::HashMap;

use isnet_graph::{Graph, ParamSpec};

use crate::weights::{Weights, names};
use crate::zoo::{self, Architecture};

/// Share of tensors that must agree in name and shape. VGG-11 has 16 tensors, of which an image of other channels and a head of
/// other size leave 13.
const ENOUGH: f64 = 0.75;

/// The architecture of the zoo that weights agree with, if with any.
///
/// Those whose sizes are configured (`plain_cnn`, `plain_vit`, `unet`, `ag_sononet`) have no shapes of their own, so they are never named.
pub(crate) fn of_weights(weights: &Weights) -> Option<&'static str> {
    let shapes = weights.shapes();
    let shapes = shapes.iter().filter(|(name, _)| !names::is_counter(name));
    of_shapes(&shapes.map(|(name, shape)| (name.as_str(), *shape)).collect())
}

/// The architecture of the zoo that a graph's parameters agree with, if with any.
pub(crate) fn of_graph(graph: &Graph) -> Option<&'static str> {
    of_shapes(&graph.params().map(|(_, spec)| (spec.name.as_str(), spec.shape.as_slice())).collect())
}

fn of_shapes(shapes: &HashMap<&str, &[usize]>) -> Option<&'static str> {
    let agreement = |graph: &Graph| {
        let agree = |spec: &ParamSpec| shapes.get(spec.name.as_str()) == Some(&spec.shape.as_slice());
        let agreeing = graph.params().filter(|(_, spec)| agree(spec)).count();
        agreeing as f64 / graph.params().count().max(shapes.len()) as f64
    };
    // No two architectures of the zoo agree with each other that much, so the first is the only one.
    let candidates = zoo::names().iter().filter(|name| !zoo::is_configured(name));
    let alike =
        |name: &str| zoo::build(&Architecture::new(name, 1000, 3)).is_ok_and(|graph| agreement(&graph) >= ENOUGH);
    candidates.copied().find(|name| alike(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::NamedTensor;

    #[test]
    fn every_architecture_is_recognised_with_another_head_and_gray_images() {
        for name in zoo::names() {
            let gray = Architecture::new(name, 2, 1);
            let expected = (!zoo::is_configured(name)).then_some(*name);
            assert_eq!(of_graph(&zoo::build(&gray).unwrap()), expected);
        }
        assert_eq!(of_weights(&vec![NamedTensor::f32("fc.bias", [1], vec![0.0])].into()), None);
    }
}
