//! Hierarchical attention on any classifier that ends in a map of features: what looks for an anomaly, and for each class within it.
//!
//! The features `f` of the classifier go on into a *foreground attention*, which weighs channels by what the picture is of and adds what one place
//! stands out by, scaled by a γ that starts at 0. A 3×3 convolution reads `f` and that side by side; what it makes is pooled by log-sum-exp, and two dense layers
//! without bias say whether there is an anomaly, and which class it is. Their weights on the map before the pool are the attention maps that
//! the method `ham` trains. Source: Ouyang et al., "Learning hierarchical attention for weakly-supervised chest X-ray abnormality localization and
//! diagnosis", IEEE TMI 2020, and the names of its code; there γ is one number, here one per channel.

use isnet_graph::{ConvSpec, Graph, GraphBuilder, Init, NodeId, Op, ParamRole, Sharing};

use crate::error::ModelError;
use crate::zoo::{Architecture, dropout_before_head, minimum_size};

/// Sharpness r of the log-sum-exp pool.
pub const SHARPNESS: f64 = 6.0;

/// Features of the convolution before the pool, at most.
const WIDEST: usize = 512;

/// What the names of its parameters begin with.
const OWN: [&str; 4] = ["fa_layer.", "cls_head.", "anomaly_fc.", "cls_fc."];

/// Whether a parameter belongs to the attention, and not to the classifier below it.
pub fn is_own(parameter: &str) -> bool {
    OWN.iter().any(|prefix| parameter.starts_with(prefix))
}

/// Puts the attention in place of the head of a classifier, from whose architecture classes and dropout come.
///
/// # Errors
/// [`ModelError::Setting`] if the classifier has no last map of features.
pub fn attach(classifier: &Graph, architecture: &Architecture) -> Result<Graph, ModelError> {
    let found = classifier.last_features().zip(minimum_size(classifier));
    let Some((features, side)) = found.filter(|_| classifier.classifies()) else {
        let requirement = "a network with a last map of features for hierarchical attention";
        let name = architecture.name.clone();
        return Err(ModelError::Setting { architecture: name.clone(), field: "name", requirement, got: name });
    };
    let channels = classifier.shapes([side, side])?[features.index()].channels;
    let trunk = classifier.until(features);
    let mut build = GraphBuilder::new(classifier.input_channels());
    let image = build.input();
    let places = build.embed(&trunk, "", image);
    trunk.supervised().iter().for_each(|id| build.supervise(places[id.index()]));
    let features = places[trunk.output().index()];
    let inner = (channels / 4).max(1);
    let attended = foreground(&mut build, features, [channels, inner]);
    let joined = build.concat("joined", &[features, attended]);
    let width = channels.min(WIDEST);
    let x = build.conv("cls_head.0", joined, ConvSpec::square(channels + inner, width, 3).padded(1));
    let x = build.batch_norm("cls_head.1", x, width);
    let x = build.relu("cls_head.2", x);
    let pooled = build.log_sum_exp_pool("pool", x, SHARPNESS);
    let pooled = dropout_before_head(&mut build, pooled, architecture.dropout);
    let anomaly = build.dense_unbiased("anomaly_fc", pooled, width, 1);
    build.detects(anomaly);
    let logits = build.dense_unbiased("cls_fc", pooled, width, architecture.n_classes);
    Ok(build.finish(logits)?)
}

/// `conv · attention over channels and places · conv`, from `channels` features to `inner`.
fn foreground(build: &mut GraphBuilder, features: NodeId, [channels, inner]: [usize; 2]) -> NodeId {
    let same = |inputs, outputs| ConvSpec::square(inputs, outputs, 3).padded(1);
    let point = |outputs| ConvSpec::square(inner, outputs, 1);
    let x = build.conv("fa_layer.conva.0", features, same(channels, inner));
    let x = build.batch_norm("fa_layer.conva.1", x, inner);

    let score = build.conv("fa_layer.fa.conv1", x, point(1));
    let share = build.spatial_share("fa_layer.fa.share", score, Sharing::Softmax);
    let context = build.gate("fa_layer.fa.context", x, share);
    let context = build.adaptive_average_pool("fa_layer.fa.pool", context, [1, 1]);
    let squeezed = (inner / 8).max(1);
    let opening = build.dense_unbiased("fa_layer.fa.channel_fc.0", context, inner, squeezed);
    let opening = build.relu("fa_layer.fa.channel_fc.1", opening);
    let opening = build.dense_unbiased("fa_layer.fa.channel_fc.2", opening, squeezed, inner);
    let opening = build.sigmoid("fa_layer.fa.channels", opening);
    let everywhere = build.interpolate("fa_layer.fa.everywhere", opening, x);
    let weighed = build.conv("fa_layer.fa.conv2", x, point(inner));
    let weighed = build.gate("fa_layer.fa.weighed", weighed, everywhere);

    let place = build.conv("fa_layer.fa.conv3", weighed, point(1));
    let opening = build.conv("fa_layer.fa.conv4", place, same(1, 1));
    let opening = build.batch_norm("fa_layer.fa.bn4", opening, 1);
    let opening = build.sigmoid("fa_layer.fa.places", opening);
    let place = build.gate("fa_layer.fa.place", place, opening);
    let place = scaled_from_zero(build, "fa_layer.fa.gamma", place, inner);
    let x = build.add("fa_layer.fa.sum", &[place, x]);

    let x = build.conv("fa_layer.convb.0", x, same(inner, inner));
    build.batch_norm("fa_layer.convb.1", x, inner)
}

/// One channel on all channels, times a γ each that starts at 0.
fn scaled_from_zero(build: &mut GraphBuilder, name: &str, input: NodeId, channels: usize) -> NodeId {
    let shape = vec![channels, 1, 1, 1];
    let weight = build.parameter(&format!("{name}.weight"), shape, ParamRole::ConvWeight, Init::Constant(0.0));
    build.node(name, Op::Conv(isnet_graph::Conv { weight, bias: None, geometry: Default::default() }), &[input])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::build;

    fn attended(name: &str) -> Result<Graph, ModelError> {
        build(&Architecture { hierarchical_attention: true, ..Architecture::new(name, 5, 1) })
    }

    #[test]
    fn every_convolutional_network_can_have_it_in_place_of_its_head() {
        for name in ["plain_cnn", "resnet18", "densenet121", "vgg11", "squeezenet1_1", "resnet50"] {
            let graph = attended(name).unwrap();
            let shapes = graph.shapes([64, 64]).unwrap();
            let anomaly = graph.anomaly().expect("it detects");
            assert_eq!((shapes[graph.output().index()].channels, shapes[anomaly.index()].channels), (5, 1), "{name}");
            let features = graph.last_features().expect("what the pool reads");
            assert_eq!(graph.node(features).name, "cls_head.2", "{name}");
            let alone = build(&Architecture::new(name, 5, 1)).unwrap();
            assert_eq!(graph.supervised().len(), alone.supervised().len(), "{name}");
        }
    }

    #[test]
    fn the_head_of_the_classifier_is_gone_and_its_trunk_keeps_its_names() {
        let graph = attended("resnet18").unwrap();
        let names: Vec<&str> = graph.params().map(|(_, spec)| spec.name.as_str()).collect();
        assert!(names.contains(&"layer4.1.conv2.weight") && !names.contains(&"fc.weight"));
        let gamma = graph.params().find(|(_, spec)| spec.name == "fa_layer.fa.gamma.weight").unwrap().1;
        assert_eq!((gamma.shape.as_slice(), gamma.init), (&[128, 1, 1, 1][..], Init::Constant(0.0)));
    }

    #[test]
    fn a_transformer_has_no_map_to_attend_to() {
        let error = attended("plain_vit").unwrap_err().to_string();
        assert_eq!(
            error,
            "architecture `plain_vit`: `name` is plain_vit, but must be a network with a last map of features for hierarchical attention"
        );
    }
}
